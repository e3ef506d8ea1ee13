from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from ferrogate.hooks import Change, RequestContext, Veto, event_data, make_event
from ferrogate.hooks.bound import Bound

CONTEXT: Any = RequestContext(
    "id", "local", "", "m", "chat.completions", "native", False, b"x-a: 1: 2\nx-b: \n"
)


def bound(**functions: Any) -> Bound:
    return Bound("test", SimpleNamespace(**functions))


@pytest.mark.parametrize(
    ("returned", "expected"),
    [
        (None, None),
        (b"x", b"x"),
        (bytearray(b"x"), b"x"),
        (memoryview(b"x"), b"x"),
        (Change(), (None, [])),
        (Change(b"x", {"a": "b"}), (b"x", [("a", "b")])),
    ],
)
def test_bodies(returned: Any, expected: Any) -> None:
    assert bound(on_request=lambda _body, _context: returned).on_request(b"", CONTEXT) == expected


@pytest.mark.parametrize("returned", [7, "text", [b"x"], Change(body="text")])  # type: ignore[arg-type]
def test_what_is_no_body(returned: Any) -> None:
    with pytest.raises(TypeError, match="where None, bytes or a Change is asked for"):
        bound(on_request=lambda _body, _context: returned).on_request(b"", CONTEXT)


def test_events() -> None:
    hook = bound(on_event=lambda event, _context: None if event == b"a" else event * 2)
    assert hook.on_event([b"a", b"b"], CONTEXT) == [b"a", b"bb"]
    assert hook.on_event([b"a", b"a"], CONTEXT) is None


def test_a_veto_is_its_text() -> None:
    def refuse(_body: bytes, _context: Any) -> None:
        raise Veto("no")

    assert bound(on_request=refuse).on_request(b"", CONTEXT) == "no"


def test_one_line_a_while_says_that_a_hook_fails(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_body: bytes, _context: Any) -> None:
        raise ValueError("bad")

    hook = bound(on_request=fail)
    for _ in range(5):
        with pytest.raises(ValueError, match="bad"):
            hook.on_request(b"", CONTEXT)
    (record,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert "the hook test failed: ValueError: bad" in record.getMessage()
    assert "in fail)" in record.getMessage()


class Call:
    def __init__(self, left: float) -> None:
        self._left = left
        self.said: Any = None

    def arguments(self) -> tuple[str, tuple[Any, Any]] | None:
        return "on_request", (b"x", CONTEXT)

    def left(self) -> float:
        return self._left

    def reply(self, value: Any) -> None:
        self.said = value

    def fail(self, why: str) -> None:
        self.said = f"failed: {why}"


@pytest.mark.parametrize(("seconds", "left", "said"), [(0, 5.0, b"xx"), (30, 0.01, "failed: TimeoutError: ")])
def test_a_coroutine_replies_within_its_time(seconds: float, left: float, said: Any) -> None:
    async def double(body: bytes, _context: Any) -> bytes:
        await asyncio.sleep(seconds)
        return body * 2

    call = Call(left)
    hook = bound(on_request=double)
    assert hook.is_async
    asyncio.run(hook.run(call))
    assert call.said == said


def test_headers_of_a_context() -> None:
    assert CONTEXT.headers == {"x-a": "1: 2", "x-b": ""}


@pytest.mark.parametrize("data", [b"", b"a", b'{"a": "b c"}', b"two\nlines"])
def test_an_event_has_its_data(data: bytes) -> None:
    assert event_data(make_event(data)) == data
    assert event_data(make_event(data, "delta")) == data
    assert make_event(data).endswith(b"\n\n")


def test_a_comment_has_no_data() -> None:
    assert event_data(b": ping\r\n\r\n") == b""
    assert event_data(b"event: x\rdata: 1\rdata:2\r\r") == b"1\n2"
