"""What a migration of Alembic or Django does on its way forward: its calls, in the order in which they are written."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from pilotage.risk.django_migrations import OPERATIONS, Models, columns_with_defaults, is_squashed, of_django, others_of
from pilotage.risk.operations import Found, breaks, destroys, lasting, locks, unread
from pilotage.risk.python_calls import Calls, given, name_of, strings
from pilotage.risk.sql_migrations import of_sql

_SQL = ("execute", "RunSQL", "executescript", "exec_driver_sql")


def of_python(text: str, made: Collection[str] = (), known: Collection[str] | None = None) -> Iterator[Found]:
    """Alembic's `upgrade`, Django's operations and the SQL that Aerich returns, without what takes them back. made:
    tables and models that other migrations of the release create · known: migrations that were there before it."""
    try:
        calls = Calls.of(tree := ast.parse(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        yield unread("unreadable Python migration")
        return
    if is_squashed(tree, known):
        return
    alembic = _Alembic(calls, created=set(made), is_guarded=bool(_ASKS.search(text)))
    defaults = [str(given(call, "name")) for call in calls.forward if name_of(call) == "AddDefaultValue"]
    django = Models(
        created={name.casefold() for name in made},
        filled=columns_with_defaults(text) | {name.casefold() for name in defaults},
    )
    for call in calls.forward:
        name = name_of(call)
        if name in _SQL or (name == "step" and "yoyo" in text):
            yield from _of_sql(call, calls, alembic)
        else:
            yield from alembic.found(call, name)
            yield from of_django(call, name, django)
    yield from others_of(tree)
    for sql in _returned(tree):
        yield from of_sql(sql)
    if calls.forward and "alembic" in text and not any(_is_read(call) for call in calls.all):
        yield unread("functions of other modules that upgrade() calls")
    if calls.forward and not _is_known(tree, calls):
        yield unread("a Python migration of another tool than Alembic, Django, yoyo and Aerich")


_ASKS = re.compile(r"\b(has_table|get_table_names|table_exists|inspect)\(|\bIF NOT EXISTS\b")
"""How a migration finds out whether a table is there."""

_TOOLS = ("alembic", "django", "yoyo", "tortoise")


def _is_known(tree: ast.Module, calls: Calls) -> bool:
    """Whether a migration is of a tool whose operations are known: by what it imports, or by its calls."""
    nodes = list(ast.walk(tree))
    imported = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    imported += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    if any(name.split(".")[0] in _TOOLS for name in imported):
        return True
    return any(
        name_of(call) in (*_SQL, "batch_alter_table", *OPERATIONS) or _is_of(call, ("op", "batch_op"))
        for call in calls.all
    )


def _is_read(call: ast.Call) -> bool:
    return name_of(call) in (*_SQL, *_OPERATIONS) or _is_of(call, ("op", "batch_op"))


_OPERATIONS = (
    "batch_alter_table",
    "create_table",
    "drop_table",
    "add_column",
    "drop_column",
    "alter_column",
    "create_index",
    "rename_table",
    "drop_index",
    "drop_constraint",
    "bulk_insert",
)


def _is_of(call: ast.Call, names: tuple[str, ...]) -> bool:
    value = call.func.value if isinstance(call.func, ast.Attribute) else None
    return isinstance(value, ast.Name) and value.id in names


def _returned(tree: ast.Module) -> Iterator[str]:
    """The SQL that Aerich's `upgrade` returns."""
    for function in tree.body:
        if isinstance(function, ast.AsyncFunctionDef) and function.name == "upgrade":
            for node in ast.walk(function):
                if isinstance(node, ast.Return) and isinstance(node.value, ast.Constant):
                    yield str(node.value.value)


def _of_sql(call: ast.Call, calls: Calls, alembic: _Alembic) -> Iterator[Found]:
    """SQL in a call; reads of a connection are no operations."""
    value = next((k.value for k in call.keywords if k.arg in ("sql", "sqltext", "statement")), None)
    value = call.args[0] if call.args else value
    if value is None or (isinstance(value, ast.Attribute) and value.attr == "noop"):
        return
    scripts = calls.scripts(value)
    if scripts is None:
        yield unread(f"SQL that is computed ({name_of(call)})")
    for script in scripts or ():
        yield from of_sql(script, added=alembic.added, created=alembic.created)


@dataclass
class _Column:
    """A column of the same migration. takes_null · filled: whether the database has a default for it"""

    takes_null: bool
    filled: bool

    @property
    def stops_old_version(self) -> bool:
        return not self.takes_null and not self.filled


@dataclass
class _Alembic:
    """The operations of Alembic. created: tables so far · perhaps: tables created only where they are missing ·
    is_guarded: whether the migration asks which tables there are · added: columns so far, by (table, column)"""

    calls: Calls
    created: set[str] = field(default_factory=set)
    perhaps: set[str] = field(default_factory=set)
    is_guarded: bool = False
    added: dict[tuple[str, str], _Column] = field(default_factory=dict)

    def found(self, call: ast.Call, name: str) -> Iterator[Found]:
        batch = self.calls.batch_table(call)
        words = strings(call)
        shown = f"{name} {' '.join(map(repr, [*([batch] if batch else []), *words][:2]))}".rstrip()
        table = batch or (words[_PLACE.get(name, 0)] if len(words) > _PLACE.get(name, 0) else "")
        if name == "create_table":
            (self.perhaps if self.is_guarded or given(call, "if_not_exists") else self.created).add(table)
        elif name == "drop_table" and table in self.created:
            self.created.discard(table)
        elif not table or table not in self.created:
            found = self._of_known(call, name, batch, table, shown)
            yield from lasting(found) if table in self.perhaps else found

    def _of_known(self, call: ast.Call, name: str, batch: str, table: str, shown: str) -> Iterator[Found]:
        """Of a table that may have been there before."""
        words = strings(call)
        column = next(iter(words[0 if batch else 1 :]), "")
        if name == "add_column":
            yield from self._of_column(call, batch)
        elif name == "alter_column" and (table, column) in self.added:
            yield from self._of_new_column(call, (table, column))
        else:
            yield from _of_operation(call, name, shown)

    def _of_column(self, call: ast.Call, batch: str) -> Iterator[Found]:
        """`op.add_column("t", sa.Column("c", …))`, and the same in a batch, whose table is named at its start."""
        column = next((a for a in call.args if isinstance(a, ast.Call) and name_of(a) == "Column"), None)
        if column is None:
            return
        key = batch or next(iter(strings(call)), "?"), next(iter(strings(column)), "?")
        named = ".".join(key)
        inner = [name_of(node) for node in ast.walk(column) if isinstance(node, ast.Call)]
        filled = bool(given(column, "server_default") or {"Computed", "Identity"} & set(inner))
        self.added[key] = _Column(given(column, "nullable") is not False, filled)
        if self.added[key].stops_old_version:
            yield breaks(f"adds {named}, not null and without a default: the old version cannot insert")
        if given(column, "unique") or given(column, "index") or given(column, "primary_key"):
            yield locks(f"adds {named} with an index, which is built while writes wait")
        if "ForeignKey" in inner:
            yield locks(f"adds {named} with a foreign key, which locks the other table as well")

    def _of_new_column(self, call: ast.Call, key: tuple[str, str]) -> Iterator[Found]:
        """A column of this migration that becomes required, or loses its default: the old version does not write it."""
        column, was = self.added[key], self.added[key].stops_old_version
        if any(keyword.arg == "server_default" for keyword in call.keywords):
            column.filled = given(call, "server_default") is not None
        if (takes := given(call, "nullable")) is not None:
            column.takes_null = takes is not False
        if column.stops_old_version and not was:
            yield breaks(f"adds {'.'.join(key)}, not null and without a default: the old version cannot insert")


_PLACE = {
    **dict.fromkeys(("create_index", "create_foreign_key", "create_unique_constraint", "create_check_constraint"), 1),
    **dict.fromkeys(("create_primary_key", "create_exclude_constraint"), 1),
}
"""Position of the table among an operation's arguments, if it is not the first."""


def _of_operation(call: ast.Call, name: str, shown: str) -> Iterator[Found]:
    match name:
        case "drop_table":
            yield destroys(f"drops a table ({shown})")
        case "drop_all":
            yield destroys("drops every table (drop_all)")
        case "drop" if call.args or call.keywords:
            made = call.func.value if isinstance(call.func, ast.Attribute) else None
            is_type = isinstance(made, ast.Call) and name_of(made).upper() == "ENUM"
            yield (
                breaks("drops a type that the old version may still use (drop)")
                if is_type
                else destroys("drops a table (drop)")
            )
        case "delete" if _is_of_every_row(call):
            yield destroys("deletes every row (query.delete)")
        case "drop_column":
            yield destroys(f"drops a column ({shown})")
        case "rename_table":
            yield breaks(f"renames a table that the old version still uses ({shown})")
        case "alter_column":
            yield from _of_alter(call, shown)
        case "create_index" if not given(call, "postgresql_concurrently"):
            yield locks(f"builds an index and blocks writes ({shown})")
        case "create_foreign_key" | "create_check_constraint" if not given(call, "postgresql_not_valid"):
            yield locks(f"adds a constraint, which reads the whole table under a lock ({shown})")
        case "create_unique_constraint" | "create_primary_key" | "create_exclude_constraint":
            yield locks(f"adds a constraint and builds its index under a lock ({shown})")
        case _:
            pass


def _is_of_every_row(call: ast.Call) -> bool:
    """`session.query(Model).delete()`, with no filter between."""
    made = call.func.value if isinstance(call.func, ast.Attribute) else None
    return isinstance(made, ast.Call) and name_of(made) == "query"


def _of_alter(call: ast.Call, shown: str) -> Iterator[Found]:
    if given(call, "new_column_name"):
        yield breaks(f"renames a column that the old version still uses ({shown})")
    if given(call, "type_"):
        yield breaks(f"changes a column's type ({shown})")
    if given(call, "nullable") is False:
        yield locks(f"forbids nulls ({shown})")


def made_by_python(text: str) -> tuple[set[str], set[str]]:
    """Tables and models that a migration creates whatever is there, and those that it drops, on its way forward."""
    try:
        calls = Calls.of(ast.parse(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set(), set()
    made, gone = set[str](), set[str]()
    for call in calls.forward:
        names = set(strings(call)[:1])
        match name_of(call):
            case "create_table" | "CreateModel" if not (_ASKS.search(text) or given(call, "if_not_exists")):
                made |= names
            case "drop_table" | "DeleteModel":
                gone |= names
            case _:
                pass
    return made, gone
