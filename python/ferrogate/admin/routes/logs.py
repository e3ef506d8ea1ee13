"""The request log and its charts."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from ferrogate.admin.dependencies import ServicesOf, api_router, problems
from ferrogate.admin.log_schemas import LogEntry, LogList, Payloads, Stats
from ferrogate.admin.problems import ProblemError
from ferrogate.config.quantities import duration_ms
from ferrogate.services.logs import MOST_ROWS, parse_filter
from ferrogate.store.requests import LogFilter

__all__ = ["router"]

router = api_router("logs")

_TIME = "ISO 8601, unix milliseconds, or an age such as 15m"
Since = Annotated[str | None, Query(description=f"began at or after: {_TIME}", examples=["15m"])]
Until = Annotated[str | None, Query(description=f"began before: {_TIME}")]
Status = Annotated[str | None, Query(description="a code or a class", examples=["429", "5xx"])]
Tag = Annotated[str | None, Query(description="name, or name=value", examples=["team=search"])]
Model = Annotated[str | None, Query(description="as asked, or as sent to the provider")]
Key = Annotated[str | None, Query(description="a key's name or id")]
Text = Annotated[str | None, Query(description="found in ids, names, path, error or tags")]


@router.get("/logs", response_model=LogList, summary="List requests")
def list_logs(
    services: ServicesOf,
    since: Since = None,
    until: Until = None,
    provider: str | None = None,
    model: Model = None,
    key: Key = None,
    status: Status = None,
    cache: str | None = None,
    tag: Tag = None,
    text: Text = None,
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 50,
    cursor: Annotated[str | None, Query(description="`next_cursor` of the page before")] = None,
) -> dict[str, Any]:
    """List requests that ended, newest first. One shows within two seconds of its end."""
    asked = _filter(
        since=since, until=until, provider=provider, model=model, key=key, status=status, cache=cache,
        tag=tag, text=text,
    )  # fmt: skip
    try:
        page = services.logs.page(asked, limit, cursor)
    except ValueError as error:
        raise ProblemError("validation_failed", str(error)) from None
    return {"items": page.items, "next_cursor": page.next_cursor}


@router.get(
    "/logs/{request_id:path}/payloads",
    response_model=Payloads,
    summary="Get a request's bodies",
    responses=problems(404),
)
def get_payloads(request_id: str, services: ServicesOf) -> dict[str, Any]:
    """Both bodies of a request as they went, from their start up to `log.payload_limit`."""
    return services.payloads.get(request_id)


@router.get(
    "/logs/{request_id:path}", response_model=LogEntry, summary="Get a request", responses=problems(404)
)
def get_log(request_id: str, services: ServicesOf) -> dict[str, Any]:
    """One request, by `x-gateway-request-id` or by the client's own `x-request-id`."""
    return services.logs.get(request_id)


@router.get("/stats", response_model=Stats, summary="Counts over time")
def get_stats(
    services: ServicesOf,
    since: Since = None,
    until: Until = None,
    bucket: Annotated[str, Query(description="length of a span", examples=["1m", "5m"])] = "1m",
    provider: str | None = None,
    model: Model = None,
    key: Key = None,
) -> dict[str, Any]:
    """Count requests, errors and tokens per span; the last hour unless `since` says otherwise."""
    try:
        bucket_ms = duration_ms(bucket)
        if bucket_ms < 1_000:
            raise ValueError("must be a second or more")
    except ValueError as error:
        raise ProblemError("validation_failed", f"bucket {error}") from None
    asked = _filter(since=since, until=until, provider=provider, model=model, key=key)
    try:
        return services.logs.stats(asked, bucket_ms)
    except ValueError as error:
        raise ProblemError("validation_failed", str(error)) from None


def _filter(**given: str | None) -> LogFilter:
    try:
        return parse_filter(given)
    except ValueError as error:
        raise ProblemError("validation_failed", str(error)) from None
