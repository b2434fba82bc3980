"""The database checks of a rollout's steps, run by the process of its checks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from pilotage.adapters.databases.applied import applied_in
from pilotage.adapters.databases.connection import connect
from pilotage.adapters.databases.mysql_connection import MysqlConnection
from pilotage.adapters.databases.postgres_connection import PostgresConnection
from pilotage.adapters.databases.replication import caught_up, pair_of
from pilotage.adapters.ports import AdapterError
from pilotage.model.migration import Brought, Moment, fit

URL, STANDBY = "url", "standby"
"""The connection strings, among what a check gets of the environment."""


@dataclass(frozen=True, kw_only=True)
class DataTask:
    """moment: when the migrations are compared · migrations: what the version brings, None where nothing is named ·
    together: whether the version that serves uses the schema as well · max_lag, timeout: seconds · replicated: whether
    the standby is looked at."""

    moment: Moment
    max_lag: float
    timeout: float
    migrations: Brought | None = None
    together: bool = True
    replicated: bool = True


def perform(task: DataTask, secrets: Mapping[str, str], version: str, stable: str) -> str:
    """What was found, in a sentence. Raises AdapterError with what is wrong."""
    told = []
    with opened(secrets[URL], task.timeout) as database:
        if task.replicated and STANDBY in secrets:
            with opened(secrets[STANDBY], task.timeout) as standby:
                told.append(caught_up(pair_of(database, standby), task.max_lag))
        if task.migrations is not None:
            found = fit(
                task.migrations, applied_in(database, task.migrations), task.moment,
                version=version, stable=stable, together=task.together,
            )  # fmt: skip
            if found.problem:
                raise AdapterError(found.problem)
            told.append(found.words)
        if not told:
            database.rows("SELECT 1")
            told.append(f"{database.called} answers, and both versions use it")
    return "; ".join(told)


@contextmanager
def opened(url: str, timeout: float) -> Iterator[PostgresConnection | MysqlConnection]:
    database = connect(url, timeout)
    try:
        yield database
    finally:
        database.close()
