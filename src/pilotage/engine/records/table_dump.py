"""All rows of a store as text, and back: the same from SQLite and PostgreSQL, so a store can move between them.

Values are copied as they are stored. JSON stays the text that it is, since hashes were made of what it says.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator

from sqlalchemy import (
    JSON,
    BindParameter,
    Column,
    ColumnElement,
    Connection,
    LargeBinary,
    MetaData,
    Table,
    Text,
    bindparam,
    cast,
    func,
    insert,
    select,
    text,
)

from pilotage.model.errors import Invalid
from pilotage.model.store_backup import TablePart

_BATCH, _PREFIX = 500, "new_"
_OF_ALEMBIC = "alembic_version"


class UnknownTable(Invalid):
    """The backup has a table or column that a store of its revision does not have."""


def tables_in(connection: Connection) -> list[Table]:
    """Every table of the store, those that others refer to first."""
    found = MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name != _OF_ALEMBIC]


def lines_of(connection: Connection, table: Table, count: Callable[[int], None]) -> Iterator[bytes]:
    """Each row as a line of JSON. count: gets the number of rows at the end."""
    columns = [cast(one, Text) if isinstance(one.type, JSON) else one for one in table.columns]
    # A file keeps the order in which rows came, and the oldest migrations look at it.
    key = [text("rowid")] if connection.dialect.name == "sqlite" else list(table.primary_key.columns)
    rows = 0
    streamed = connection.execution_options(yield_per=_BATCH)
    for row in streamed.execute(select(*columns).order_by(*key)):
        rows += 1
        yield json.dumps([_out(value) for value in row], ensure_ascii=False).encode() + b"\n"
    count(rows)


def load(connection: Connection, part: TablePart, lines: Iterable[bytes], table: Table) -> int:
    """Insert the rows of a table; returns how many. Raises UnknownTable, ValueError."""
    if sorted(part.columns) != sorted(table.columns.keys()):
        raise UnknownTable(f"the backup's table {part.table} has other columns than a store of its revision")
    columns = [table.columns[name] for name in part.columns]
    statement = insert(table).values({one.name: _bound(one, connection.dialect.name) for one in columns})
    rows, batch = 0, []
    for line in lines:
        batch.append(_row(part, columns, line))
        if len(batch) == _BATCH:
            connection.execute(statement, batch)
            rows, batch = rows + len(batch), []
    if batch:
        connection.execute(statement, batch)
    return rows + len(batch)


def count_on(connection: Connection, table: Table) -> None:
    """On PostgreSQL, number new rows after the ones that were loaded."""
    for column in table.columns:
        sequence = connection.scalar(select(func.pg_get_serial_sequence(table.name, column.name)))
        if sequence:
            highest = connection.scalar(select(func.max(column)))
            connection.execute(select(func.setval(sequence, highest or 1, highest is not None)))


def _bound(column: Column[object], dialect: str) -> ColumnElement[object] | BindParameter[str]:
    """JSON goes in as the text that it is; SQLite keeps it as text anyway."""
    name = _PREFIX + column.name
    if not isinstance(column.type, JSON):
        return bindparam(name, type_=column.type)
    return (
        cast(bindparam(name, type_=Text()), column.type) if dialect == "postgresql" else bindparam(name, type_=Text())
    )


def _row(part: TablePart, columns: list[Column[object]], line: bytes) -> dict[str, object]:
    values = json.loads(line)
    if not isinstance(values, list) or len(values) != len(columns):
        raise ValueError(f"a row of {part.table} has not {len(columns)} values")
    return {_PREFIX + column.name: _in(column, value) for column, value in zip(columns, values, strict=True)}


def _out(value: object) -> object:
    return base64.b64encode(value).decode() if isinstance(value, bytes | memoryview) else value


def _in(column: Column[object], value: object) -> object:
    return base64.b64decode(value) if isinstance(column.type, LargeBinary) and isinstance(value, str) else value
