"""What the worker asks ten times a second costs the same however long the history is."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_index("ix_rollouts_finished", "rollouts", ["finished_at"])
    op.create_index("ix_commands_outcome", "commands", ["outcome"])
