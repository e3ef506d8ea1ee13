"""Where a request's bodies are, counts a minute that outlive the rows, and more of what an alias says.

Rows that are there get no bodies; their counts are made by the thread that keeps the log, a few thousand at a
time, because a million of them would hold up the start.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A gateway of the version before may still write rows during a hand-over: hence the default.
    op.add_column("requests", sa.Column("payload", sa.Text(), nullable=False, server_default="none"))
    op.add_column("requests", sa.Column("payload_segment", sa.BigInteger()))
    op.add_column("requests", sa.Column("payload_offset", sa.BigInteger()))
    op.add_column("requests", sa.Column("payload_bytes", sa.BigInteger()))
    op.add_column("aliases", sa.Column("options", sa.JSON(), nullable=False, server_default="{}"))
    op.create_table(
        "rollup_series",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            primary_key=True,
            autoincrement=True,
        ),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("upstream_model", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("key_name", sa.Text(), nullable=False),
        sa.UniqueConstraint(
            "provider", "model", "upstream_model", "key_id", "key_name", name="uq_rollup_series_provider"
        ),
    )
    op.create_table(
        "rollups",
        sa.Column("minute_ms", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("series", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("errors", sa.BigInteger(), nullable=False),
        sa.Column("cancelled", sa.BigInteger(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "rollup_times",
        sa.Column("minute_ms", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("series", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("measure", sa.SmallInteger(), primary_key=True, autoincrement=False),
        sa.Column("bucket", sa.SmallInteger(), primary_key=True, autoincrement=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
    )


def downgrade() -> None:
    for table in ("rollup_times", "rollups", "rollup_series"):
        op.drop_table(table)
    op.drop_column("aliases", "options")
    for column in ("payload_bytes", "payload_offset", "payload_segment", "payload"):
        op.drop_column("requests", column)
