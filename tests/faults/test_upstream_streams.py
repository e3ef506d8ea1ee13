"""Event streams that break, and event streams that only look as if they did."""

from __future__ import annotations

import json

import pytest
from provoke import alone, lives_on
from upstream_stream_cases import CASES
from upstream_stream_table import FAULTS

from harness.doors import Door
from harness.faults import Fault
from harness.gateway import Gateway
from harness.routing import Routing


def test_every_row_has_its_case() -> None:
    assert [fault.id for fault in FAULTS] == list(CASES)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
def test_alone(gateway: Gateway, routing: Routing, door: Door, fault: Fault) -> None:
    alone(gateway, routing, door, fault, CASES[fault.id])


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
def test_with_another_lane(gateway: Gateway, routing: Routing, door: Door, fault: Fault) -> None:
    lives_on(gateway, routing, door, fault, CASES[fault.id])


@pytest.mark.compiled
def test_what_a_long_last_event_says_is_in_the_log(gateway: Gateway, routing: Routing) -> None:
    with CASES["large-last-event"].provider(routing) as provider:
        body = json.dumps({"model": provider.model(), "input": "hi", "stream": True})
        answer = gateway.http.post("/v1/responses", content=body)
        row = gateway.row(answer.headers["x-gateway-request-id"])
    assert (row["finish_reason"], row["tokens"]["input"], row["tokens"]["output"]) == ("completed", 5, 6)
