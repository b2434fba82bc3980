"""Brings a store's tables to what this version of Pilotage needs; a newer store is refused."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

NEWEST = "0006"


class StoreTooNew(Exception):
    """The store was written by a newer Pilotage than this one."""


def migrate(engine: Engine) -> None:
    """Run the migrations that are missing. Safe to call at once from several processes."""
    with engine.connect() as connection:
        now = _revision(connection)
    if now == NEWEST:
        return
    if now is not None and now > NEWEST:
        raise StoreTooNew(f"the store is at revision {now}, this Pilotage knows {NEWEST}: upgrade Pilotage")
    from alembic import command
    from alembic.config import Config

    configuration = Config()
    configuration.set_main_option("script_location", str(Path(__file__).parent))
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(7210469)"))
        if _revision(connection) != NEWEST:
            configuration.attributes["connection"] = connection
            command.upgrade(configuration, "head")


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    row = connection.execute(text("SELECT version_num FROM alembic_version")).first()
    return str(row[0]) if row else None
