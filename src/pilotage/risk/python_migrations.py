"""What a migration of Alembic or Django does on its way forward: its calls, in the order in which they are written."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from pilotage.risk.django_migrations import of_django
from pilotage.risk.operations import Found, breaks, destroys, locks, unread
from pilotage.risk.python_calls import Calls, given, name_of, strings
from pilotage.risk.sql_migrations import of_sql

_SQL = ("execute", "RunSQL", "executescript", "exec_driver_sql")


def of_python(text: str) -> Iterator[Found]:
    """Alembic's `upgrade` and Django's operations; what takes them back is not looked at."""
    try:
        calls = Calls.of(ast.parse(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        yield unread("unreadable Python migration")
        return
    alembic, models = _Alembic(calls), set[str]()
    for call in calls.forward:
        name = name_of(call)
        if name in _SQL or (name == "step" and "yoyo" in text):
            yield from _of_sql(call, calls)
        else:
            yield from alembic.found(call, name)
            yield from of_django(call, name, models)


def _of_sql(call: ast.Call, calls: Calls) -> Iterator[Found]:
    """SQL in a call; reads of a connection are no operations."""
    value = next((k.value for k in call.keywords if k.arg in ("sql", "sqltext", "statement")), None)
    value = call.args[0] if call.args else value
    if value is None or (isinstance(value, ast.Attribute) and value.attr == "noop"):
        return
    scripts = calls.scripts(value)
    if scripts is None:
        yield unread(f"SQL that is computed ({name_of(call)})")
    for script in scripts or ():
        yield from of_sql(script)


@dataclass
class _Alembic:
    """The operations of Alembic, and the tables that they have created so far."""

    calls: Calls
    created: set[str] = field(default_factory=set)

    def found(self, call: ast.Call, name: str) -> Iterator[Found]:
        batch = self.calls.batch_table(call)
        words = strings(call)
        shown = f"{name} {' '.join(map(repr, [*([batch] if batch else []), *words][:2]))}".rstrip()
        table = batch or (words[_PLACE.get(name, 0)] if len(words) > _PLACE.get(name, 0) else "")
        if name == "create_table":
            self.created.add(table)
        elif name == "drop_table" and table in self.created:
            self.created.discard(table)
        elif not table or table not in self.created:
            yield from _of_operation(call, name, shown, batch)


_PLACE = {
    **dict.fromkeys(("create_index", "create_foreign_key", "create_unique_constraint", "create_check_constraint"), 1),
    **dict.fromkeys(("create_primary_key", "create_exclude_constraint"), 1),
}
"""Where the table stands among an operation's arguments, where it is not the first."""


def _of_operation(call: ast.Call, name: str, shown: str, batch: str) -> Iterator[Found]:
    match name:
        case "drop_table":
            yield destroys(f"drops a table ({shown})")
        case "drop_column":
            yield destroys(f"drops a column ({shown})")
        case "rename_table":
            yield breaks(f"renames a table that the old version still uses ({shown})")
        case "alter_column":
            yield from _of_alter(call, shown)
        case "add_column":
            yield from _of_column(call, batch)
        case "create_index" if not given(call, "postgresql_concurrently"):
            yield locks(f"builds an index and blocks writes ({shown})")
        case "create_foreign_key" | "create_check_constraint" if not given(call, "postgresql_not_valid"):
            yield locks(f"adds a constraint, which reads the whole table under a lock ({shown})")
        case "create_unique_constraint" | "create_primary_key" | "create_exclude_constraint":
            yield locks(f"adds a constraint and builds its index under a lock ({shown})")
        case _:
            pass


def _of_alter(call: ast.Call, shown: str) -> Iterator[Found]:
    if given(call, "new_column_name"):
        yield breaks(f"renames a column that the old version still uses ({shown})")
    if given(call, "type_"):
        yield breaks(f"changes a column's type ({shown})")
    if given(call, "nullable") is False:
        yield locks(f"forbids nulls ({shown})")


def _of_column(call: ast.Call, batch: str) -> Iterator[Found]:
    """`op.add_column("t", sa.Column("c", …))`, and the same of a batch, whose table stands at its head."""
    column = next((a for a in call.args if isinstance(a, ast.Call) and name_of(a) == "Column"), None)
    if column is None:
        return
    table = batch or next(iter(strings(call)), "?")
    named = f"{table}.{next(iter(strings(column)), '?')}"
    inner = [name_of(node) for node in ast.walk(column) if isinstance(node, ast.Call)]
    filled = given(column, "server_default") or {"Computed", "Identity"} & set(inner)
    if given(column, "nullable") is False and not filled:
        yield breaks(f"adds {named}, not null and without a default: the old version cannot insert")
    if given(column, "unique") or given(column, "index") or given(column, "primary_key"):
        yield locks(f"adds {named} with an index, which is built while writes wait")
    if "ForeignKey" in inner:
        yield locks(f"adds {named} with a foreign key, which locks the other table as well")
