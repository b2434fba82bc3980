"""The audit log: one chain of rows, each with the hash of the one before, in the order of their transactions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sqlalchemy import ColumnElement, Connection, Engine, RowMapping, func, insert, select

from pilotage.engine.records.tables_identity import audit
from pilotage.model.audit import Act, Checked, Entry, Filter, Outcome
from pilotage.model.json import JsonObject
from pilotage.model.text import plain

_LOCK = 0x70696C6F_61756474
"""For PostgreSQL: held from the look at the last row until the transaction ends. A file has one writer anyway."""
_AT_ONCE = 500
_LONGEST = 2000
"""Characters of a reason or an object."""


def append(
    connection: Connection, act: Act, now: float, *, before: JsonObject | None = None, after: JsonObject | None = None,
    outcome: Outcome = Outcome.DONE,
) -> Entry:  # fmt: skip
    """Write a row in the connection's transaction."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    last = connection.execute(select(audit.c.number, audit.c.hash).order_by(audit.c.number.desc()).limit(1)).first()
    entry = Entry(
        number=last.number + 1 if last else 1, at=now, actor=plain(act.actor, 200), kind=act.kind, proof=act.proof,
        address=plain(act.address, 100), action=plain(act.action, 100), object=plain(act.object, _LONGEST),
        service=plain(act.service, 200), environment=plain(act.environment, 200), before=before, after=after,
        reason=plain(act.reason, _LONGEST), outcome=outcome.value, previous=last.hash if last else "",
    )  # fmt: skip
    entry = replace(entry, hash=entry.sealed())
    connection.execute(insert(audit).values(vars(entry)))
    return entry


def write(
    engine: Engine, act: Act, now: float, *, before: JsonObject | None = None, after: JsonObject | None = None,
    outcome: Outcome = Outcome.DONE,
) -> Entry:  # fmt: skip
    """A row for what no transaction of the store shows, such as a refusal."""
    with engine.begin() as connection:
        return append(connection, act, now, before=before, after=after, outcome=outcome)


def last_about(connection: Connection, thing: str) -> Entry | None:
    """The newest row about one object."""
    query = select(audit).where(audit.c.object == thing).order_by(audit.c.number.desc()).limit(1)
    row = connection.execute(query).mappings().first()
    return None if row is None else _entry(row)


def newest(engine: Engine) -> Entry | None:
    with engine.connect() as connection:
        row = connection.execute(select(audit).order_by(audit.c.number.desc()).limit(1)).mappings().first()
    return None if row is None else _entry(row)


def page(engine: Engine, wanted: Filter, limit: int, below: int | None = None) -> tuple[Entry, ...]:
    """The newest rows first. below: only those with smaller numbers."""
    query = select(audit).where(*_conditions(wanted)).order_by(audit.c.number.desc()).limit(limit)
    if below is not None:
        query = query.where(audit.c.number < below)
    with engine.connect() as connection:
        return tuple(_entry(row) for row in connection.execute(query).mappings())


def all_rows(engine: Engine, wanted: Filter | None = None) -> Iterator[Entry]:
    """From the first on, a few hundred at a time."""
    above = -1
    while True:
        query = select(audit).where(audit.c.number > above, *_conditions(wanted or Filter()))
        with engine.connect() as connection:
            rows = connection.execute(query.order_by(audit.c.number).limit(_AT_ONCE)).mappings().all()
        yield from (_entry(row) for row in rows)
        if len(rows) < _AT_ONCE:
            return
        above = rows[-1]["number"]


def _conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    names = ("actor", "action", "object", "service", "environment", "outcome")
    found = [audit.c[name] == value for name in names if (value := getattr(wanted, name))]
    if wanted.begins is not None:
        found.append(audit.c.at >= wanted.begins)
    if wanted.ends is not None:
        found.append(audit.c.at < wanted.ends)
    return found


def _entry(row: RowMapping) -> Entry:
    return Entry(**row)


# ── whether it is what was written ─────────────────────────────────────────────────────────────────────────


def check(engine: Engine) -> Checked:
    """Whether every row follows from the one before. After the first bad row nothing more is said: the rest of the
    chain proves nothing."""
    before, number = "", 0
    for number, row in enumerate(all_rows(engine), 1):
        if row.number != number:
            return Checked(rows=number - 1, faults=(f"row {number} is missing",))
        if row.hash != row.sealed() or row.previous != before:
            words = f"row {number} is not what was written: {row.action} of {row.object or 'nothing'}, by {row.actor}"
            return Checked(rows=number - 1, faults=(words,))
        before = row.hash
    return Checked(rows=number)


def hash_at(engine: Engine, number: int) -> str | None:
    """Of one row; None where there is none."""
    with engine.connect() as connection:
        return connection.scalar(select(audit.c.hash).where(audit.c.number == number))
