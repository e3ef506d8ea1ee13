"""One row of the request log."""

from __future__ import annotations

from sqlalchemy import RowMapping

from ferrogate.errors import NotFoundError
from ferrogate.store import Store

__all__ = ["log_row"]


def log_row(store: Store, request_id: str) -> RowMapping:
    """Find a request by the gateway's id or the client's own. Raises NotFoundError."""
    with store.database.read() as connection:
        row = store.requests.find(connection, request_id)
    if row is None:
        raise NotFoundError(
            f"no request {request_id!r} is in the log; one that just ended shows within two seconds"
        )
    return row
