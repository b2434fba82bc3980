"""Writes a row of the audit log into every transaction in which someone changes something.

Whoever does something says so once (`doing.begin`): a request at the server's edge, a command in the shell, and each
use case when it asks for permission. The engine's events do the rest, so no use case can forget it: statements on
audited tables are noted with their rows before, and just before the commit one row is added to the log, in the same
transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias, cast

from sqlalchemy import Connection, Delete, Engine, Insert, Select, Table, Update, event, select

from pilotage.engine.records.audited import ALWAYS, AUDITED, SENSED, Shown
from pilotage.engine.records.doing import current, is_said
from pilotage.model.audit import Act, Outcome
from pilotage.model.clock import Clock
from pilotage.model.json import Json, JsonObject
from pilotage.model.text import plain

_MOST_ROWS = 50
_LONGEST = 500
_NOTES = "pilotage-audit"
_Values: TypeAlias = "Mapping[str, object]"

UNKNOWN = Act(actor="pilotage", kind="machine", proof="", action="change")


@dataclass
class _Touched:
    """A row that a transaction changes. key: its primary key; None for one that is new, as is before."""

    table: Table
    key: tuple[object, ...] | None
    before: JsonObject | None
    given: JsonObject = field(default_factory=dict)
    """Of a new row, its values."""
    sensed: tuple[str, ...] = ()
    """Secret columns that change."""


def watch(engine: Engine, clock: Clock) -> None:
    """Keep the log of this engine's changes."""

    @event.listens_for(engine, "before_execute")
    def _(
        connection: Connection, statement: object, several: Sequence[_Values], single: _Values, _options: object
    ) -> None:  # fmt: skip
        if isinstance(statement, Insert | Update | Delete):
            _note(connection, statement, several or ([single] if single else []))

    @event.listens_for(engine, "commit")
    def _(connection: Connection) -> None:
        touched = cast("list[_Touched]", _notes(connection).pop(_NOTES, []))
        if touched:
            _write(connection, touched, clock.now())

    @event.listens_for(engine, "rollback")
    def _(connection: Connection) -> None:
        _notes(connection).pop(_NOTES, None)

    @event.listens_for(engine, "savepoint")
    def _(connection: Connection, name: str) -> None:
        notes = _notes(connection)
        notes[f"{_NOTES} {name}"] = len(cast("list[_Touched]", notes.get(_NOTES, [])))

    @event.listens_for(engine, "rollback_savepoint")
    def _(connection: Connection, name: str, _context: None) -> None:
        notes = _notes(connection)
        kept = cast("int", notes.pop(f"{_NOTES} {name}", 0))
        del cast("list[_Touched]", notes.get(_NOTES, []))[kept:]


def _notes(connection: Connection) -> dict[object, object]:
    """What was noted on it. A connection that broke has lost its notes with its transaction, and may not be asked."""
    return {} if connection.invalidated else connection.info


def _note(
    connection: Connection, statement: Insert | Update | Delete, parameters: Sequence[Mapping[str, object]]
) -> None:
    table = statement.table
    if not isinstance(table, Table) or table.name not in AUDITED:
        return
    if not is_said() and table.name not in ALWAYS:
        return
    noted = cast("list[_Touched]", connection.info.setdefault(_NOTES, []))
    if isinstance(statement, Insert):
        given = _given(statement, table)
        rows = [{**given, **_json(one)} for one in parameters or [{}]]
        noted += [_Touched(table=table, key=None, before=None, given=row) for row in rows[: _MOST_ROWS - len(noted)]]
    else:
        noted += _existing(connection, statement, table, parameters or [{}], noted)


def _existing(
    connection: Connection, statement: Update | Delete, table: Table, parameters: Sequence[Mapping[str, object]],
    noted: Sequence[_Touched],
) -> list[_Touched]:  # fmt: skip
    """The rows that it is about to change, as they are before the transaction."""
    names = _set_by(statement, parameters)
    sensed = tuple(name for name in SENSED.get(table.name, ()) if name in names)
    if isinstance(statement, Update) and not sensed and not names & set(_columns(table)):
        return []
    known, found = {(one.table.name, one.key) for one in noted}, list[_Touched]()
    for one in parameters:
        for row in connection.execute(_rows_of(statement, table), dict(one)).mappings().fetchmany(_MOST_ROWS):
            key = tuple(row[column.name] for column in table.primary_key)
            if (table.name, key) not in known and len(noted) + len(found) < _MOST_ROWS:
                shown = {name: _plain(row[name]) for name in _columns(table)}
                found.append(_Touched(table=table, key=key, before=shown, sensed=sensed))
    return found


def _set_by(statement: Update | Delete, parameters: Sequence[Mapping[str, object]]) -> set[str]:
    """Names of the columns that it sets."""
    values: Iterable[object] = () if isinstance(statement, Delete) else statement._values or ()
    return {name for one in parameters for name in one} | {getattr(column, "name", str(column)) for column in values}


def _given(statement: Insert, table: Table) -> JsonObject:
    """The values that it sets, by column. What the database works out is not among them."""
    found = (statement._values or {}).items()
    given: dict[str, object] = {
        getattr(column, "name", str(column)): getattr(value, "value", None) for column, value in found
    }
    return _json({name: value for name, value in given.items() if name in table.c})


def _json(values: Mapping[str, object]) -> JsonObject:
    return {name: _plain(value) for name, value in values.items()}


def _plain(value: object) -> Json:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value][:_MOST_ROWS]
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    return plain(str(value), _LONGEST)


def _columns(table: Table) -> tuple[str, ...]:
    shown = AUDITED[table.name]
    return tuple(dict.fromkeys((*shown.keys, *shown.columns, *((shown.reason,) if shown.reason else ()))))


def _rows_of(statement: Update | Delete, table: Table) -> Select[tuple[object, ...]]:
    wanted = dict.fromkeys([*(column.name for column in table.primary_key), *_columns(table)])
    query = select(*(table.c[name] for name in wanted)).limit(_MOST_ROWS)
    return query if statement.whereclause is None else query.where(statement.whereclause)


# ── the row ────────────────────────────────────────────────────────────────────────────────────────────────


def _write(connection: Connection, touched: Sequence[_Touched], now: float) -> None:
    from pilotage.engine.records.audit import append

    act = current() or UNKNOWN
    before, after = dict[str, list[Json]](), dict[str, list[Json]]()
    reasons, objects, places = list[str](), list[str](), list[tuple[str, str]]()
    for one in touched:
        shown, was, became = AUDITED[one.table.name], one.before, _after(connection, one)
        if was is not None and was == became and not one.sensed:
            continue
        if was is not None and became is not None:
            named = {name: was[name] for name in shown.keys}
            changed = dict.fromkeys(one.sensed, "changed")
            was, became = {**named, **_differing(was, became)}, {**named, **_differing(became, was), **changed}
        known = {**(one.before or {}), **(became or {})}
        objects.append(_named(known, shown))
        places.append((str(known.get("service") or ""), str(known.get("environment") or "")))
        reasons.append(str(known.get(shown.reason) or "") if shown.reason else "")
        if was is not None:
            before.setdefault(one.table.name, []).append(was)
        if became is not None:
            after.setdefault(one.table.name, []).append(became)
    if objects:
        act = _completed(act, objects, places, reasons)
        asked = all(one.table.name in _ASKED for one in touched)
        outcome = Outcome.ALLOWED if asked else Outcome.DONE
        append(connection, act, now, before=before or None, after=after or None, outcome=outcome)


def _completed(act: Act, objects: list[str], places: list[tuple[str, str]], reasons: list[str]) -> Act:
    service, environment = places[0] if len(set(places)) == 1 else ("", "")
    grant = act.action in _ABOUT_ACCESS
    return replace(
        act, object=act.object or ", ".join(dict.fromkeys(objects)),
        service=act.service if grant else act.service or service,
        environment=act.environment if grant else act.environment or environment,
        reason=act.reason or next((one for one in reasons if one), ""),
    )  # fmt: skip


_ASKED = frozenset({"commands", "way_commands"})
"""What is written there is done later, or refused: the worker's answer has a row of its own (`replies.py`)."""

_ABOUT_ACCESS = frozenset({"manage-people", "manage-tokens"})
"""A grant's service and environment are what it is about, not where it happened."""


def _after(connection: Connection, one: _Touched) -> JsonObject | None:
    """The row as it will be committed; None for one that goes."""
    if one.key is None:
        shown = {name: one.given[name] for name in _columns(one.table) if one.given.get(name) is not None}
        return {**shown, **{name: "set" for name in SENSED.get(one.table.name, ()) if one.given.get(name)}}
    names = list(one.table.primary_key)
    query = select(*(one.table.c[name] for name in _columns(one.table)))
    query = query.where(*(column == value for column, value in zip(names, one.key, strict=True)))
    row = connection.execute(query).mappings().first()
    return None if row is None else {name: _plain(value) for name, value in row.items()}


def _differing(of: JsonObject, other: JsonObject) -> JsonObject:
    return {name: value for name, value in of.items() if other.get(name) != value}


def _named(known: JsonObject, shown: Shown) -> str:
    return " ".join(str(known[name]) for name in shown.keys if known.get(name) is not None)
