"""The request log and its charts, as the admin API gives them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["LogEntry", "LogList", "Payloads", "Stats"]


class Tokens(BaseModel):
    """What the provider counted; null where it did not say."""

    input: int | None
    output: int | None
    cached: int | None


class Latency(BaseModel):
    """Milliseconds; null where there was nothing to measure."""

    total_ms: float = Field(description="from the request's first byte to the answer's last")
    ttft_ms: float | None = Field(description="to the first event with content")
    per_token_ms: float | None = Field(description="between output tokens of a stream")
    overhead_ms: float = Field(description="what the gateway itself took")
    queue_ms: float = Field(description="waiting for a place")
    upstream_ms: float | None = Field(description="the provider's part")


class Considered(BaseModel):
    """A lane as it was when one was chosen; null where nothing was known."""

    provider: str | None
    key: str | None
    model: str | None
    state: str | None = Field(description="ready, probing, full, resting, cooling or key refused")
    multiplier: float | None = Field(description="on the configured weight")
    ttft_ms: float | None
    token_ms: float | None
    success: float | None = Field(description="share of answers in the last 20 s")
    in_flight: int | None
    waiting: int | None = Field(description="those of them without a first token")
    weight: float | None = Field(description="by which it was drawn")
    ratio: float | None = Field(description="its wait to the best lane's")


class Attempt(BaseModel):
    """One try on one lane, and why this one."""

    model_config = ConfigDict(populate_by_name=True)

    provider: str | None
    key: str | None
    model: str | None
    status: int | None
    error: str | None
    failure: str | None = Field(
        alias="class", description="whose failure: client, key, limited, lane, filter or nobody"
    )
    duration_ms: float | None
    reason: str | None = Field(
        description="drawn, less_busy, affinity, probe, only, fallback or least_bad; null without a choice"
    )
    hedge: bool = Field(description="sent beside a lane that was late")
    lost: bool = Field(description="another lane answered first")
    dropped: str | None = Field(description="what the provider's dialect could not be told")
    lanes: int | None = Field(description="how many there were")
    considered: list[Considered] = Field(description="up to eight of them, the chosen one first")


class Hooked(BaseModel):
    """What one hook did at one stage of a request."""

    hook: str
    stage: str = Field(description="request, response or event")
    outcome: str = Field(description="passed, changed, vetoed, raised, late or full")
    calls: int
    events: int | None = Field(description="those that on_event saw")
    run_ms: float | None = Field(description="in its code")
    queue_ms: float | None = Field(description="until a thread took it")
    gil_ms: float | None = Field(description="until that thread had the GIL")
    error: str | None = Field(description="what it raised")


class Sizes(BaseModel):
    """Body sizes."""

    request: int
    response: int


class PayloadState(BaseModel):
    """What became of the bodies; `gone` is told only where one request is asked for."""

    state: str = Field(description="kept, truncated, shed, off, none (there were none) or gone")
    stored_bytes: int | None = Field(description="on disk, packed")


class LogEntry(BaseModel):
    """One request."""

    request_id: str = Field(examples=["01JD3Q5X6W8M9N0P1R2S3T4V5X"])
    client_request_id: str | None = Field(description="the client's own x-request-id")
    started_at: str = Field(examples=["2025-01-31T12:00:00.000Z"])
    door: str = Field(examples=["native"])
    tenant: str
    gateway_key: str | None
    operation: str = Field(examples=["chat.completions"])
    path: str
    model: str = Field(description="as the client asked")
    provider: str | None
    upstream_model: str | None
    key: str | None = Field(description="the key's name")
    key_id: str | None
    status: int = Field(description="sent to the client; 499 where it had left")
    outcome: str = Field(description="ok, error, cut or cancelled")
    error: str | None = Field(description="stable identifier; see docs/errors.md")
    stream: bool
    cache: str
    similarity: float | None = Field(description="of the nearest question that has an answer")
    veto: str | None = Field(description="why that answer was not served")
    finish_reason: str | None
    tokens: Tokens
    latency: Latency
    bytes: Sizes
    attempts: list[Attempt]
    hooks: list[Hooked]
    tags: dict[str, str]
    payloads: PayloadState


class LogList(BaseModel):
    """A page of the log, newest first."""

    items: list[LogEntry]
    next_cursor: str | None = Field(description="give it as `cursor` for the next page; null at the end")


class PayloadBody(BaseModel):
    """One body: `text` where it is UTF-8, else `base64`."""

    media_type: str | None
    content_encoding: str | None = Field(description="where the bytes are compressed as they went")
    bytes: int = Field(description="kept")
    truncated: bool = Field(description="there was more")
    shed: bool = Field(description="there was no room for it")
    text: str | None
    base64: str | None


class Payloads(BaseModel):
    """Both bodies of a request; null where there was none or it is gone."""

    request_id: str
    state: str = Field(description="kept, truncated, shed, off, none or gone")
    request: PayloadBody | None
    response: PayloadBody | None


class Totals(BaseModel):
    """Sums over the window."""

    requests: int
    errors: int
    cancelled: int
    input_tokens: int
    output_tokens: int


class TokenSums(BaseModel):
    """Tokens of one span."""

    input: int
    output: int


class Span(BaseModel):
    """One span of time that saw a request."""

    start: str
    requests: int
    errors: int
    cancelled: int
    tokens: TokenSums
    p50_ms: float | None
    p95_ms: float | None
    ttft_p50_ms: float | None


class Stats(BaseModel):
    """Counts and percentiles over time; spans without requests are left out."""

    since: str
    until: str
    bucket_seconds: float
    source: str = Field(description="rollups (percentiles within ten percent) or rows (exact)")
    totals: Totals
    series: list[Span]
