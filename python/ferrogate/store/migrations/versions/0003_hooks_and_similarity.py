"""What hooks did to a request, and what the semantic cache found near it.

All three are null in rows that are there, so nothing is copied.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("requests", sa.Column("similarity", sa.Float(53)))
    op.add_column("requests", sa.Column("veto", sa.Text()))
    op.add_column("requests", sa.Column("hooks", sa.Text()))


def downgrade() -> None:
    for column in ("hooks", "veto", "similarity"):
        op.drop_column("requests", column)
