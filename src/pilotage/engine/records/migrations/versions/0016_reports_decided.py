"""Decided reports are counted each second."""

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_index("ix_reports_decided", "reports", ["decided_at"])
