"""How each metric of a rollout has developed, for the chart of its page."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.create_table(
        "trends",
        sa.Column("rollout", sa.String, sa.ForeignKey("rollout.id", name="fk_trends_rollout"), primary_key=True),
        sa.Column("began", sa.Float, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("trends")
