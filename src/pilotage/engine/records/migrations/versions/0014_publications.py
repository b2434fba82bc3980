"""Release notes that are or will be published."""

from alembic import op
from sqlalchemy import Column, Float, Integer, String, Text

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "publications",
        Column("id", Integer, primary_key=True, autoincrement=True),
        Column("rollout", String, nullable=False),
        Column("service", String, nullable=False),
        Column("environment", String, nullable=False),
        Column("version", String, nullable=False),
        Column("place", String, nullable=False),
        Column("stage", String, nullable=False),
        Column("state", String, nullable=False),
        Column("due", Float, nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("address", Text, nullable=False),
        Column("error", Text, nullable=False),
        Column("at", Float, nullable=False),
    )
    op.create_index("ix_publications_once", "publications", ["rollout", "place", "stage"], unique=True)
    op.create_index("ix_publications_due", "publications", ["state", "due"])
