"""Reports and answers of users, and the salt of today's addresses."""

from alembic import op
from sqlalchemy import JSON, Column, Float, Integer, String, Text

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "reports",
        Column("id", Integer, primary_key=True, autoincrement=True),
        Column("service", String, nullable=False),
        Column("environment", String, nullable=False),
        Column("version", String, nullable=False),
        Column("kind", String, nullable=False),
        Column("source", String, nullable=False),
        Column("text", Text, nullable=False),
        Column("request", String, nullable=False),
        Column("rating", Integer),
        Column("answers", JSON, nullable=False),
        Column("sender", String),
        Column("once", String),
        Column("at", Float, nullable=False),
        Column("state", String, nullable=False),
        Column("decided_by", String, nullable=False),
        Column("decided_at", Float),
        Column("reason", Text, nullable=False),
    )
    op.create_index("ix_reports_once", "reports", ["once"], unique=True)
    op.create_index("ix_reports_place", "reports", ["service", "environment", "kind", "version", "at"])
    op.create_table(
        "salts",
        Column("day", String, primary_key=True),
        Column("salt", String, nullable=False),
    )
