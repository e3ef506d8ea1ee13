"""The compiled engine. Only :mod:`ferrogate.engine.facade` imports it.

Bytes, str, numbers, bool, None, tuples and lists cross, nothing else but the objects of hooks. Every call
that can wait releases the GIL.
"""

from typing import Any, final

__all__ = [
    "Embedder", "Engine", "HookCall", "Inbox", "MockServer", "Neighbours", "SnapshotRejected",
    "answer_events", "answer_judge", "answer_whole", "balance_run", "balance_scenarios", "bench_run",
    "build_info", "cache_ask", "check_snapshot", "error_kinds",
    "guard_judge", "payload_read", "request_key", "wording_asked",
]  # fmt: skip

class SnapshotRejected(ValueError):
    """The document is not a valid snapshot; the text names the field."""

@final
class Engine:
    """One gateway: threads, lanes, upstream connections, journal."""

    def __new__(cls, snapshot: bytes, options: bytes) -> Engine:
        """Compile a snapshot; nothing runs yet.

        ``options`` is JSON: ``{"workers": int, "journal": folder or null, "payloads": folder or null}``.
        """
    def start(self) -> None:
        """Start the engine threads. Idempotent in one process; raises RuntimeError after a fork."""
    def listen(self, host: str, port: int, control: str | None, sockets: list[int] | None) -> tuple[str, int]:
        """Open the native listener; ``control`` is the Unix socket of the control plane. Raises OSError.

        ``sockets`` are listening sockets to use instead of binding; the caller closes its own descriptors.
        """
    def apply(self, snapshot: bytes) -> int:
        """Swap the configuration in, all or nothing; returns its generation. Raises SnapshotRejected."""
    def install_hooks(self, hooks: list[tuple[int, str, int, int, bool, Any]]) -> None:
        """Take the code of hooks: id, name, threads, queue, whether coroutines, and the object to call.

        The only objects that are kept; the threads of the hooks call them.
        """
    def set_tls(self, chain: bytes, key: bytes) -> None:
        """Set what the native listener shows to new connections, PEM. Raises ValueError."""
    def set_state(self, ready: bool, control: bool) -> None:
        """What /readyz says, and whether admin paths are forwarded or answered 503."""
    def listeners(self) -> list[int]:
        """Descriptors of the listening sockets; good until the engine stops to accept."""
    def leave(self) -> None:
        """Say on /readyz that the gateway goes, and make every answer the last one of its connection."""
    def hand_over(self, control: str | None) -> None:
        """Leave the listening sockets to the successor; ``control`` is its control plane."""
    def drain(self, timeout_ms: int) -> bool:
        """Stop accepting, let running requests finish; True when all did. Blocks, detached.

        What is left after the time is cut, and its clients are told.
        """
    def stop(self) -> None:
        """End the threads and close the journal. Idempotent."""
    def lanes(self) -> bytes:
        """JSON list: provider, key, key_id, model, weight, in_flight, requests, failures, last_reason, ..."""
    def cache_stats(self) -> str:
        """JSON: what the cache counted since the start, and what is in it."""
    def cache_list(self, limit: int, cursor: str | None, which: str) -> str:
        """JSON: ``{"items": [...], "next_cursor": str | null}``. Raises ValueError for what is no cursor."""
    def cache_purge(self, which: str) -> int:
        """Take away what a JSON filter means; without members that is all. Returns how many."""
    def cache_remove(self, entry_id: str) -> bool:
        """Take one entry away; False where there is none of that id."""
    def cache_export(self, limit: int, cursor: str | None) -> tuple[bytes, str | None]:
        """About so many entries, a line of JSON each, and where to go on."""
    def cache_import(self, lines: bytes) -> str:
        """JSON: how many exported lines are kept, and why the others are not. Waits for the embedder."""
    def cache_warm(self, lines: bytes) -> str:
        """The same for calls that the log tells of."""
    def metrics(self) -> str:
        """Prometheus text of this engine."""
    def status(self) -> bytes:
        """JSON: generation, live snapshots, in_flight, connections, draining, journal counters, threads."""
    def inbox(self, here: bool) -> Inbox:
        """A completion queue for one event loop, the running one of this thread.

        ``here`` has its requests run on this thread, in :meth:`Inbox.drain`, and not on engine threads.
        """
    def journal_read(self, segment: int, offset: int, max_rows: int) -> tuple[int, list[Any], int, int]:
        """Up to ``max_rows`` rows after a position: (rows, their values in one flat list, segment, offset).

        The columns are those of ``ferrogate.store.tables.requests``, in order. Waits for nothing.
        """
    def journal_release(self, segment: int) -> int:
        """Delete the segments before ``segment``; returns how many."""

@final
class HookCall:
    """One call of a coroutine, for an event loop. Whoever drops it fails it."""

    def arguments(self) -> tuple[str, tuple[Any, Any]] | None:
        """Function and arguments; None where nobody waits any more."""
    def left(self) -> float:
        """Seconds that are left."""
    def reply(self, value: Any) -> None:
        """Say what came of it."""
    def fail(self, why: str) -> None:
        """Say that it failed, and why, for the log."""

@final
class Inbox:
    """Completions of the ASGI door: one file descriptor wakes one event loop."""

    @property
    def here(self) -> bool:
        """Whether :meth:`drain` must be called after a submission, and from time to time for what is late."""
    def fileno(self) -> int: ...
    def submit(
        self,
        method: str,
        path: bytes,
        query: bytes,
        headers: list[tuple[bytes, bytes]],
        body: bytes,
        more: bool,
        encoded: bool,
    ) -> int:
        """Hand a request to the engine; returns its ticket.

        ``more`` says that body parts follow by :meth:`feed`; ``encoded`` that a whole answer may come as one
        piece of
        HTTP/1.1. Raises ValueError where the request is not HTTP.
        """
    def take(self, message: bytes, most_head: int) -> int | None:
        """Hand in a request that stands whole in what was read; returns its ticket.

        Its answer is HTTP/1.1 from the header lines on. 0 where the end of its body has not come yet, and
        None where the bytes are anything but one inference request that can be read in one way only, or its
        head is longer: nothing was done about it.
        """
    def feed(self, ticket: int, part: bytes, more: bool) -> bool:
        """Another part of the body.

        False when the caller must wait for a ``room`` completion before the next.
        """
    def drain(self, news: bool) -> list[tuple[int, int, int, list[tuple[bytes, bytes]] | None, bytes]]:
        """All that has arrived: (ticket, kind, status, headers, bytes); kinds are in doors/asgi.py.

        ``news`` says that the descriptor may be readable, or that time has passed.
        """
    def more(self, ticket: int) -> tuple[int, bytes] | None:
        """The sent bytes are gone: take what has arrived since, and its kind: a chunk or an end.

        None where nothing has: a completion will follow.
        """
    def cancel(self, ticket: int) -> None:
        """The client left."""
    def close(self) -> None: ...

@final
class MockServer:
    """The scripted provider on its own threads."""

    def __new__(cls, options: bytes) -> MockServer: ...
    @property
    def port(self) -> int: ...
    def stop(self) -> None: ...

def balance_run(options: bytes, progress: Any) -> bytes:
    """Put policies of balancing through situations on virtual time; returns the report as JSON.

    ``options`` is JSON: ``{"scenarios": names or [], "first_seed": int, "seeds": int, "load": float}``.
    ``progress`` is called a few times a second with rows done and rows in all, or is None. Ctrl-C ends it.
    Raises ValueError naming the option that has no meaning.
    """

def balance_scenarios() -> bytes:
    """JSON list of the situations: name, group, lanes, rate, lasts, tokens, cancels, attempts, watch."""

def bench_run(options: bytes, progress: Any) -> bytes:
    """Run one load.

    ``progress`` is called about twice a second with JSON bytes, or is None. Ctrl-C ends it.
    """

def build_info() -> bytes:
    """JSON: version, profile, git, features."""

def payload_read(
    folder: str, segment: int, offset: int, length: int, request_id: str
) -> tuple[bytes, bytes, bytes] | None:
    """The bodies of one request: JSON about both, the request's bytes, the answer's bytes.

    None where they are not there any more, or damaged. Raises OSError.
    """

def check_snapshot(snapshot: bytes) -> None:
    """Raise SnapshotRejected where the engine would."""

def error_kinds() -> bytes:
    """JSON list of every stable error identifier: id, status, source, retry, summary."""

@final
class Embedder:
    """Texts to vectors: 384 numbers of four bytes, little-endian."""

    def __new__(cls, folder: str) -> Embedder:
        """Read the weights. Raises ValueError naming the file that is wrong."""
    @staticmethod
    def hashed() -> Embedder:
        """A stand-in without weights."""
    @property
    def id(self) -> str: ...
    def embed(self, texts: list[str]) -> list[bytes | None]:
        """The vectors in order; None for a text that is too long. Detached."""

@final
class Neighbours:
    """Vectors by scope (32 bytes)."""

    def __new__(cls) -> Neighbours: ...
    def insert(self, scope: bytes, number: int, vector: bytes) -> None:
        """Raises ValueError for a vector without direction."""
    def remove(self, scope: bytes, number: int) -> bool: ...
    def search(self, scope: bytes, vector: bytes, most: int) -> list[tuple[int, float]]:
        """Ids and cosines, the nearest first. Detached."""

def guard_judge(a: str, b: str) -> str | None:
    """The rule that forbids to serve one text's answer for the other."""

def request_key(
    body: bytes, tenant: str, path: str, ignored: list[str], beside: list[str]
) -> tuple[str | None, tuple[bytes, bytes, str | None] | None]:
    """Why a body is not cached, or its key, scope and text.

    Raises ValueError where a member is ignored that must count.
    """

def cache_ask(
    exact: bool, semantic: bool, wish: str | None, control: list[bytes]
) -> tuple[bool, bool, bool, int]:
    """What is looked up (equal requests, those of one meaning), whether the answer is kept, its greatest age.

    In milliseconds. Raises ValueError for a wish that is none.
    """

def answer_judge(
    path: str, body: bytes, tool_calls: bool
) -> tuple[str | None, str | None, tuple[int, int, int] | None]:
    """Why a whole answer may not be kept; or why the model stopped, and its tokens: input, output, cached."""

def answer_whole(path: str, stream: bytes) -> bytes | None:
    """The whole answer that a stream brought; None where it has none."""

def answer_events(path: str, body: bytes, usage: bool) -> bytes | None:
    """A whole answer as a stream; None where it cannot be had."""

def wording_asked(text: str) -> str:
    """What of a text is embedded: without courtesies, in the frame that all share."""
