"""What was seen of services day by day, for the public status page."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    seconds = (sa.Column(name, sa.Float, nullable=False, server_default="0") for name in _COUNTED)
    op.create_table(
        "seen_days",
        sa.Column("service", sa.String, primary_key=True),
        sa.Column("environment", sa.String, primary_key=True),
        sa.Column("day", sa.String, primary_key=True),
        *seconds,
        sa.Column("until", sa.Float, nullable=False),
    )


_COUNTED = ("good", "degraded", "down", "closed")
