"""Calls that are under way, and who waits for their answers."""

from __future__ import annotations

import asyncio
from typing import Any

__all__ = ["Flight", "Flights"]


class Flight:
    """One call; those who joined wait for what it brings."""

    def __init__(self) -> None:
        self._landed: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def land(self, answer: Any) -> None:
        """It is over: an answer, or None where there is none that could be shared."""
        if not self._landed.done():
            self._landed.set_result(answer)

    async def wait(self) -> Any:
        """Return the answer; None where whoever waits has to ask by itself."""
        return await asyncio.shield(self._landed)


class Flights:
    """Calls by what they ask for. A stream and a whole answer are two calls."""

    def __init__(self) -> None:
        self._flights: dict[tuple[bytes, bool], Flight] = {}

    def board(self, key: bytes, stream: bool) -> tuple[Flight, bool]:
        """Return the call for this, and whether it is the caller's to make."""
        known = self._flights.get((key, stream))
        if known is not None:
            return known, False
        flight = self._flights[key, stream] = Flight()
        return flight, True

    def end(self, key: bytes, stream: bool, answer: Any) -> None:
        """Tell those who wait; whoever comes now makes a call of its own."""
        flight = self._flights.pop((key, stream), None)
        if flight is not None:
            flight.land(answer)
