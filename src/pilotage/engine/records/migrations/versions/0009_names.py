"""Columns and tables get the names that events and JSON use: `group_id`, `mode`, `followups`.

Events stay as they are, because their hashes cover type and data (`model/event_names.py`).
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_MODES = {"first": "initial", "fast": "fast-return", "urgent": "emergency"}
_CHECK = f"mode IN ({', '.join(map(repr, ('full', *_MODES.values())))})"


def upgrade() -> None:
    connection = op.get_bind()
    cases = " ".join(f"WHEN '{earlier}' THEN '{today}'" for earlier, today in _MODES.items())
    renamed = f"UPDATE rollout SET pace = CASE pace {cases} ELSE pace END"
    op.drop_index("ix_rollout_release", "rollout")
    if connection.dialect.name == "postgresql":
        op.drop_constraint("ck_rollout_pace", "rollout")
        op.execute(renamed)
        op.alter_column("rollout", "pace", new_column_name="mode")
        op.alter_column("rollout", "release", new_column_name="group_id")
        op.create_check_constraint("ck_rollout_mode", "rollout", _CHECK)
    else:
        # The check that the column has speaks of the earlier words; the copy below has the new one.
        connection.exec_driver_sql("PRAGMA ignore_check_constraints=ON")
        op.execute(renamed)
        with op.batch_alter_table("rollout", recreate="always") as batch:
            batch.alter_column("pace", new_column_name="mode")
            batch.alter_column("release", new_column_name="group_id")
            batch.drop_constraint("ck_rollout_pace", type_="check")
            batch.create_check_constraint("ck_rollout_mode", _CHECK)
        connection.exec_driver_sql("PRAGMA ignore_check_constraints=OFF")
    op.create_index("ix_rollout_group_id", "rollout", ["group_id"])
    op.drop_index("ix_actions_service", "actions")
    op.rename_table("actions", "followups")
    op.create_index("ix_followups_service", "followups", ["service", "done_at"])
    op.execute(
        sa.text("UPDATE signatures SET item = 'followup_' || substr(item, 8) WHERE substr(item, 1, 7) = 'action_'")
    )
    if connection.dialect.name == "postgresql":
        from pilotage.engine.records.migrations.older_workers import names_of_0009

        for statement in names_of_0009():
            connection.exec_driver_sql(statement)
