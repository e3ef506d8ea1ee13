"""The providers of the matrix: one that fails for each fault, and one that works.

All cells of a fault share its provider; a request is known by the key of its lane.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import socket
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import upstream_answer_cases
import upstream_http2_cases as http2
import upstream_reach_cases
import upstream_stream_cases
from h2.errors import ErrorCodes
from provoke import GOOD, Case

from harness.certificates import Certificates
from harness.chat import ANSWER, DONE, FINISH, delta
from harness.faults import Fault, Moment
from harness.h2_upstream import H2Script, H2Stream, H2Upstream
from harness.upstream import Exchange, Script, Upstream, json_answer, sse

__all__ = ["Authorities", "Failing", "failing", "works"]

CASES: Mapping[str, Case] = {
    **upstream_answer_cases.CASES,
    **upstream_reach_cases.CASES,
    **upstream_stream_cases.CASES,
}
"""By the bytes alone; the rest needs a certificate, a connection that was used before, or HTTP/2."""
BROKEN = Case(body=delta("a"), gate=http2.SEEN)
H2_CASES: Mapping[str, tuple[Case, H2Script]] = {
    "h2-goaway-mid-stream": (Case(body=delta("a") + FINISH + DONE), http2.goes_away_and_on),
    "h2-reset-before": (Case(), http2.resets),
    "h2-reset-mid-stream": (BROKEN, http2.breaks_off(ErrorCodes.INTERNAL_ERROR)),
    "h2-goaway-and-end": (BROKEN, http2.goes_away_in_anger),
    "h2-json-reset": (Case(), http2.half_of_json),
}
H2_ONCE: Mapping[str, H2Script] = {
    "h2-goaway-unprocessed": http2.not_processed,
    "h2-refused-stream": http2.refused,
    "h2-connection-dies": http2.dies,
}
"""What the same lane is asked again for: once for each lane."""


@dataclass(frozen=True)
class Authorities:
    """Who signed what the providers show."""

    unknown: Certificates
    elsewhere: Certificates
    """For another name."""
    own: Certificates


@dataclass
class Failing:
    """A provider with a fault, and what came to it."""

    case: Case
    url: str = ""
    ca: Path | None = None
    hears: bool = True
    """Whether requests arrive at all."""
    asks: int = 1
    """Requests that a cell must make at least."""
    strikes: Counter[str] | None = None
    """By key, where the fault comes only to a connection that was used: a cell asks until it came."""
    resent: Counter[str] = field(default_factory=Counter)
    """By key: how often the gateway had to send again on the same lane."""
    alone: bool = False
    """Its cells share a connection or an event, and run one after the other."""
    arrived: defaultdict[str, list[bytes | None]] = field(default_factory=lambda: defaultdict(list))
    """By key: the bodies, where they are known."""

    def case_of(self, moment: Moment) -> Case:
        """How a cell asks, and what it sees of a provider that is none the worse for its fault."""
        stream = moment != "json"
        sound = (GOOD if stream else ANSWER) if self.strikes is not None else self.case.body
        return dataclasses.replace(self.case, stream=stream, body=sound)


def works(exchange: Exchange) -> None:
    """Answer as a provider without a fault does."""
    stream = json.loads(exchange.request.body).get("stream", False)
    (sse(GOOD) if stream else json_answer(ANSWER))(exchange)


def _key(authorization: str | None) -> str:
    return str(authorization).removeprefix("Bearer ")


@contextlib.contextmanager
def failing(fault: Fault, authorities: Authorities) -> Iterator[Failing]:
    """Start the provider that has a fault."""
    if fault.id in H2_CASES or fault.id in H2_ONCE or fault.id == "h2-goaway-idle":
        yield from _http2(fault.id, authorities)
    elif fault.id in ("unknown-authority", "wrong-name"):
        yield from _certified(fault.id, authorities)
    elif fault.id == "kept-connection-dies":
        yield from _kept()
    elif fault.id == "second-answer":
        yield from _foreign()
    elif fault.id == "refused":
        with socket.socket() as held:
            held.bind(("127.0.0.1", 0))
            yield Failing(Case(), url=f"http://127.0.0.1:{held.getsockname()[1]}/v1", hears=False)
    else:
        case = CASES[fault.id]
        if case.script is None:
            yield Failing(case, url=str(case.url), hears=False)
        else:
            yield from _bytes(Failing(case, alone=case.gate is not None), case.script)


def _bytes(found: Failing, script: Script) -> Iterator[Failing]:
    def heard(exchange: Exchange) -> None:
        found.arrived[_key(exchange.request.header("authorization"))].append(exchange.request.body)
        script(exchange)

    with Upstream(script=heard) as upstream:
        found.url = upstream.url
        yield found


def _kept() -> Iterator[Failing]:
    """Each connection serves one request, and dies on the next."""
    strikes: Counter[str] = Counter()
    used: set[int] = set()

    def script(exchange: Exchange) -> None:
        if exchange.request.connection in used:
            strikes[_key(exchange.request.header("authorization"))] += 1
            exchange.close()
        used.add(exchange.request.connection)
        works(exchange)

    yield from _bytes(Failing(Case(), strikes=strikes, resent=strikes, alone=True), script)


def _foreign() -> Iterator[Failing]:
    """A gateway that uses a connection with a foreign answer on it notices, and sends again."""
    found = Failing(Case(body=ANSWER), alone=True)
    used: set[int] = set()

    def script(exchange: Exchange) -> None:
        if exchange.request.connection in used:
            found.resent[_key(exchange.request.header("authorization"))] += 1
        used.add(exchange.request.connection)
        upstream_reach_cases.SECOND(exchange)

    yield from _bytes(found, script)


def _certified(name: str, authorities: Authorities) -> Iterator[Failing]:
    made = authorities.unknown if name == "unknown-authority" else authorities.elsewhere
    ca = None if name == "unknown-authority" else made.authority
    with Upstream(script=json_answer(ANSWER), tls=upstream_reach_cases.serving(made)) as upstream:
        yield Failing(Case(), url=upstream.url, ca=ca, hears=False)
        assert upstream.requests == []


def _http2(name: str, authorities: Authorities) -> Iterator[Failing]:
    case, script = H2_CASES.get(name, (Case(), None))
    found = Failing(case, ca=authorities.own.authority, alone=True)
    if script is None:
        found.strikes = Counter()
    act = script or _struck(name, found)

    def heard(stream: H2Stream) -> None:
        found.arrived[_key(stream.request.get("authorization"))].append(None)
        act(stream)

    with H2Upstream(authorities.own, script=heard) as upstream:
        found.url = upstream.url
        yield found


def _struck(name: str, found: Failing) -> Callable[[H2Stream], None]:
    strikes = found.strikes
    assert strikes is not None
    if name == "h2-goaway-idle":
        found.asks = 2
    else:
        found.resent = strikes

    def script(stream: H2Stream) -> None:
        key = _key(stream.request.get("authorization"))
        if name in H2_ONCE and not strikes[key] and (name != "h2-connection-dies" or stream.number > 1):
            strikes[key] += 1
            H2_ONCE[name](stream)
            return
        stream.answer(*((ANSWER,) if ".json." in key else (GOOD, http2.EVENTS)))
        if name == "h2-goaway-idle":
            strikes[key] += 1
            stream.go_away()

    return script
