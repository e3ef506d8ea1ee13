"""``run.json`` in the data folder: how the command line, and a successor, find the gateway that runs on it.

The file holds the gateway's URL and a secret that opens its admin API, so that a person who may read the
folder needs no token. It is 0600 and written in one piece (a reader never sees half of it). A process that
takes over keeps the secret, so that it is good at every moment of the hand-over.
"""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

__all__ = ["NAME", "RunFile", "clear", "new", "read", "write"]

NAME = "run.json"


@dataclass(frozen=True, slots=True)
class RunFile:
    """A running gateway.

    Attributes:
        url: where it listens, as a client on this machine reaches it (``http://127.0.0.1:8080``).
        pid: its process.
        secret: opens its admin API, as ``Authorization: Bearer``.
        started: ISO 8601, UTC.
        take_over: the Unix socket where a successor asks for the listening sockets; empty for none.
        certificate: what it shows to clients, PEM; empty without TLS. The command line trusts no other.
        born: when the process began, in the kernel's clock ticks: another one may get its number.

    """

    url: str
    pid: int
    secret: str = field(repr=False)
    started: str
    take_over: str = ""
    born: int | None = None
    certificate: str = ""

    @property
    def alive(self) -> bool:
        """Whether that process exists, and is not another one that got its number."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return self.born is None or _born(self.pid) in (None, self.born)


def new(
    url: str, *, secret: str | None = None, take_over: Path | None = None, certificate: str = ""
) -> RunFile:
    """Return the entry of this process, with a fresh secret or the one of the process before it."""
    pid = os.getpid()
    return RunFile(
        url=url,
        pid=pid,
        secret=secret or secrets.token_urlsafe(32),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        take_over="" if take_over is None else str(take_over),
        born=_born(pid),
        certificate=certificate,
    )


def write(folder: Path, run: RunFile) -> None:
    """Put the entry in the data folder, replacing an older one."""
    handle, temporary = tempfile.mkstemp(prefix=f".{NAME}.", dir=folder)  # mkstemp makes it 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(asdict(run), stream)
        Path(temporary).replace(folder / NAME)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read(folder: Path) -> RunFile | None:
    """Return the entry of a live gateway, or None. A leftover of a killed process counts as none."""
    try:
        fields = json.loads((folder / NAME).read_text(encoding="utf-8"))
        born = fields.get("born")
        run = RunFile(
            url=str(fields["url"]),
            pid=int(fields["pid"]),
            secret=str(fields["secret"]),
            started=str(fields["started"]),
            take_over=str(fields.get("take_over", "")),
            born=None if born is None else int(born),
            certificate=str(fields.get("certificate", "")),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return run if run.pid > 0 and run.alive else None


def clear(folder: Path, run: RunFile) -> None:
    """Take the entry away, if it is still this one's (a successor may have written its own)."""
    found = read(folder)
    if found is None or (found.pid, found.secret) == (run.pid, run.secret):
        (folder / NAME).unlink(missing_ok=True)


def _born(pid: int) -> int | None:
    """Read when a process began, from Linux's /proc; None elsewhere."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return int(text.rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None
