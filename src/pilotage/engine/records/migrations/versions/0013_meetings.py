"""Meetings about releases, and who was there."""

from alembic import op
from sqlalchemy import JSON, Column, Float, Integer, String, Text

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "meetings",
        Column("id", Integer, primary_key=True, autoincrement=True),
        Column("uid", String, nullable=False),
        Column("kind", String, nullable=False),
        Column("service", String, nullable=False),
        Column("environment", String, nullable=False),
        Column("version", String, nullable=False),
        Column("title", Text, nullable=False),
        Column("text", Text, nullable=False),
        Column("begins", Float, nullable=False),
        Column("planned", Float, nullable=False),
        Column("minutes", Integer, nullable=False),
        Column("location", Text, nullable=False),
        Column("organizer", String, nullable=False),
        Column("guests", JSON, nullable=False),
        Column("channels", JSON, nullable=False),
        Column("sequence", Integer, nullable=False),
        Column("state", String, nullable=False),
        Column("attended", JSON, nullable=False),
        Column("absent", JSON, nullable=False),
        Column("record", Text, nullable=False),
        Column("actor", String, nullable=False),
        Column("at", Float, nullable=False),
    )
    op.create_index("ix_meetings_uid", "meetings", ["uid"], unique=True)
    op.create_index("ix_meetings_service", "meetings", ["service", "begins"])
