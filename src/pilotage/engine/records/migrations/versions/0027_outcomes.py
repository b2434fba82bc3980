"""What became of releases whose risk was forecast."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.create_table(
        "outcomes",
        sa.Column("rollout", sa.String, sa.ForeignKey("rollout.id", name="fk_outcomes_rollout"), primary_key=True),
        sa.Column("fate", sa.String, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
    )
