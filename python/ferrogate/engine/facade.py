"""The one door to the compiled engine.

Every call into ``ferrogate._core`` goes through here, so that JSON, errors and the fork guard are dealt with
in one
place: snapshots and options go in as JSON bytes, answers come back as Python values, and what the extension
    raises becomes a :class:`ferrogate.errors.FerrogateError`. The extension is imported at first use: the
    command line starts without it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from ferrogate.engine.cache_calls import CacheCalls
from ferrogate.engine.snapshot import Snapshot
from ferrogate.errors import AddressError, EngineError, ForkedError, SnapshotError
from ferrogate.hooks.load import HookSet
from ferrogate.hooks.loops import know_loop

if TYPE_CHECKING:
    from ferrogate._core import Inbox as Inbox

__all__ = [
    "Engine",
    "MockServer",
    "balance_run",
    "balance_scenarios",
    "bench_run",
    "build_info",
    "check_snapshot",
    "error_kinds",
]


def _core() -> Any:
    try:
        from ferrogate import _core as core
    except ImportError as error:
        raise EngineError(
            f"the compiled engine cannot be loaded ({error}); reinstall it, or use --engine python"
        ) from error
    return core


@contextmanager
def _mapped() -> Iterator[None]:
    """Turn what the extension raises into errors of this package."""
    try:
        yield
    except ValueError as error:
        kind = SnapshotError if type(error).__name__ == "SnapshotRejected" else EngineError
        raise kind(str(error)) from error
    except RuntimeError as error:
        raise EngineError(str(error)) from error


class Engine:
    """One compiled gateway; fits ``services.ports.EnginePort`` and ``JournalPort``.

    It belongs to the process that made it. A forked child that touches it gets :class:`ForkedError` at once,
    because the engine's threads do not exist there and a call would wait for ever.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        workers: int,
        journal: Path | None,
        payloads: Path | None = None,
        cache: Path | None = None,
    ) -> None:
        """Compile a snapshot; nothing runs before :meth:`start`.

        Args:
            snapshot: the first configuration.
            workers: engine threads.
            journal: folder of the request records; None keeps none.
            payloads: folder of the bodies; None keeps none.
            cache: folder in which kept answers outlive the process; None keeps them in memory alone.

        Raises:
            SnapshotError: the engine refuses the snapshot.

        """
        options = {
            "workers": workers,
            "journal": None if journal is None else str(journal),
            "payloads": None if payloads is None else str(payloads),
            "cache": None if cache is None else str(cache),
        }
        self._workers = workers
        with _mapped():
            self._engine = _core().Engine(_wire(snapshot), orjson.dumps(options))
        self._pid = os.getpid()
        self.cache = CacheCalls(self._guarded)

    def start(self) -> None:
        """Start the engine's threads. Idempotent."""
        with self._guarded() as engine:
            engine.start()

    def listen(
        self, host: str, port: int, control: Path | None, sockets: Sequence[int] | None = None
    ) -> tuple[str, int]:
        """Open the native listener and return its address.

        Args:
            host: the address to bind.
            port: 0 picks a free one.
            control: Unix socket of the control plane, for every path that is not inference.
            sockets: descriptors of listening sockets to use instead of binding; the engine copies them.

        Raises:
            AddressError: the address cannot be had.

        """
        try:
            with self._guarded() as engine:
                bound: tuple[str, int] = engine.listen(
                    host, port, _text(control), None if sockets is None else list(sockets)
                )
        except OSError as error:
            raise AddressError(
                f"cannot listen on {host}:{port} ({error.strerror or error}): choose with --host and --port"
            ) from error
        return bound

    def apply(self, snapshot: Snapshot) -> int:
        """Swap the configuration in, all or nothing; return its generation. Raises SnapshotError."""
        with self._guarded() as engine:
            return int(engine.apply(_wire(snapshot)))

    def install_hooks(self, hooks: HookSet) -> None:
        """Hand over the code of hooks; the next snapshot names them. Those before are found meanwhile."""
        with self._guarded() as engine:
            engine.install_hooks(
                [
                    (
                        hook.id,
                        hook.name,
                        hook.section.threads,
                        hook.section.queue,
                        hook.bound.is_async,
                        hook.bound,
                    )
                    for hook in hooks.installed
                ]
            )

    def set_tls(self, chain: bytes, key: bytes) -> None:
        """Show this certificate and key (PEM) to new connections of the native listener.

        Raises:
            EngineError: they cannot be used, and nothing changed; the text says why.

        """
        with self._guarded() as engine:
            engine.set_tls(chain, key)

    def set_state(self, *, ready: bool, control: bool) -> None:
        """Tell what /readyz says and whether admin paths are forwarded."""
        with self._guarded() as engine:
            engine.set_state(ready, control)

    def listeners(self) -> list[int]:
        """Descriptors of the listening sockets, to be sent to another process while this one accepts."""
        with self._guarded() as engine:
            return list(engine.listeners())

    def leave(self) -> None:
        """Send clients away: every answer is the last one of its connection. New ones are still taken."""
        with self._guarded() as engine:
            engine.leave()

    def hand_over(self, control: Path | None) -> None:
        """Close the listening sockets, which a successor holds too; ``control`` is its control plane.

        Connections that are open are served until their clients go or :meth:`drain` is called.
        """
        with self._guarded() as engine:
            engine.hand_over(_text(control))

    def drain(self, timeout: float) -> bool:
        """Take no more requests and wait for the running ones, in seconds; True when all ended. Blocks.

        What still runs then is cut, and its clients are told.
        """
        with self._guarded() as engine:
            return bool(engine.drain(int(timeout * 1000)))

    def stop(self) -> None:
        """End the threads and close the journal. Idempotent; in a forked child there is nothing to end."""
        if os.getpid() == self._pid:
            with _mapped():
                self._engine.stop()

    def lanes(self) -> list[dict[str, Any]]:
        """Every lane as it stands."""
        with self._guarded() as engine:
            return list(orjson.loads(engine.lanes()))

    def metrics(self) -> str:
        """Prometheus text."""
        with self._guarded() as engine:
            return str(engine.metrics())

    def status(self) -> dict[str, Any]:
        """Return the generation, requests in flight, draining, journal counters and threads."""
        with self._guarded() as engine:
            return dict(orjson.loads(engine.status()))

    def inbox(self) -> Inbox:
        """Open a completion queue for the running event loop, for ``doors.asgi``.

        With one worker there is nothing to spread: requests run on the loop's own thread, which costs less.
        """
        with self._guarded() as engine:
            inbox: Inbox = engine.inbox(self._workers == 1)
            know_loop(inbox.fileno(), asyncio.get_running_loop())
            return inbox

    def journal_read(self, segment: int, offset: int, max_rows: int) -> tuple[int, list[Any], int, int]:
        """Read rows after a position: (rows, their values in one flat list, segment, offset)."""
        with self._guarded() as engine:
            found: tuple[int, list[Any], int, int] = engine.journal_read(segment, offset, max_rows)
            return found

    def journal_release(self, segment: int) -> int:
        """Delete the segments before ``segment``; return how many."""
        with self._guarded() as engine:
            return int(engine.journal_release(segment))

    @contextmanager
    def _guarded(self) -> Iterator[Any]:
        if os.getpid() != self._pid:
            raise ForkedError(
                f"the engine was started in process {self._pid} and cannot be used in its child "
                f"{os.getpid()}; start it after the fork"
            )
        with _mapped():
            yield self._engine


class MockServer:
    """The scripted provider on threads of its own.

    Args:
        options: the flags of ``gateway mock``, as the extension names them: host, port, latency_ms and so on.

    Raises:
        AddressError: the address cannot be had.

    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        try:
            with _mapped():
                self._server = _core().MockServer(orjson.dumps(dict(options)))
        except OSError as error:
            raise AddressError(
                f"the mock cannot listen ({error.strerror or error}); choose another port"
            ) from error

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.port)

    def stop(self) -> None:
        """End it. Idempotent."""
        self._server.stop()


def bench_run(
    options: Mapping[str, Any], progress: Callable[[dict[str, Any]], None] | None
) -> dict[str, Any]:
    """Run one load and return its figures; ``progress`` is called twice a second. Ctrl-C ends it."""

    def decoded(report: bytes) -> None:
        if progress is not None:
            progress(orjson.loads(report))

    with _mapped():
        figures = _core().bench_run(orjson.dumps(dict(options)), None if progress is None else decoded)
    return dict(orjson.loads(figures))


def balance_scenarios() -> list[dict[str, Any]]:
    """Every situation of the simulation: its lanes and what they do when, rate, length, what is watched."""
    return list(orjson.loads(_core().balance_scenarios()))


def balance_run(options: Mapping[str, Any], progress: Callable[[int, int], None] | None) -> dict[str, Any]:
    """Compare policies of balancing on virtual time; return seeds, outcomes and bars.

    Args:
        options: scenarios (names; none are all), first_seed, seeds, load.
        progress: called a few times a second with rows done and rows in all. Ctrl-C ends the run.

    Raises:
        EngineError: an option has no meaning.

    """
    with _mapped():
        report = _core().balance_run(orjson.dumps(dict(options)), progress)
    return dict(orjson.loads(report))


def build_info() -> dict[str, Any]:
    """Version, build profile, git hash and features of the extension."""
    return dict(orjson.loads(_core().build_info()))


def read_payload(
    folder: Path, segment: int, offset: int, length: int, request_id: str
) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes] | None:
    """Read the bodies of one request back: what is known of each, and the bytes of each.

    None where they are not there: their segment was deleted, or what stands there is damaged or another
    request's. No engine need run.
    """
    with _mapped():
        found = _core().payload_read(str(folder), segment, offset, length, request_id)
    if found is None:
        return None
    request, response = orjson.loads(found[0])
    return request, response, found[1], found[2]


def check_snapshot(snapshot: Snapshot) -> None:
    """Raise SnapshotError where the engine would refuse the snapshot."""
    with _mapped():
        _core().check_snapshot(_wire(snapshot))


def error_kinds() -> list[dict[str, Any]]:
    """Every stable error identifier: id, status, source, retry, summary."""
    return list(orjson.loads(_core().error_kinds()))


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _wire(snapshot: Snapshot) -> bytes:
    return snapshot.model_dump_json().encode()
