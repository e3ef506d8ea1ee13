"""``gateway mock``: flags become options, and the process waits for a signal and ends clean."""

import signal
import threading

import pytest
import typer
from typer.testing import CliRunner

from ferrogate.cli import mock as command
from ferrogate.errors import AddressError


class Provider:
    """Stands in for the server; asks its process to end as soon as it is told where it listens."""

    def __init__(self, options: dict) -> None:
        self.options = options
        self.stopped = 0
        Provider.last = self

    @property
    def port(self) -> int:
        signal.pthread_kill(threading.main_thread().ident, signal.SIGTERM)
        return 4711

    def stop(self) -> None:
        self.stopped += 1


@pytest.fixture
def gateway(monkeypatch):
    monkeypatch.setattr(command, "MockServer", Provider)
    app = typer.Typer()
    app.command()(command.mock)
    return lambda *arguments: CliRunner().invoke(app, arguments)


def test_it_listens_until_a_signal_and_stops_its_server(gateway):
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    done = gateway()
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[0] == "listening on http://127.0.0.1:4711"
    assert Provider.last.stopped == 1
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


def test_flags_become_options(gateway):
    flags = "--host ::1 --port 0 --latency-ms 1.5 --chunks 100 --no-record --record-mb 2"
    done = gateway(*flags.split())
    assert done.stdout.startswith("listening on http://[::1]:4711\n")
    options = Provider.last.options
    assert (options["host"], options["port"], options["latency_ms"]) == ("::1", 0, 1.5)
    assert (options["chunks"], options["body_kb"]) == (100, None)
    assert (options["record"], options["record_bytes"]) == (False, 2 << 20)


def test_a_taken_port_is_a_sentence_and_exit_code_1(gateway, monkeypatch):
    def refuse(options):
        raise AddressError("the mock cannot listen (Address already in use); choose another port")

    monkeypatch.setattr(command, "MockServer", refuse)
    done = gateway()
    assert done.exit_code == 1
    assert "choose another port" in done.stderr


def test_a_negative_time_is_refused_before_anything_starts(gateway, monkeypatch):
    monkeypatch.setattr(command, "MockServer", None)
    assert gateway("--latency-ms", "-1").exit_code == 2
