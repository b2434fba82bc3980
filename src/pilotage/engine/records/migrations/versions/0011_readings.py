"""Figures of readiness checks."""

from alembic import op
from sqlalchemy import Column, Float, Integer, String

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "readings",
        Column("id", Integer, primary_key=True, autoincrement=True),
        Column("service", String, nullable=False),
        Column("environment", String, nullable=False),
        Column("version", String, nullable=False),
        Column("name", String, nullable=False),
        Column("day", String, nullable=False),
        Column("value", Float, nullable=False),
        Column("at", Float, nullable=False),
    )
    columns = ["service", "environment", "name", "version", "day"]
    op.create_index("ix_readings_once", "readings", columns, unique=True)
