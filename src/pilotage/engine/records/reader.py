"""Answers the queries of reading commands from an SQLite file without SQLAlchemy, whose import would cost more than the
rest of these commands.

Its answers equal those of `Store`; tests compare the two. Any other store, or one of another version, is left to
`Store`.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pilotage.engine.placement.location import DATABASE, made, make_store_private
from pilotage.engine.records.revision import NEWEST, number_in
from pilotage.engine.records.rows import FINAL, OWN, good_after, newest_first, parsed, summary, whole
from pilotage.model.record import Recorded, RolloutSummary
from pilotage.model.status import Mode, Status

if TYPE_CHECKING:
    from pilotage.engine.records.home import Home
    from pilotage.model.live import LiveView
    from pilotage.model.record import Rollout

_PATIENCE = 5.0
"""Seconds that a reader waits where someone keeps the whole file, as `database.LONGEST_WAIT`."""

_SUMMARY = ", ".join("part" if name == "membership" else name for name in RolloutSummary.__dataclass_fields__)
_EVENT = ", ".join(Recorded.__dataclass_fields__)
_HERE = "service = ? AND environment = ?"
_OWN = ", ".join(f"r.{name}" for name in OWN)
_WHOLE = f"""
SELECT {_OWN}, r.state, p.body AS plan, s.body AS target, j.body AS judge, l.body AS live
FROM rollout r
LEFT JOIN plans p ON p.hash = r.plan_hash
LEFT JOIN snapshots s ON s.hash = r.snapshot
LEFT JOIN judge_states j ON j.rollout = r.id
LEFT JOIN live_views l ON l.rollout = r.id
WHERE r.id = ?
"""


def reader_of(directory: Path) -> Reader | None:
    """The reader of the store in `directory`. None where `Store` has to open it: another database, no file yet, one
    that is to be migrated, of a newer Pilotage, or that cannot be read."""
    file = directory / "pilotage.sqlite"
    if DATABASE in os.environ or not file.is_file():
        return None
    made(directory)
    make_store_private(file)
    try:
        connection = sqlite3.connect(
            f"{file.resolve().as_uri()}?mode=rw", uri=True, timeout=_PATIENCE, isolation_level=None,
            check_same_thread=False,
        )  # fmt: skip
        connection.row_factory = sqlite3.Row
        # Not `mode=ro`, with which SQLite cannot make the files of its write-ahead log, and refuses a store at rest.
        connection.execute("PRAGMA query_only = ON")
        found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error:
        return None
    return Reader(directory, connection) if found and number_in(found[0]) == NEWEST else None


class Reader:
    """The same methods as `Store`, which documents them."""

    def __init__(self, directory: Path, connection: sqlite3.Connection) -> None:
        self.directory, self._connection = directory, connection

    def get(self, identity: str) -> Rollout:
        row = self._first(_WHOLE, identity)
        if row is None:
            raise KeyError(identity)
        return whole(dict(row))

    def look_up(self, identity: str) -> RolloutSummary:
        found = self._summaries("WHERE id = ?", identity)
        if not found:
            raise KeyError(identity)
        return found[0]

    def newest(self, service: str, environment: str) -> RolloutSummary | None:
        started = f"WHERE {_HERE} AND sequence IS NOT NULL ORDER BY sequence DESC LIMIT 1"
        found = self._summaries(started, service, environment)
        return found[0] if found else None

    def queued(self, service: str, environment: str) -> tuple[RolloutSummary, ...]:
        waiting = f"WHERE {_HERE} AND status = ? ORDER BY created_at"
        return self._summaries(waiting, service, environment, Status.QUEUED.value)

    def history(self, service: str, environment: str | None = None, limit: int = 50) -> tuple[RolloutSummary, ...]:
        named = self._all("SELECT environment FROM environments WHERE service = ?", service)
        there = [environment] if environment else [str(row["environment"]) for row in named]
        listed = f"WHERE {_HERE} ORDER BY rank DESC, created_at DESC LIMIT ?"
        return newest_first([self._summaries(listed, service, name, limit) for name in there], limit)

    def live_views(self, identities: Sequence[str]) -> dict[str, LiveView]:
        if not identities:
            return {}
        from pilotage.model.live import NOTHING_SEEN, read_live

        found: dict[str, LiveView] = {}
        for identity in identities:
            row = self._first("SELECT body FROM live_views WHERE rollout = ?", identity)
            found[identity] = read_live(parsed(row["body"])) if row else NOTHING_SEEN
        return found

    def serving(self, service: str, environment: str) -> tuple[str, ...]:
        row = self._first(f"SELECT serving FROM environments WHERE {_HERE}", service, environment)
        if row and row["serving"] is not None:
            return tuple(json.loads(row["serving"]))
        ended = f"WHERE {_HERE} AND sequence IS NOT NULL AND status IN ({_marks(FINAL)}) ORDER BY sequence"
        good: list[str] = []
        for one in self._all(f"SELECT version, status, mode, dark FROM rollout {ended}", service, environment, *FINAL):
            good = good_after(good, one["version"], Status(one["status"]), Mode(one["mode"]), dark=bool(one["dark"]))
        return tuple(good)

    def events(self, rollout: str, after: int = 0) -> tuple[Recorded, ...]:
        query = f"SELECT {_EVENT} FROM events WHERE rollout = ? AND number > ? ORDER BY number"
        rows = self._all(query, rollout, after)
        return tuple(Recorded(**{**dict(row), "data": json.loads(row["data"])}) for row in rows)

    def told(self, rollout: str, type_: str) -> tuple[str, ...]:
        """Sentences of a rollout's events of one type."""
        query = "SELECT sentence FROM events WHERE rollout = ? AND type = ? ORDER BY number"
        return tuple(str(row["sentence"]) for row in self._all(query, rollout, type_))

    def setback(self, rollout: str) -> str:
        """That the records are older than what was done, in a sentence, until somebody accepts them; else empty."""
        either = "type IN ('records-went-back', 'records-accepted') ORDER BY number DESC LIMIT 1"
        last = self._first(f"SELECT type, sentence FROM events WHERE rollout = ? AND {either}", rollout)
        return str(last["sentence"]) if last is not None and last["type"] == "records-went-back" else ""

    def has_event(self, rollout: str, head: str) -> bool:
        """Whether the store has the event with this hash."""
        return self._first("SELECT number FROM events WHERE rollout = ? AND hash = ?", rollout, head) is not None

    def accepts(self, rollout: str, head: str) -> bool:
        """Whether somebody gave up the event with this hash."""
        rows = self._all("SELECT data FROM events WHERE rollout = ? AND type = 'records-accepted'", rollout)
        return any(json.loads(row["data"]).get("head") == head for row in rows)

    def places(self) -> tuple[tuple[str, str], ...]:
        rows = self._all("SELECT DISTINCT service, environment FROM rollout ORDER BY service, environment")
        return tuple((str(row["service"]), str(row["environment"])) for row in rows)

    def home(self, directory: Path, service: str, environment: str) -> Home | None:
        row = self._first(f"SELECT home, home_name FROM environments WHERE {_HERE}", service, environment)
        if row is None or row["home"] is None:
            return None
        from pilotage.engine.records.home import home_as_seen

        lease = self._first("SELECT expires_at FROM leases WHERE target = ?", f"{service}/{environment}")
        expires = lease["expires_at"] if lease else None
        # Leases of a file expire by this machine's clock, as its writers see them.
        return home_as_seen(directory, row["home"], row["home_name"], expires, time.time())

    def frozen(self, service: str, environment: str, now: float) -> tuple[tuple[str, float, str], ...]:
        holds = "lifted_by IS NULL AND begins <= ? AND ends > ? ORDER BY ends, id"
        rows = self._all(f"SELECT * FROM freezes WHERE {_HERE} AND {holds}", service, environment, now, now)
        return tuple((row["name"], row["ends"], f"{row['actor']}: {row['reason']}") for row in rows)

    def tracks(self, service: str, environment: str) -> bool:
        found = self._first(f"SELECT id FROM schedules WHERE {_HERE} AND dropped = ''", service, environment)
        return found is not None

    def untold(self) -> tuple[tuple[str, int, str], ...]:
        last = self._all("SELECT channel, error FROM outbox WHERE state != 'sent' AND error IS NOT NULL ORDER BY id")
        why = {row["channel"]: row["error"] for row in last}
        counted = "SELECT channel, count(*) AS n FROM outbox WHERE state IN ('waiting', 'dead') GROUP BY channel"
        number = {row["channel"]: row["n"] for row in self._all(counted)} if why else {}
        return tuple((channel, number.get(channel, 0), why[channel]) for channel in sorted(why) if why[channel])

    def unsigned(self) -> tuple[int, str]:
        failed = "SELECT error FROM heads WHERE open = 1 AND error IS NOT NULL ORDER BY id"
        found = [str(row["error"]) for row in self._all(failed)]
        return len(found), found[-1] if found else ""

    def _summaries(self, rest: str, *values: object) -> tuple[RolloutSummary, ...]:
        rows = [dict(row) for row in self._all(f"SELECT {_SUMMARY} FROM rollout {rest}", *values)]
        return tuple(summary({**row, "part": json.loads(row["part"]) if row["part"] else None}) for row in rows)

    def _first(self, query: str, *values: object) -> sqlite3.Row | None:
        found: sqlite3.Row | None = self._connection.execute(query, values).fetchone()
        return found

    def _all(self, query: str, *values: object) -> list[sqlite3.Row]:
        return self._connection.execute(query, values).fetchall()


def _marks(values: Iterable[str]) -> str:
    return ", ".join("?" for _ in values)
