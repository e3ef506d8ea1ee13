"""``gateway bench balance --live`` with real sockets, as short as it can be."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from ferrogate.cli.bench import app


def test_a_scenario_is_played_on_a_gateway() -> None:
    scenario = ["--scenario", "one lane 5x slower", "--duration", "2", "--rate", "20"]
    done = CliRunner().invoke(app, ["balance", "--live", "--allow-debug", "--json", *scenario])
    assert done.exit_code == 0, done.output
    (outcome,) = json.loads(done.stdout)["live"]
    assert outcome["success"] == 1.0
    assert outcome["answered"] >= 30
    assert outcome["ttft_p50_s"] > 0
    assert sum(lane["sent"] for lane in outcome["lanes"]) >= outcome["answered"]
    assert outcome["simulated"]["success"] == 1.0
