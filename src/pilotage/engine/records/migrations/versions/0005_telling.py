"""Messages on their way, announcements that people edited and approved, and what retrospectives resolved to do."""

from alembic import op
from sqlalchemy import JSON, Column, Float, Integer, String, Text

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "outbox",
        Column("id", Integer, primary_key=True, autoincrement=True),
        Column("key", String(200), nullable=False),
        Column("channel", String(64), nullable=False),
        Column("section", JSON, nullable=False),
        Column("service", String(64), nullable=False),
        Column("environment", String(64), nullable=False),
        Column("thread", String(200), nullable=False),
        Column("message", JSON, nullable=False),
        Column("state", String(16), nullable=False),
        Column("due", Float, nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("claimed_by", String(128)),
        Column("claimed_until", Float, nullable=False),
        Column("created_at", Float, nullable=False),
        Column("sent_at", Float),
        Column("receipt", JSON),
        Column("error", Text),
    )
    op.create_index("ix_outbox_once", "outbox", ["key", "channel"], unique=True)
    op.create_index("ix_outbox_state", "outbox", ["state", "due"])
    op.create_index("ix_outbox_thread", "outbox", ["thread", "channel"])
    op.create_table(
        "announcements",
        Column("id", Integer, primary_key=True, autoincrement=True),
        Column("service", String(64), nullable=False),
        Column("environment", String(64), nullable=False),
        Column("version", String(128), nullable=False),
        Column("item", String(64), nullable=False),
        Column("state", String(16), nullable=False),
        Column("title", Text, nullable=False),
        Column("audience", String(64), nullable=False),
        Column("owner", String(64), nullable=False),
        Column("text", Text),
        Column("due", Float),
        Column("channels", JSON, nullable=False),
        Column("actor", String(128), nullable=False),
        Column("reason", Text, nullable=False),
        Column("at", Float, nullable=False),
    )
    place = ["service", "environment", "version", "item"]
    op.create_index("ix_announcements_item", "announcements", place, unique=True)
    op.create_index("ix_announcements_due", "announcements", ["state", "due"])
    op.create_table(
        "actions",
        Column("id", Integer, primary_key=True, autoincrement=True),
        Column("service", String(64), nullable=False),
        Column("description", Text, nullable=False),
        Column("owner", String(128), nullable=False),
        Column("due", String(10), nullable=False),
        Column("criterion", Text, nullable=False),
        Column("priority", String(16), nullable=False),
        Column("release", String(200), nullable=False),
        Column("channels", JSON, nullable=False),
        Column("created_by", String(128), nullable=False),
        Column("created_at", Float, nullable=False),
        Column("done_by", String(128)),
        Column("done_at", Float),
        Column("outcome", Text),
        Column("issue", Text),
    )
    op.create_index("ix_actions_service", "actions", ["service", "done_at"])
