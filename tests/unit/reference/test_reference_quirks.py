import json
from pathlib import Path

import pytest

from ferrogate.engine.snapshot import Quirks
from ferrogate.reference.body import JsonBody, parse_body
from ferrogate.reference.quirks import fit

CASES = json.loads((Path(__file__).parents[2] / "golden" / "quirks.json").read_text())


def body_of(raw):
    """A body as the engine reads it; the cases without a model are read as far as a quirk needs."""
    if "model" in json.loads(raw):
        return parse_body(raw.encode())
    return JsonBody(raw.encode(), "", False, (0, 0))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_every_golden_case_comes_out_byte_for_byte(case):
    body = body_of(case["body"])
    fitted = fit(body, Quirks(**case["quirks"]), case.get("model", body.model))
    if case["fitted"] is None:
        assert fitted is None
    else:
        assert fitted is not None
        assert (fitted.raw.decode(), fitted.dropped) == (case["fitted"], case.get("dropped", []))


def test_a_provider_without_quirks_costs_no_look_at_the_body():
    class Untouched(JsonBody):
        def __getattribute__(self, name):
            raise AssertionError(name)

    assert fit(Untouched(b"{}", "", False, (0, 0)), Quirks(), "m") is None
