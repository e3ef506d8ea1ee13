from __future__ import annotations

import base64
from typing import Any

import pytest

from ferrogate.services.payloads import PayloadsService, StoredPayload
from ferrogate.store.tables import REQUEST_COLUMNS

PLACED = {"payload": "kept", "payload_segment": 7, "payload_offset": 24, "payload_bytes": 90}


def about(**given: Any) -> dict[str, Any]:
    return {"bytes": 0, "media": "text/plain", "coding": "", "truncated": False, "shed": False} | given


def service(gateway: Any, found: StoredPayload | None, **given: Any) -> PayloadsService:
    row: dict[str, Any] = dict.fromkeys(REQUEST_COLUMNS, 0)
    row |= {"request_id": "one", "error": None, "attempts_json": None, "tags": None, **given}
    with gateway.store.database.write() as connection:
        gateway.store.requests.insert_many(connection, 1, list(row.values()))
    asked: list[tuple[Any, ...]] = []

    def read(*place: Any) -> StoredPayload | None:
        asked.append(place)
        return found

    made = PayloadsService(gateway.store, read)
    made.get("one")
    assert asked == ([(7, 24, 90, "one")] if given.get("payload_bytes") else [])
    return made


@pytest.mark.parametrize(
    ("body", "given", "text"),
    [
        (b"caf\xc3\xa9", {}, "café"),
        (b"caf\xc3", {"truncated": True}, "caf"),
        (b"\xf0\x9f\xa6", {"truncated": True}, ""),
        (b"caf\xc3", {}, None),
        (b"\xff\xfe", {"truncated": True}, None),
        (b"packed", {"coding": "gzip"}, None),
    ],
)
def test_a_body_is_text_where_it_is_text(gateway: Any, body: bytes, given: Any, text: str | None) -> None:
    stored = StoredPayload(about(bytes=len(body), **given), about(), body, b"")
    found = service(gateway, stored, **PLACED).get("one")
    assert found["request"]["text"] == text
    encoded = None if text is not None else base64.b64encode(body).decode()
    assert (found["request"]["base64"], found["request"]["bytes"]) == (encoded, len(body))
    assert found["response"] is None


def test_a_body_that_found_no_room_is_told_from_none(gateway: Any) -> None:
    stored = StoredPayload(about(shed=True), about(bytes=2), b"", b"ok")
    found = service(gateway, stored, **PLACED | {"payload": "shed"}).get("one")
    assert (found["state"], found["request"]["shed"], found["request"]["bytes"]) == ("shed", True, 0)
    assert found["response"]["text"] == "ok"


def test_what_was_deleted_is_gone(gateway: Any) -> None:
    found = service(gateway, None, **PLACED).get("one")
    assert (found["state"], found["request"], found["response"]) == ("gone", None, None)


@pytest.mark.parametrize("state", ["off", "none", "shed"])
def test_without_a_place_nothing_is_read(gateway: Any, state: str) -> None:
    nowhere = dict.fromkeys(("payload_segment", "payload_offset", "payload_bytes"))
    assert service(gateway, None, payload=state, **nowhere).get("one")["state"] == state
