"""Clients that leave, and clients that stay and do not read."""

from __future__ import annotations

from harness.faults import Fault

_LEAVING = "clients that leave"
_STALLED = "clients that do not read"


def _left(id: str, what: str, answer: str, **more: object) -> Fault:  # noqa: A002
    return Fault(
        id=id,
        side="client",
        group=_LEAVING,
        what=what,
        status=None,
        answer=answer,
        row="cancelled",
        error="client_closed",
        **more,  # type: ignore[arg-type]
    )


FAULTS = [
    Fault(
        id="leaves-before-the-head",
        side="client",
        group=_LEAVING,
        what="leaves before it has said anything",
        status=None,
        answer="Nothing was asked.",
        row=None,
    ),
    Fault(
        id="leaves-in-the-head",
        side="client",
        group=_LEAVING,
        what="leaves in the middle of its headers",
        status=None,
        answer="Nothing was asked.",
        row=None,
    ),
    _left("leaves-in-the-body", "leaves in the middle of its body", "No provider is asked."),
    _left(
        "leaves-while-waiting",
        "leaves before the answer, in order or by reset",
        "The provider's request is cancelled at once, and no other lane is tried.",
    ),
    Fault(
        id="leaves-in-the-stream",
        side="client",
        group=_LEAVING,
        what="leaves in the middle of a stream",
        status=200,
        answer="The provider's request is cancelled at once; its health is not touched.",
        row="cancelled",
        error="client_closed",
    ),
    Fault(
        id="leaves-after-the-end",
        side="client",
        group=_LEAVING,
        what="leaves once it has the whole answer, by reset",
        status=200,
        answer="It was served.",
        row="ok",
    ),
    Fault(
        id="stalled-reader",
        side="client",
        group=_STALLED,
        what="stops reading a stream",
        status=200,
        answer="The provider is held back and no memory filled; after `limits.client_stall` both are left.",
        row="cancelled",
        error="client_closed",
        doors={
            "uvicorn": "Held back in the same way; uvicorn has no clock for readers, so the stream waits."
        },
    ),
    Fault(
        id="stalled-readers",
        side="client",
        group=_STALLED,
        what="1,000 of them at once",
        status=200,
        answer="Under 192 kB of memory each; who reads is served meanwhile. Native alone.",
        row="cancelled",
        error="client_closed",
    ),
]
