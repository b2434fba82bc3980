"""New stores in a tenth of the time. What the migrations make of an empty file is made once in each test process;
every other empty file gets the same statements. A store of an earlier version is migrated as ever."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import pytest
from sqlalchemy import Connection, create_engine, inspect

from pilotage.engine.records import migrations

Upgrade = Callable[[Connection], None]


@contextmanager
def made_once() -> Iterator[None]:
    """While it is open, this process makes new stores so."""
    usual: Upgrade = migrations._upgrade

    def upgrade(connection: Connection) -> None:
        if connection.dialect.name != "sqlite" or inspect(connection).get_table_names():
            usual(connection)
            return
        for statement in _statements(usual):
            connection.exec_driver_sql(statement)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(migrations, "_upgrade", upgrade)
        yield


@cache
def _statements(usual: Upgrade) -> tuple[str, ...]:
    """What an empty file needs to be as the migrations leave it."""
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        usual(connection)
    raw = engine.raw_connection()
    made = tuple(raw.driver_connection.iterdump())  # type: ignore[union-attr]
    engine.dispose()
    return tuple(statement for statement in made if statement not in ("BEGIN TRANSACTION;", "COMMIT;"))
