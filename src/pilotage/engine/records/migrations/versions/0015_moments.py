"""Announcements wait for moments of their release."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    for column in (
        sa.Column("after", sa.String, nullable=False, server_default=""),
        sa.Column("lead", sa.Integer),
        sa.Column("unit", sa.String, nullable=False, server_default=""),
        sa.Column("day", sa.String),
        sa.Column("happened_at", sa.Float),
        sa.Column("not_before", sa.Float),
        # Of texts that are there nobody knows who wrote them.
        sa.Column("own", sa.Integer, nullable=False, server_default="1"),
        sa.Column("issue", sa.Integer, nullable=False, server_default="1"),
        sa.Column("message", sa.JSON),
    ):
        op.add_column("announcements", column)
