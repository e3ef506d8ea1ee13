"""The tables. Migrations build them; a test compares the two.

Times are unix milliseconds, durations microseconds, sizes bytes. A request's values come from the engine
in the order of :data:`REQUEST_COLUMNS`, which is the order of the journal.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

__all__ = [
    "REQUEST_COLUMNS",
    "aliases",
    "gateway_keys",
    "journal_offset",
    "metadata",
    "provider_keys",
    "providers",
    "requests",
    "rollup_series",
    "rollup_times",
    "rollups",
    "settings",
]

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)


def _needed(name: str, kind: Any) -> Column[Any]:
    return Column(name, kind, nullable=False)


requests = Table(
    "requests",
    metadata,
    # SQLite counts up by itself only in a column whose type is exactly INTEGER.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    _needed("request_id", Text),
    _needed("started_ms", BigInteger),
    _needed("door", Text),
    _needed("tenant", Text),
    _needed("gateway_key", Text),
    _needed("operation", Text),
    _needed("path", Text),
    _needed("model", Text),
    _needed("provider", Text),
    _needed("upstream_model", Text),
    _needed("key_id", Text),
    _needed("key_name", Text),
    _needed("status", SmallInteger),
    _needed("outcome", Text),
    Column("error", Text),
    _needed("stream", Boolean),
    _needed("cache", Text),
    _needed("attempts", SmallInteger),
    Column("attempts_json", Text),
    Column("input_tokens", BigInteger),
    Column("output_tokens", BigInteger),
    Column("cached_tokens", BigInteger),
    Column("finish_reason", Text),
    _needed("duration_us", BigInteger),
    Column("ttft_us", BigInteger),
    _needed("overhead_us", BigInteger),
    _needed("queue_us", BigInteger),
    Column("upstream_us", BigInteger),
    _needed("request_bytes", BigInteger),
    _needed("response_bytes", BigInteger),
    Column("client_request_id", Text),
    Column("tags", Text),
    Column("similarity", Float(53)),
    Column("veto", Text),
    Column("hooks", Text),
    Column("payload", Text, nullable=False, server_default="none"),
    Column("payload_segment", BigInteger),
    Column("payload_offset", BigInteger),
    Column("payload_bytes", BigInteger),
    Index("ux_requests_request_id", "request_id", unique=True),
    # Most clients send no id of their own, so a partial index costs their rows nothing.
    Index(
        "ix_requests_client_request_id",
        "client_request_id",
        sqlite_where=text("client_request_id IS NOT NULL"),
        postgresql_where=text("client_request_id IS NOT NULL"),
    ),
)

REQUEST_COLUMNS: tuple[str, ...] = tuple(column.name for column in requests.columns if column.name != "id")

rollup_series = Table(
    "rollup_series",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    _needed("provider", Text),
    _needed("model", Text),
    _needed("upstream_model", Text),
    _needed("key_id", Text),
    _needed("key_name", Text),
    UniqueConstraint("provider", "model", "upstream_model", "key_id", "key_name"),
)

rollups = Table(
    "rollups",
    metadata,
    Column("minute_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("series", BigInteger, primary_key=True, autoincrement=False),
    _needed("requests", BigInteger),
    _needed("errors", BigInteger),
    _needed("cancelled", BigInteger),
    _needed("input_tokens", BigInteger),
    _needed("output_tokens", BigInteger),
)

# How many requests took how long: measure 0 is the whole duration, 1 the time to the first token.
rollup_times = Table(
    "rollup_times",
    metadata,
    Column("minute_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("series", BigInteger, primary_key=True, autoincrement=False),
    Column("measure", SmallInteger, primary_key=True, autoincrement=False),
    Column("bucket", SmallInteger, primary_key=True, autoincrement=False),
    _needed("requests", BigInteger),
)

journal_offset = Table(
    "journal_offset",
    metadata,
    Column("reader", Text, primary_key=True),
    _needed("segment", BigInteger),
    _needed("position", BigInteger),
)

provider_keys = Table(
    "provider_keys",
    metadata,
    Column("id", Text, primary_key=True),
    _needed("provider", Text),
    _needed("name", Text),
    _needed("value", LargeBinary),  # sealed, with the row's id as associated data
    _needed("masked", Text),  # so that a list needs no master key
    _needed("weight", Float(53)),
    _needed("models", JSON),
    _needed("enabled", Boolean),
    _needed("created_ms", BigInteger),
    _needed("updated_ms", BigInteger),
    UniqueConstraint("provider", "name"),
)

gateway_keys = Table(
    "gateway_keys",
    metadata,
    Column("id", Text, primary_key=True),
    _needed("name", Text),
    _needed("tenant", Text),
    _needed("sha256", Text),
    _needed("masked", Text),
    _needed("created_ms", BigInteger),
    UniqueConstraint("name"),
)

providers = Table(
    "providers",
    metadata,
    Column("name", Text, primary_key=True),
    _needed("kind", Text),
    Column("base_url", Text),
    _needed("sealed", LargeBinary),  # headers and query as JSON: they may hold credentials
    _needed("timeouts", JSON),
    Column("http2", Text),
    _needed("options", JSON),
    _needed("created_ms", BigInteger),
    _needed("updated_ms", BigInteger),
)

aliases = Table(
    "aliases",
    metadata,
    Column("name", Text, primary_key=True),
    _needed("targets", JSON),
    Column("options", JSON, nullable=False, server_default="{}"),
    _needed("created_ms", BigInteger),
    _needed("updated_ms", BigInteger),
)

settings = Table(
    "settings",
    metadata,
    Column("name", Text, primary_key=True),
    _needed("value", JSON),
)
