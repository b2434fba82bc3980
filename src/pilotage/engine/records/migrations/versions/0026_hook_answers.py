"""Deployments of GitHub that hear of their rollouts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.create_table(
        "hook_answers",
        sa.Column("rollout", sa.String, primary_key=True),
        sa.Column("hook", sa.String, nullable=False),
        sa.Column("repository", sa.String, nullable=False),
        sa.Column("deployment", sa.Integer, nullable=False),
        sa.Column("told", sa.String, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("due", sa.Float),
    )
    op.create_index("ix_hook_answers_due", "hook_answers", ["due"])
