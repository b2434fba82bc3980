"""What made a follow-up, and the figure that it is to improve."""

from alembic import op
from sqlalchemy import Column, String

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.add_column("followups", Column("origin", String))
    op.add_column("followups", Column("figure", String))
    op.create_index("ix_followups_origin", "followups", ["origin"], unique=True)
