"""Answers of key accounts to the message about a release."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.create_table(
        "outreach_answers",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("service", sa.String, nullable=False),
        sa.Column("environment", sa.String, nullable=False),
        sa.Column("version", sa.String, nullable=False),
        sa.Column("account", sa.String, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
    )
    op.create_index(
        "ix_outreach_answers_once", "outreach_answers", ["service", "environment", "version", "account"], unique=True
    )
