"""A sign-off keeps the digest of what was signed beside the plan, such as a draft."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.add_column("signatures", sa.Column("subject", sa.String(), nullable=False, server_default=""))
