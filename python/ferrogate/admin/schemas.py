"""What the admin API takes and gives: names, meanings and examples, as ``/docs`` shows them.

Requests refuse unknown fields: a misspelled one must not be lost in silence. What a value may be is
decided by the services, so that REST, the dashboard and the command line answer alike.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ferrogate.config.cache import AliasCache
from ferrogate.config.quantities import Share

__all__ = [
    "AliasBody",
    "AliasItem",
    "AliasList",
    "GatewayKeyBody",
    "GatewayKeyItem",
    "GatewayKeyList",
    "GatewayKeyMade",
    "KeyBody",
    "KeyChange",
    "KeyItem",
    "KeyList",
    "KeyTestResult",
    "ProblemDocument",
    "ProviderBody",
    "ProviderChange",
    "ProviderItem",
    "ProviderList",
    "TargetBody",
    "TargetItem",
]

Models = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=512)]],
    Field(min_length=1, description="names this key may serve; `*` for all; a trailing `*` is a prefix"),
]
Weight = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False, description="share of the traffic")]
Texts = dict[str, str]


class Body(BaseModel):
    """Base of what is taken. Errors never quote the input: it may be a secret."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class ProblemDocument(BaseModel):
    """An RFC 9457 problem."""

    type: str = Field(examples=["urn:ferrogate:problem:not_found"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(description="a sentence that says what to do")
    code: str = Field(description="stable; match on this one", examples=["not_found"])


class KeyBody(Body):
    """A provider key to store."""

    provider: str = Field(examples=["openai"])
    value: str = Field(description="the key itself; it is never shown again", examples=["sk-..."])
    name: str | None = Field(
        None, description="default: the first free of main, main-2, ...", examples=["main"]
    )
    weight: Weight = 1.0
    models: Models = ["*"]
    enabled: bool = True


class KeyChange(Body):
    """The fields to change; what is left out stays."""

    name: str = "main"
    value: str = Field("", examples=["sk-..."])
    weight: Weight = 1.0
    models: Models = ["*"]
    enabled: bool = True


class KeyItem(BaseModel):
    """A provider key; its value is masked."""

    id: str = Field(examples=["key_01jd3q5x6w8m9n0p1r2s3t4v5x"])
    provider: str = Field(examples=["openai"])
    name: str = Field(examples=["main"])
    value: str = Field(description="masked", examples=["sk-...abcd"])
    weight: float = Field(examples=[1.0])
    models: list[str] = Field(examples=[["*"]])
    enabled: bool
    source: Literal["file", "env", "store"] = Field(description="only `store` can be changed here")
    origin: str = Field(description="the place in words", examples=["gateway.yaml:4:7"])
    in_force: bool = Field(description="false where a key of higher rank hides it")


class KeyList(BaseModel):
    """Provider keys of every source."""

    items: list[KeyItem]


class KeyTestResult(BaseModel):
    """How a real call with the key went."""

    ok: bool
    status: int | None = Field(description="what the provider answered", examples=[200])
    latency_ms: float | None = Field(examples=[182.4])
    message: str = Field(examples=["openai accepted the key and lists 71 models."])


class GatewayKeyBody(Body):
    """A client credential to make."""

    name: str = Field(examples=["chatbot"])
    tenant: str | None = Field(None, description="default: the key's own id", examples=["team-a"])


class GatewayKeyItem(BaseModel):
    """A client credential, without its secret."""

    id: str = Field(examples=["gk_01jd3q5x6w8m9n0p1r2s3t4v5x"])
    name: str = Field(examples=["chatbot"])
    tenant: str = Field(examples=["team-a"])
    masked: str = Field(examples=["fgk_...abcd"])
    source: Literal["env", "store"]
    created_at: str | None = Field(examples=["2025-01-31T12:00:00.000Z"])


class GatewayKeyMade(GatewayKeyItem):
    """A fresh client credential."""

    secret: str = Field(description="shown this once", examples=["fgk_..."])


class GatewayKeyList(BaseModel):
    """Client credentials."""

    items: list[GatewayKeyItem]


class ProviderChange(Body):
    """The settings to change; what is left out stays, a mapping is replaced whole."""

    base_url: str | None = Field(None, examples=["http://127.0.0.1:8000/v1"])
    query: Texts = Field({}, description="added to every URL")
    headers: Texts = Field({}, description="sent with every request")
    timeouts: dict[str, str | float] = Field(
        {}, description="connect, headers, idle, json, deadline", examples=[{"connect": "5s"}]
    )
    http2: Literal["auto", "off"] | None = None
    options: Texts = Field({}, description="settings of this kind", examples=[{"api_version": "2024-10-21"}])


class ProviderBody(ProviderChange):
    """A provider to declare."""

    name: str = Field(description="the word before the / of provider/model", examples=["my-vllm"])
    kind: str | None = Field(
        None,
        description="the provider that it follows; default: its own name",
        examples=["openai-compatible"],
    )


class ProviderItem(BaseModel):
    """A provider; credentials in its headers and query are masked."""

    name: str = Field(examples=["my-vllm"])
    title: str = Field(examples=["OpenAI-compatible"])
    kind: str = Field(examples=["openai-compatible"])
    base_url: str | None
    query: Texts
    headers: Texts
    timeouts: dict[str, str]
    http2: str
    options: Texts
    source: str = Field(description="builtin, file or store", examples=["store"])
    origin: str | None
    configured: bool = Field(description="somebody gave it a key or an entry")
    needs_key: bool = Field(description="calls without a key fail")


class ProviderList(BaseModel):
    """Providers that can be called."""

    items: list[ProviderItem]


class TargetBody(Body):
    """Where an alias leads: `target`, or `provider` and `model`."""

    target: str | None = Field(None, examples=["openai/gpt-4o-mini"])
    provider: str | None = None
    model: str | None = None
    weight: float | None = Field(None, gt=0, le=1e6, allow_inf_nan=False)


class AliasLogBody(Body):
    """What an alias says of the log for itself; null leaves it to the top level."""

    payloads: bool | None = Field(None, description="keep bodies")


class AliasHedgeBody(Body):
    """What an alias says of hedging for itself; null leaves it to the top level."""

    enabled: bool | None = Field(None, description="ask a second lane too where the first is late")
    budget: Share | None = Field(None, description="part of the requests, at most: 0.05 or 5%")


Affinity = Annotated[
    bool | None,
    Field(
        description="one conversation stays on one lane while that does well; null leaves it to the top level"
    ),
]


class AliasBody(Body):
    """The targets of an alias, in order, and what it says for itself."""

    log: AliasLogBody = AliasLogBody(payloads=None)
    hedge: AliasHedgeBody = AliasHedgeBody(enabled=None, budget=None)
    affinity: Affinity = None
    cache: AliasCache = AliasCache()
    targets: list[str | TargetBody] = Field(
        min_length=1,
        examples=[["openai/gpt-4o-mini", {"target": "groq/llama-3.1-8b-instant", "weight": 0.5}]],
    )


class TargetItem(BaseModel):
    """One target."""

    provider: str
    model: str
    weight: float | None


class AliasItem(BaseModel):
    """A model name of the gateway's own."""

    name: str = Field(examples=["chat"])
    targets: list[TargetItem]
    log: AliasLogBody
    hedge: AliasHedgeBody
    affinity: Affinity
    cache: AliasCache
    source: str = Field(examples=["store"])
    origin: str | None


class AliasList(BaseModel):
    """Aliases."""

    items: list[AliasItem]
