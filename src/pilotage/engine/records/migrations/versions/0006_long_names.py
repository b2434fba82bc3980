"""Names may be as long as they are: PostgreSQL kept to lengths that a file never minded."""

from alembic import op
from sqlalchemy import String, inspect

revision = "0006"
down_revision = "0005"

_TABLES = (
    "rollouts", "events", "commands", "freezes", "leases", "signatures", "outbox", "announcements", "actions",
)  # fmt: skip


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    found = inspect(connection)
    for table in _TABLES:
        for column in found.get_columns(table):
            if isinstance(column["type"], String) and column["type"].length is not None:
                op.alter_column(table, column["name"], type_=String())
