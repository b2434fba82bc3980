"""Requests that are carried out once, however often a client repeats them (Idempotency-Key).

While a request is at work, each transaction that it commits says so in its row, within the same transaction. So a row
tells how far a request came whose server was killed, and a server that was taken for dead can commit nothing more.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    RowMapping,
    and_,
    delete,
    event,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError, OperationalError

from pilotage.engine.execution.failpoints import reach
from pilotage.engine.placement.leases import gone
from pilotage.engine.records.at_work import AT_WORK, Key, Work
from pilotage.engine.records.last_room import StoreFull, is_full
from pilotage.engine.records.tables_server import answers_once
from pilotage.model.errors import Conflict

KEPT = 24 * 3600.0
"""Seconds for which an answer is kept."""

LEASE = 30.0
"""Seconds after which a server that has not said that it still works on a request has lost it."""


class Superseded(Conflict):
    """Another server has taken this request over, because this one did not answer for too long."""


class Found(StrEnum):
    """What stands under a key."""

    FRESH = "fresh"
    """Nothing: the request is to be carried out."""
    ANSWERED = "answered"
    RUNNING = "running"
    CUT_OFF = "cut off"
    """Its server died after it had recorded something."""
    OTHER = "other"
    """The key belongs to another request."""


Made: TypeAlias = tuple[tuple[str, str], ...]
"""Kind (`rollout`, `command`) and id of what a request recorded."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """status, headers, body: of the answer, where there is one."""

    found: Found
    made: Made = ()
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""


class Once:
    """Those of one store. by: this server's process, as leases name it."""

    def __init__(self, engine: Engine, by: str) -> None:
        self._engine, self._by = engine, by
        self._at_work, self._turn = set[Key](), threading.Lock()
        event.listen(engine, "commit", _say_so)

    def begin(self, key: Key, request: str, now: float, *, repeatable: bool) -> Entry:
        """Take the key for this request, or say what stands under it. request: hash of what is asked for · repeatable:
        it may be carried out again as long as it has made no rollout and no command. FRESH lasts until `ended`. Raises
        StoreFull."""
        with self._turn:
            running = key in self._at_work
            self._at_work.add(key)
        if running:  # also where a clock that jumped ahead has ended its lease
            return Entry(found=Found.RUNNING)
        try:
            entry = self._taken(key, request, now, repeatable)
        except BaseException as error:
            self.ended(key)
            if isinstance(error, OperationalError) and is_full(error):
                raise StoreFull from None
            raise
        if entry.found is not Found.FRESH:
            self.ended(key)
        return entry

    def ended(self, key: Key) -> None:
        """This process is at work on it no more."""
        with self._turn:
            self._at_work.discard(key)

    def _taken(self, key: Key, request: str, now: float, repeatable: bool) -> Entry:
        mine = {"request": request, "at": now, "by": self._by, "until": now + LEASE, "acted": 0, "made": None}
        with self._engine.begin() as connection:
            connection.execute(delete(answers_once).where(answers_once.c.at < now - KEPT))
            row = connection.execute(select(answers_once).where(_is(key)).with_for_update()).mappings().first()
            if row is not None:
                found = self._standing(row, request, now, repeatable)
                if found.found is not Found.FRESH:
                    return found
                connection.execute(update(answers_once).where(_is(key)).values(**mine))
                return found
            try:
                with connection.begin_nested():
                    connection.execute(insert(answers_once).values(who=key.who, key=key.text, **mine))
            except IntegrityError:
                return Entry(found=Found.RUNNING)  # another request came first
        return Entry(found=Found.FRESH)

    def _standing(self, row: RowMapping, request: str, now: float, repeatable: bool) -> Entry:
        if row["request"] != request:
            return Entry(found=Found.OTHER)
        if row["status"] is not None:
            return Entry(found=Found.ANSWERED, status=row["status"], headers=row["headers"], body=row["body"])
        if row["until"] > now and not gone(row["by"]):
            return Entry(found=Found.RUNNING)
        made = tuple((str(kind), str(identity)) for kind, identity in row["made"] or ())
        cut_off = bool(made) or (row["acted"] > 0 and not repeatable)
        return Entry(found=Found.CUT_OFF if cut_off else Found.FRESH, made=made)

    @contextmanager
    def at_work(self, key: Key) -> Iterator[None]:
        """Transactions of this thread belong to the request."""
        before = AT_WORK.set(Work(key, self._by))
        try:
            yield
        finally:
            AT_WORK.reset(before)

    def acts(self, key: Key) -> None:
        """What comes now may change something that no transaction of this process tells of."""
        with self._engine.begin() as connection:
            connection.execute(update(answers_once).where(self._mine(key)).values(acted=answers_once.c.acted + 1))

    def answer(self, key: Key, status: int, headers: Mapping[str, str], body: str) -> None:
        """Keep the answer."""
        kept = {"status": status, "headers": dict(headers), "body": body}
        with self._engine.begin() as connection:
            connection.execute(update(answers_once).where(self._mine(key)).values(**kept))
        self.ended(key)

    def release(self, key: Key) -> None:
        """There is no answer. Where nothing was recorded, the key is free again."""
        mine = self._mine(key)
        with self._engine.begin() as connection:
            connection.execute(delete(answers_once).where(mine, answers_once.c.acted == 0))
            connection.execute(update(answers_once).where(mine).values(by="", until=0.0))

    def refuse(self, key: Key, status: int, headers: Mapping[str, str], body: str) -> None:
        """Keep a refusal as the answer where something was recorded before, such as who asked: repeated, the request is
        refused again, and not called carried out."""
        with self._engine.begin() as connection:
            connection.execute(
                update(answers_once)
                .where(self._mine(key), answers_once.c.acted > 0)
                .values(status=status, headers=dict(headers), body=body)
            )

    def renew(self, key: Key, now: float) -> None:
        """Say that this server still works on it."""
        with self._engine.begin() as connection:
            connection.execute(update(answers_once).where(self._mine(key)).values(until=now + LEASE))

    def _mine(self, key: Key) -> ColumnElement[bool]:
        return and_(_is(key), answers_once.c.by == self._by, answers_once.c.status.is_(None))


def _is(key: Key) -> ColumnElement[bool]:
    return and_(answers_once.c.who == key.who, answers_once.c.key == key.text)


def _say_so(connection: Connection) -> None:
    """Before each commit. Raises Superseded, which undoes the transaction."""
    work = AT_WORK.get()
    if work is None:
        return
    made = work.committing(connection)
    values: dict[str, object] = {"acted": answers_once.c.acted + 1, "made": [list(one) for one in made] or None}
    mine = and_(_is(work.key), answers_once.c.by == work.by, answers_once.c.status.is_(None))
    if connection.execute(update(answers_once).where(mine).values(values)).rowcount != 1:
        raise Superseded("another server has taken this request over")
    work.made = made
    reach("request-committing")
