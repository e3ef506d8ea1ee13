"""The scanner against Python's own ``json``, over HTTP.

What both accept passes with one value changed; what Python refuses, or accepts beyond the standard, is not.
The provider answers with nothing, so an example costs one round trip.
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.chat import ANSWER, CHAT
from harness.gateway import Gateway
from harness.routing import Routing
from harness.upstream import Upstream, json_answer

QUICK = settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
JSON = {"content-type": "application/json"}
SPACE = st.text(alphabet=" \t\r\n", max_size=3)

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
names = st.text(max_size=6).filter(lambda name: name not in ("model", "stream"))


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, str]:
    """A request body with ``MODEL`` for its model, in any spelling of JSON, and how it spells the key."""
    members: list[tuple[str, str]] = []
    for name, value in draw(st.lists(st.tuples(names, values), max_size=5)):
        ascii_only = draw(st.booleans())
        separators = (draw(SPACE) + "," + draw(SPACE), draw(SPACE) + ":" + draw(SPACE))
        members.append(
            (
                json.dumps(name, ensure_ascii=ascii_only),
                json.dumps(value, ensure_ascii=ascii_only, separators=separators),
            )
        )
    spelled = draw(st.sampled_from(['"model"', '"mod\\u0065l"', '"\\u006dodel"']))
    members.insert(draw(st.integers(0, len(members))), (spelled, '"MODEL"'))
    text = draw(SPACE) + "{" + draw(SPACE)
    for index, (name, value) in enumerate(members):
        text += (
            ("," if index else "")
            + draw(SPACE)
            + name
            + draw(SPACE)
            + ":"
            + draw(SPACE)
            + value
            + draw(SPACE)
        )
    return text + "}" + draw(SPACE), spelled


def no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def test_what_python_accepts_passes_with_one_value_changed(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    upstream.script = json_answer(ANSWER)
    model = routing.provider(upstream.url).model("m")

    @QUICK
    @given(documents())
    def check(document: tuple[str, str]) -> None:
        text, spelled = document
        head, tail = text.split(spelled, 1)
        gap, behind = tail.split('"MODEL"', 1)
        sent = head + spelled + gap + json.dumps(model) + behind
        body = sent.encode("utf-8", "surrogatepass")
        answer = gateway.http.post(CHAT, content=body, headers=JSON)
        try:
            text.encode()
        except UnicodeEncodeError:
            assert answer.status_code == 400, sent
            return
        assert answer.status_code == 200, (sent, answer.text)
        assert upstream.requests[-1].body == (head + spelled + gap + '"m"' + behind).encode()

    check()


MUTATIONS = st.lists(
    st.tuples(st.integers(0, 400), st.binary(max_size=2), st.integers(0, 2)), min_size=1, max_size=3
)
SEED = (
    b'{"model":"m","messages":[{"role":"user","content":"a\\u00e9\\n"}],"t":-1.5e+3,"n":null,"b":[true,{}]}'
)


def test_it_agrees_with_python_on_broken_bodies(
    gateway: Gateway, routing: Routing, upstream: Upstream
) -> None:
    """The verdict alone: 400 ``invalid_json`` exactly where Python's parser, held to the standard, fails."""
    upstream.script = json_answer(ANSWER)
    provider = routing.provider(upstream.url)
    pin = {**JSON, "x-gateway-provider": provider.name}

    @settings(QUICK, max_examples=150)
    @given(MUTATIONS)
    def check(mutations: list[tuple[int, bytes, int]]) -> None:
        body = SEED
        for at, inserted, removed in mutations:
            place = at % (len(body) + 1)
            body = body[:place] + inserted + body[place + removed :]
        answer = gateway.http.post(CHAT, content=body, headers=pin)
        refused = answer.status_code == 400 and answer.json()["error"]["code"] == "invalid_json"
        assert refused == (not is_json(body)), (body, answer.text)

    check()


def is_json(body: bytes) -> bool:
    try:
        document = json.loads(body.decode(), parse_constant=no_constant, parse_float=len)
    except ValueError:
        return False
    return document is not no_constant
