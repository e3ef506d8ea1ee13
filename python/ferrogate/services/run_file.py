"""``run.json`` in the data folder: how the command line finds the gateway that runs on it.

The file holds the gateway's URL and a secret of this one process that opens the admin API, so that a
person who may read the folder needs no token. It is 0600 and written in one piece (a reader never sees
half of it).
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

    """

    url: str
    pid: int
    secret: str = field(repr=False)
    started: str

    @property
    def alive(self) -> bool:
        """Whether that process exists. A recycled pid may say so too: its secret then fails."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True


def new(url: str) -> RunFile:
    """Return the entry of this process, with a fresh secret."""
    started = datetime.now(UTC).isoformat(timespec="seconds")
    return RunFile(url=url, pid=os.getpid(), secret=secrets.token_urlsafe(32), started=started)


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
        run = RunFile(
            url=str(fields["url"]),
            pid=int(fields["pid"]),
            secret=str(fields["secret"]),
            started=str(fields["started"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return run if run.pid > 0 and run.alive else None


def clear(folder: Path, run: RunFile) -> None:
    """Take the entry away, if it is still this one's (a successor may have written its own)."""
    found = read(folder)
    if found is None or found.secret == run.secret:
        (folder / NAME).unlink(missing_ok=True)
