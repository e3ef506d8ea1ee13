"""``gateway logs show``: one request with its bodies."""

from __future__ import annotations

import json
from typing import Annotated, Any
from urllib.parse import quote

import typer

from ferrogate.cli.control import DataOption, reach, reported
from ferrogate.terminal import printable, printable_json

__all__ = ["show"]

_SHOWN = (
    "request_id", "started_at", "status", "outcome", "error", "operation", "path", "model", "provider",
    "upstream_model", "key", "tenant", "stream", "cache", "similarity", "veto", "finish_reason",
)  # fmt: skip


def show(
    request_id: Annotated[str, typer.Argument(help="The gateway's id, or the client's own x-request-id.")],
    data: DataOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show one request: what the log knows, every attempt, and both bodies where they are kept.

    Examples:
    gateway logs show 01JD3Q5X6W8M9N0P1R2S3T4V5X

    gateway logs show 01JD3Q5X6W8M9N0P1R2S3T4V5X --json | jq -r .bodies.response.text

    """
    place = f"logs/{quote(request_id, safe='')}"
    with reported(), reach(data) as control:
        entry = control.call("GET", place)
        bodies = control.call("GET", f"{place}/payloads")
    if as_json:
        typer.echo(printable_json(json.dumps({**entry, "bodies": bodies}, ensure_ascii=False)))
        return
    for name in _SHOWN:
        if entry[name] not in (None, ""):
            _line(name, entry[name])
    for name, value in entry["latency"].items():
        if value is not None:
            _line(name.replace("_ms", ""), f"{value:.2f} ms")
    for number, attempt in enumerate(entry["attempts"], 1):
        told = (attempt["provider"], attempt["key"], attempt["model"], attempt["status"], attempt["error"])
        notes = [word for word in ("hedge", "lost") if attempt[word]]
        notes += [attempt["reason"]] if attempt["reason"] else []
        notes += [f"not told: {attempt['dropped']}"] if attempt["dropped"] else []
        note = f" ({', '.join(notes)})" if notes else ""
        _line(f"attempt {number}", " ".join(str(part) for part in told if part is not None) + note)
        for lane in attempt["considered"]:
            _line("", _considered(lane))
    for hook in entry["hooks"]:
        _line(f"hook {hook['hook']}", _hooked(hook))
    _line("bodies", bodies["state"])
    for name in ("request", "response"):
        if bodies[name] is not None:
            _body(name, bodies[name])


def _considered(lane: dict[str, Any]) -> str:
    """One lane as it was at the choice, in one line."""
    wait = "not measured" if lane["ttft_ms"] is None else f"first token {lane['ttft_ms']:.0f} ms"
    name = f"{lane['provider']}/{lane['key']}"
    load = f"{lane['in_flight']} in flight"
    good = "" if lane["success"] is None else f", {lane['success']:.0%} good"
    return f"{name:<24} {lane['multiplier']:.1f}x {lane['state']}, {wait}, {load}{good}"


def _hooked(hook: dict[str, Any]) -> str:
    """One hook at one stage, in one line."""
    seen = f", {hook['events']} events" if hook["events"] is not None else ""
    spent = f"ran {hook['run_ms']:.2f} ms, queue {hook['queue_ms']:.2f}, GIL {hook['gil_ms']:.2f}"
    error = f": {hook['error']}" if hook["error"] else ""
    return f"{hook['stage']} {hook['outcome']}{error} ({spent}{seen})"


def _line(name: str, value: Any) -> None:
    typer.echo(f"{name:<15} {printable(str(value))}")


def _body(name: str, body: dict[str, Any]) -> None:
    about = [body["media_type"], body["content_encoding"], f"{body['bytes']} bytes"]
    about += [word for word in ("truncated", "shed") if body[word]]
    typer.echo()
    _line(name, ", ".join(part for part in about if part))
    typer.echo(printable(body["text"] if body["text"] is not None else body["base64"], lines=True))
