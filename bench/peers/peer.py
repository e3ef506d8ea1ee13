"""What the bench needs to know of a gateway that is not ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ferrogate.cli.bench.servers import Server, ServerError

HOME = Path(__file__).parent.parent.parent / ".cache" / "peers"


class MissingPeerError(ServerError):
    """The peer is not installed."""


@dataclass(frozen=True)
class Running:
    """A peer that has been started, and how to ask it: the headers of a request and where it goes."""

    server: Server
    headers: Mapping[str, str]
    path: str = "/v1/chat/completions"


@dataclass(frozen=True)
class Peer:
    """``start`` takes a folder for its files and the mock's URL; ``version`` reads what is installed."""

    name: str
    command: str
    """As its documentation gives it."""
    needs: Path
    """The program that has to be there."""
    version: Callable[[], str] = field(repr=False)
    begin: Callable[[Path, str], Running] = field(repr=False)

    def start(self, folder: Path, mock: str) -> Running:
        """Start it in front of the mock and wait until it listens."""
        if not self.needs.exists():
            raise MissingPeerError(f"{self.name} is not installed: `make peers` installs it")
        return self.begin(folder, mock)
