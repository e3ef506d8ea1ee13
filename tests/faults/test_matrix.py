"""Each fault of a provider, at each moment that it can come, with one to three lanes."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import pytest
import upstream_answer_table
import upstream_reach_table
import upstream_stream_table
from matrix import PLANS, RULES, Cell, cells
from matrix_providers import Authorities
from matrix_stage import Stage, lanes_of, stage
from provoke import GOOD, saw

from harness.certificates import Certificates, make_certificates
from harness.chat import ANSWER, chat
from harness.doors import Door
from harness.wire import End

pytestmark = pytest.mark.timeout(300)  # the first test of a door waits for the cells of all
FAULTS = [*upstream_answer_table.FAULTS, *upstream_reach_table.FAULTS, *upstream_stream_table.FAULTS]
CELLS = list(cells(FAULTS))
THIRD = [cell for cell in CELLS if zlib.crc32(str(cell).encode()) % 3 == 0]
SPOKEN = [cell for cell in CELLS if "python" not in cell.fault.doors]
"""What the Python engine serves."""
NO_INFERENCE = {"redirect-of-a-file", "kept-connection-dies-on-a-post"}
"""They go by one lane whatever others there are, and have tests of their own."""


def test_every_fault_has_its_cells() -> None:
    assert {cell.fault.id for cell in CELLS} == {fault.id for fault in FAULTS} - NO_INFERENCE
    assert len(CELLS) == len(set(map(str, CELLS))) == len(PLANS) * sum(len(fault.moments) for fault in FAULTS)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
def test_the_tables_agree(fault: upstream_answer_table.Fault) -> None:
    """What a row says of its next lane follows from whose failure it is, too."""
    again = RULES[fault.whose].again and fault.id not in NO_INFERENCE and fault.moments != ("after",)
    assert (fault.retried == "next lane") == again
    assert (fault.error is not None) == (fault.whose != "nobody")


def parameter(item: pytest.Item, name: str) -> object:
    """What a test that was chosen is called with."""
    return item.callspec.params.get(name) if hasattr(item, "callspec") else None


NAMES = (("other.example",), ("localhost", "127.0.0.1"))


@pytest.fixture(scope="module")
def on_stage(
    door: Door,
    request: pytest.FixtureRequest,
    certificates: Certificates,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stage]:
    """All cells that were chosen for a door, run."""
    folder = tmp_path_factory.mktemp(f"matrix-{door}")
    made = [make_certificates(tmp_path_factory.mktemp("signed"), names) for names in NAMES]
    chosen = [
        cell
        for item in request.session.items
        if parameter(item, "door") is door and isinstance(cell := parameter(item, "cell"), Cell)
    ]
    with stage(door, folder / "gateway", Authorities(certificates, *made), chosen) as running:
        yield running


@pytest.mark.doors("native")
@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_native(on_stage: Stage, cell: Cell) -> None:
    check(on_stage, cell)


@pytest.mark.doors("uvicorn")
@pytest.mark.parametrize("cell", THIRD, ids=str)
def test_uvicorn(on_stage: Stage, cell: Cell) -> None:
    check(on_stage, cell)


@pytest.mark.doors("python")
@pytest.mark.parametrize("cell", SPOKEN, ids=str)
def test_python(on_stage: Stage, cell: Cell) -> None:
    check(on_stage, cell)


def check(on_stage: Stage, cell: Cell) -> None:
    """What the client, the lanes, the providers and the log saw of a cell is what is expected of it."""
    the_client(on_stage, cell)
    the_log(on_stage, cell)
    the_lanes(on_stage, cell)
    the_providers(on_stage, cell)


def the_client(on_stage: Stage, cell: Cell) -> None:
    answer, _ = on_stage.seen(cell)
    expected, case = cell.expected, on_stage.case(cell)
    last = lanes_of(cell)[expected.tried - 1]
    if expected.served:
        assert (answer.status, answer.body) == (200, GOOD if case.stream else ANSWER)
        assert answer.end is End.WHOLE
    else:
        saw(cell.fault, case, answer, last.secret)
    assert answer.header("x-gateway-attempts") == str(expected.tried)
    assert (answer.header("x-gateway-provider"), answer.header("x-gateway-key")) == (last.provider, last.name)
    told = expected.tried > 1 and answer.status >= 400
    assert answer.header("x-should-retry") == ("false" if told else None)


def the_log(on_stage: Stage, cell: Cell) -> None:
    answer, _ = on_stage.seen(cell)
    fault, expected = cell.fault, cell.expected
    row = on_stage.gateway.row(str(answer.header("x-gateway-request-id")))
    outcome = ("ok", None, 200) if expected.served else (fault.row, fault.error, fault.status)
    assert (row["outcome"], row["error"], row["status"]) == outcome
    tried = lanes_of(cell)[: expected.tried]
    errors = [fault.error] * (expected.tried - 1) + [None if expected.served else fault.error]
    assert [(entry["provider"], entry["key"], entry["model"]) for entry in row["attempts"]] == [
        (lane.provider, lane.name, lane.name) for lane in tried
    ]
    assert [entry["error"] for entry in row["attempts"]] == errors


def the_lanes(on_stage: Stage, cell: Cell) -> None:
    """Each lane that was tried counts its request once, as what it was; the others count nothing."""
    _, asked = on_stage.seen(cell)
    expected = cell.expected
    for number, lane in enumerate(lanes_of(cell)):
        found = on_stage.lanes.get((lane.provider, lane.name), {"requests": 0})
        if number >= expected.tried:
            assert found["requests"] == 0
            continue
        failed = RULES[cell.fault.whose].counts and number < cell.plan.bad
        assert (found["requests"], found["successes"], found["failures"], found["cancelled"]) == (
            asked,
            0 if failed else asked,
            asked if failed else 0,
            0,
        )
        assert found["last_error"] == (cell.fault.error if failed else None)


def the_providers(on_stage: Stage, cell: Cell) -> None:
    """No lane was asked twice, and each got the whole request."""
    _, asked = on_stage.seen(cell)
    case, provider = on_stage.case(cell), on_stage.providers[cell.fault.id]
    for number, lane in enumerate(lanes_of(cell)):
        bodies = on_stage.arrived(lane)
        hears = number < cell.expected.tried and (number >= cell.plan.bad or provider.hears)
        assert len(bodies) == (asked + provider.resent[lane.secret] if hears else 0)
        assert set(bodies) <= {None, chat(lane.name, stream=case.stream)}
