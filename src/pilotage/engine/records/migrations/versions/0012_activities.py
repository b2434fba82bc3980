"""Dated releases whose phases people work through, with their activities and milestones."""

from alembic import op
from sqlalchemy import JSON, Column, Float, ForeignKey, Integer, String, Text

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "schedules",
        Column("id", Integer, primary_key=True, autoincrement=True),
        Column("service", String, nullable=False),
        Column("environment", String, nullable=False),
        Column("version", String, nullable=False),
        Column("release_date", String, nullable=False),
        Column("zone", String, nullable=False),
        Column("emergency", Integer, nullable=False),
        Column("phases", JSON, nullable=False),
        Column("channels", JSON, nullable=False),
        Column("actor", String, nullable=False),
        Column("at", Float, nullable=False),
        Column("dropped", Text, nullable=False),
    )
    op.create_index("ix_schedules_release", "schedules", ["service", "environment", "version"], unique=True)
    op.create_table(
        "activities",
        Column("id", Integer, primary_key=True, autoincrement=True),
        Column("schedule", Integer, ForeignKey("schedules.id", name="fk_activities_schedule"), nullable=False),
        Column("rank", Integer, nullable=False),
        Column("item", String, nullable=False),
        Column("title", Text, nullable=False),
        Column("phase", String, nullable=False),
        Column("milestone", Integer, nullable=False),
        Column("owner", String, nullable=False),
        Column("gates", JSON, nullable=False),
        Column("due", String, nullable=False),
        Column("assignee", String, nullable=False),
        Column("state", String, nullable=False),
        Column("met_by", String, nullable=False),
        Column("note", Text, nullable=False),
        Column("actor", String, nullable=False),
        Column("at", Float, nullable=False),
    )
    op.create_index("ix_activities_item", "activities", ["schedule", "item"], unique=True)
    op.create_index("ix_activities_due", "activities", ["state", "due"])
