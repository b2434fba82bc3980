"""Proves that a standby has what its primary had a moment ago: the new version then sees the same data (R12)."""

from __future__ import annotations

import time
from typing import Protocol

from pilotage.adapters.databases.mysql_connection import MysqlConnection
from pilotage.adapters.databases.mysql_replication import MysqlReplication
from pilotage.adapters.databases.postgres_connection import PostgresConnection
from pilotage.adapters.databases.postgres_replication import PostgresReplication
from pilotage.adapters.ports import AdapterError
from pilotage.model.replication import Replication

_PAUSE = 0.05
"""Seconds between two looks at a standby that is behind."""


class Pair(Protocol):
    """A primary and its standby."""

    def check_pair(self) -> None: ...
    def position(self) -> str: ...
    def has(self, position: str) -> bool: ...
    def look(self) -> Replication: ...


def pair_of(primary: PostgresConnection | MysqlConnection, standby: PostgresConnection | MysqlConnection) -> Pair:
    """Raises AdapterError for two kinds of databases."""
    if isinstance(primary, PostgresConnection) and isinstance(standby, PostgresConnection):
        return PostgresReplication(primary=primary, standby=standby)
    if isinstance(primary, MysqlConnection) and isinstance(standby, MysqlConnection):
        return MysqlReplication(primary=primary, standby=standby)
    raise AdapterError("database.url and database.standby are two kinds of databases")


def caught_up(pair: Pair, max_lag: float) -> str:
    """What was found, in a sentence. Raises AdapterError where the standby does not have, within `max_lag` seconds,
    what the primary has now."""
    pair.check_pair()
    goal, began = pair.position(), time.monotonic()
    while not pair.has(goal) or (now := pair.look()).broken:
        if time.monotonic() - began > max_lag:
            raise AdapterError(_behind(pair.look(), max_lag))
        time.sleep(_PAUSE)
    took = time.monotonic() - began
    state = f" ({now.state})" if now.state else ""
    return f"{now.standby} has what {now.primary} had {took:.1f} s before{state}"


def _behind(found: Replication, max_lag: float) -> str:
    why = f": {'; '.join(found.trouble)}" if found.trouble else f" ({found.state})" if found.state else ""
    if found.broken:
        return f"{found.standby} does not follow {found.primary}, and is {found.lag} behind{why}"
    return f"{found.standby} is {found.lag} behind {found.primary}, and did not catch up within {max_lag:g} s{why}"
