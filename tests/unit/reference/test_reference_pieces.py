"""Bodies, paths, names and event frames, without a provider."""

from __future__ import annotations

import json
from collections import Counter

import orjson
import pytest
from fake_provider import COLUMNS, a_key, a_provider, a_snapshot
from hypothesis import given
from hypothesis import strategies as st

from ferrogate.engine.snapshot import Alias, Target
from ferrogate.reference.body import parse_body
from ferrogate.reference.errors import STATUS, RequestError, error_body
from ferrogate.reference.record import new_request_id
from ferrogate.reference.resolve import Resolver
from ferrogate.reference.route import find_route
from ferrogate.reference.stream import Framer


def refused(body: bytes) -> str:
    with pytest.raises(RequestError) as error:
        parse_body(body)
    return error.value.kind


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"model":"a",}',
        b'{"model":"a"} x',
        b'{"model":"a","x":NaN}',
        b'{"model":"a","x":Infinity}',
        b'{"model":"a","x":-Infinity}',
        b'{"model":"a","x":"\xff"}',
        b'{"model":"a" "x":1}',
        b"{'model':'a'}",
        b'\xef\xbb\xbf{"model":"a"}',
        b'{"model":"a","x":' + b"[" * 128 + b"]" * 128 + b"}",
        b'{"model":"a","x":' + b"[" * 100_000,
    ],
)
def test_what_is_not_json_is_refused(body):
    assert refused(body) == "invalid_json"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"[]", "invalid_request"),
        (b'"x"', "invalid_request"),
        (b"{}", "model_missing"),
        (b'{"model":null}', "model_missing"),
        (b'{"model":1}', "model_missing"),
        (b'{"model":""}', "model_missing"),
        (b'{"x":{"model":"nested"}}', "model_missing"),
        (b'{"model":"a","model":"b"}', "invalid_request"),
        (b'{"model":"a","mod\\u0065l":"b"}', "invalid_request"),
        (b'{"model":"a","stream":true,"stream":false}', "invalid_request"),
        (b'{"model":"a","stream":1}', "invalid_request"),
    ],
)
def test_what_the_gateway_cannot_read_is_refused(body, kind):
    assert refused(body) == kind


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"model":"a"}', b'{"model":"new"}'),
        (b' {"x":{"model":"n"},"model" :\n"a" }\n', b' {"x":{"model":"n"},"model" :\n"new" }\n'),
        (b'{"mod\\u0065l":"a"}', b'{"mod\\u0065l":"new"}'),
        (b'{"x":"\\ud800","model":"a"}', b'{"x":"\\ud800","model":"new"}'),
        ('{"ü":"é\U0001f600","x":["model","model"],"model":"a"}'.encode(), None),
        (b'{"top_p":1,"top_p":2,"model":"a","big":1e999}', None),
        (b'{"model":"a","x":' + b"[" * 127 + b"]" * 127 + b"}", None),
        (b'{"role":"model","model":"a","stream":false}', None),
    ],
)
def test_only_the_models_value_changes(body, expected):
    parsed = parse_body(body)
    assert (parsed.model, parsed.stream) == ("a", False)
    assert parsed.for_model("a") is body
    assert parsed.for_model("new") == (expected or body.replace(b'"a"', b'"new"'))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.just("model"), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), JSON, max_size=4), st.text(min_size=1), st.booleans(), st.integers(0, 4))
def test_a_splice_equals_a_change_of_the_tree(document, name, ascii_only, place):
    document.pop("stream", None)
    members = [item for item in document.items() if item[0] != "model"]
    members.insert(place, ("model", "gpt"))
    text = json.dumps(dict(members), ensure_ascii=ascii_only, indent=place or None)
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        return
    changed = parse_body(raw).for_model(name)
    assert json.loads(changed) == {**dict(members), "model": name}


@pytest.mark.parametrize(
    ("method", "path", "operation", "rest"),
    [
        ("POST", "/openai/v1/chat/completions", "chat.completions", "chat/completions"),
        ("POST", "/openai/chat/completions", "chat.completions", "chat/completions"),
        ("POST", "/v1/completions", "completions", "completions"),
        ("POST", "/litellm/openai/v1/embeddings", "embeddings", "embeddings"),
        ("POST", "/langchain/chat/completions", "chat.completions", "chat/completions"),
        ("POST", "/pydanticai/v1/moderations", "moderations", "moderations"),
        ("GET", "/openai/v1/models", "models", "models"),
        ("GET", "/v1/models/a%2Fb", "models", "models/a%2Fb"),
    ],
)
def test_routes(method, path, operation, rest):
    route = find_route(method, path)
    assert (route.operation, route.path, route.provider) == (operation, rest, "openai")


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("POST", "/openai/v1/responses", "not_supported"),
        ("POST", "/v1/images/generations", "not_supported"),
        ("POST", "/v1/audio/speech", "not_supported"),
        ("GET", "/v1/files", "not_supported"),
        ("GET", "/v1/chat/completions", "not_supported"),
        ("POST", "/anthropic/v1/messages", "not_supported"),
        ("POST", "/litellm/cohere/v2/chat", "not_supported"),
        ("GET", "/openai", "route_not_found"),
        ("GET", "/elsewhere", "route_not_found"),
    ],
)
def test_routes_that_are_left_out(method, path, kind):
    with pytest.raises(RequestError) as error:
        find_route(method, path)
    assert (error.value.kind, error.value.status) == (kind, STATUS[kind])


def order(snapshot, model, **more):
    return [
        (lane.provider.name, lane.key.name, lane.model)
        for lane in Resolver(snapshot).lanes(model, "openai", **more)
    ]


def test_lanes_of_another_dialect_are_left_out():
    claude = a_provider("claude", "http://c", a_key("c")).model_copy(update={"dialect": "anthropic"})
    targets = [Target(provider="claude", model="haiku"), Target(provider="openai", model="mini")]
    snapshot = a_snapshot(
        a_provider("openai", "http://o", a_key("o")), claude, aliases=[Alias(name="chat", targets=targets)]
    )
    assert order(snapshot, "chat") == [("openai", "o", "mini")]
    with pytest.raises(RequestError, match="speaks the anthropic dialect") as error:
        order(snapshot, "claude/haiku")
    assert (error.value.kind, error.value.status) == ("not_supported", 501)


def test_names_are_resolved_in_the_documented_order():
    snapshot = a_snapshot(
        a_provider("openai", "http://o", a_key("o")),
        a_provider("groq", "http://g", a_key("g", models=["llama*", "gpt-4o"])),
        a_provider("idle", "http://i", configured=False),
        aliases=[Alias(name="groq/fast", targets=[Target(provider="openai", model="mini")])],
    )
    assert order(snapshot, "groq/fast") == [("openai", "o", "mini")]
    assert order(snapshot, "groq/llama-3") == [("groq", "g", "llama-3")]
    assert order(snapshot, "llama-3") == [("groq", "g", "llama-3")]
    assert order(snapshot, "gpt-4o") == [("groq", "g", "gpt-4o")]
    assert order(snapshot, "gpt-5") == [("openai", "o", "gpt-5")]
    assert order(snapshot, "idle/x") == [("openai", "o", "idle/x")]
    assert order(snapshot, "gpt-5", fallbacks=["groq/llama-3"]) == [
        ("openai", "o", "gpt-5"),
        ("groq", "g", "llama-3"),
    ]
    assert order(snapshot, "openai/gpt-5", provider="openai") == [("openai", "o", "gpt-5")]


@pytest.mark.parametrize(
    ("model", "pins", "kind", "says"),
    [
        ("groc/x", {}, "provider_not_found", "groq"),
        ("gpt-4o", {}, "provider_key_missing", "gateway keys add"),
        ("groq/x", {"key": "other"}, "key_not_found", "x-gateway-key"),
        ("groq/x", {"provider": "nobody"}, "provider_not_found", "nobody"),
        ("empty/x", {}, "provider_key_missing", "empty"),
        ("picky/x", {}, "provider_key_missing", "models"),
    ],
)
def test_names_that_lead_nowhere(model, pins, kind, says):
    snapshot = a_snapshot(
        a_provider("openai", "http://o", configured=False, key_hint="Type: gateway keys add openai"),
        a_provider("groq", "http://g", a_key("g")),
        a_provider("empty", "http://e", a_key("off", enabled=False)),
        a_provider("picky", "http://p", a_key("p", models=["only"])),
    )
    with pytest.raises(RequestError) as error:
        Resolver(snapshot).lanes(model, "openai", **pins)
    assert error.value.kind == kind
    assert says in error.value.message


def test_keys_are_drawn_by_weight_and_all_are_in_the_order():
    snapshot = a_snapshot(
        a_provider(
            "openai",
            "http://o",
            a_key("heavy", weight=3),
            a_key("light"),
            a_key("never", weight=0),
            a_key("off", enabled=False),
        )
    )
    resolver = Resolver(snapshot)
    first = Counter()
    for _ in range(4000):
        lanes = resolver.lanes("m", "openai")
        assert sorted(lane.key.name for lane in lanes) == ["heavy", "light"]
        first[lanes[0].key.name] += 1
    assert 0.70 < first["heavy"] / 4000 < 0.80


def test_targets_with_a_weight_go_before_those_in_line():
    targets = [
        Target(provider="openai", model="backup"),
        Target(provider="openai", model="drawn", weight=1),
        Target(provider="openai", model="last"),
    ]
    snapshot = a_snapshot(
        a_provider("openai", "http://o", a_key("k")), aliases=[Alias(name="m", targets=targets)]
    )
    assert [lane.model for lane in Resolver(snapshot).lanes("m", "openai")] == ["drawn", "backup", "last"]


def test_a_keyless_provider_needs_no_key():
    snapshot = a_snapshot(a_provider("local", "http://l", keyless=True))
    assert order(snapshot, "local/m") == [("local", "", "m")]


@pytest.mark.parametrize("blank", [b"\n\n", b"\r\n\r\n", b"\r\r", b"\n\r\n", b"\r\n\n"])
def test_frames_end_at_every_kind_of_blank_line(blank):
    framer = Framer()
    assert framer.feed(b"data: 1" + blank + b"data: h") == b"data: 1" + blank
    assert framer.feed(b"alf") == b""
    assert framer.feed(blank) == b"data: half" + blank
    assert framer.finish() == b""


@given(st.lists(st.binary(max_size=6), max_size=12))
def test_frames_lose_nothing(chunks):
    framer = Framer()
    out = b"".join(framer.feed(piece) for piece in chunks) + framer.finish()
    assert out == b"".join(chunks)


def test_request_ids_are_ordered_and_distinct():
    ids = [new_request_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert all(len(one) == 26 and set(one) <= set("0123456789ABCDEFGHJKMNPQRSTVWXYZ") for one in ids)
    assert ids[0][:10] <= ids[-1][:10]


@pytest.mark.parametrize("kind", sorted(STATUS))
def test_every_error_has_the_dialects_shape(kind):
    error = orjson.loads(error_body(kind, 'say "why"', "model"))["error"]
    assert (error["code"], error["message"], error["param"]) == (kind, 'say "why"', "model")
    assert error["type"]


def test_rows_have_the_columns_of_the_table():
    tables = pytest.importorskip("ferrogate.store.tables")
    assert tuple(tables.REQUEST_COLUMNS) == tuple(COLUMNS)
