"""What a migration does that cannot be undone, or that locks: from SQL, and from the operations of five frameworks."""

from __future__ import annotations

import ast
import posixpath
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from pilotage.model.risk import Finding, RiskFactor, RiskLevel
from pilotage.risk.sql import UnreadableSql, statements

if TYPE_CHECKING:
    from sqlglot import exp

_EXPAND = "expand first, contract in a later release: the schema must work with both versions"
_LOCK = "avoid the lock: build indexes concurrently, add constraints as NOT VALID and validate later"
_BACKUP = (
    "take a backup and test its restore before the release; set rollback.enabled: false if it cannot be rolled back"
)


def findings_of(path: str, text: str) -> list[Finding]:
    """The destructive and the locking operations of one migration file, in its forward direction."""
    suffix = posixpath.splitext(path)[1]
    match suffix:
        case ".sql":
            found = _of_sql(text)
        case ".py":
            found = _of_python(text)
        case ".rb":
            found = _of_rails(text)
        case ".xml" | ".yaml" | ".yml":
            found = _of_liquibase(text)
        case _:
            found = iter(())
    return [Finding(RiskFactor.MIGRATIONS, level, what, path, cure) for level, what, cure in dict.fromkeys(found)]


_Found = tuple[RiskLevel, str, str]


def _destroys(what: str) -> _Found:
    return RiskLevel.CRITICAL, what, _BACKUP


def _breaks(what: str) -> _Found:
    return RiskLevel.HIGH, what, _EXPAND


def _locks(what: str) -> _Found:
    return RiskLevel.MEDIUM, what, _LOCK


def _of_sql(text: str) -> Iterator[_Found]:
    from sqlglot import exp

    try:
        found = statements(text)
    except UnreadableSql:
        yield RiskLevel.MEDIUM, "unreadable SQL: review it by hand", _EXPAND
        return
    created = {
        s.this.find(exp.Table).name
        for s in found
        if isinstance(s, exp.Create) and s.kind == "TABLE" and s.this.find(exp.Table)
    }
    for statement in found:
        table = statement.find(exp.Table) if statement else None
        name = table.name if table else ""
        if statement is None or name in created:
            continue
        match statement:
            case exp.Drop(kind="TABLE" | "SCHEMA" | "DATABASE"):
                yield _destroys(f"drops {str(statement.kind).lower()} {name}")
            case exp.TruncateTable():
                yield _destroys(f"empties table {name}")
            case exp.Delete() | exp.Update() if statement.args.get("where") is None:
                verb = "deletes" if isinstance(statement, exp.Delete) else "rewrites"
                yield _destroys(f"{verb} every row of {name}")
            case exp.Create(kind="INDEX") if not statement.args.get("concurrently"):
                yield _locks(f"builds an index on {name} and blocks writes to it")
            case exp.Alter():
                yield from _of_alter(statement, name)
            case _:
                pass


def _of_alter(statement: object, table: str) -> Iterator[_Found]:
    from sqlglot import exp

    assert isinstance(statement, exp.Alter)
    for action in statement.args.get("actions") or ():
        match action:
            case exp.Drop(kind="COLUMN"):
                yield _destroys(f"drops column {table}.{_named(action)}")
            case exp.RenameColumn() | exp.AlterRename():
                yield _breaks(f"renames something of {table} that the old version still uses")
            case exp.AlterColumn() if action.args.get("dtype"):
                yield _breaks(f"changes the type of {table}.{_named(action)}, which rewrites the table under a lock")
            case exp.AlterColumn() if action.args.get("allow_null") is False:
                yield _locks(f"forbids nulls in {table}.{_named(action)}, which reads the whole table under a lock")
            case exp.ColumnDef():
                kinds = [type(c.args.get("kind")) for c in action.args.get("constraints") or ()]
                if exp.NotNullColumnConstraint in kinds and exp.DefaultColumnConstraint not in kinds:
                    yield _breaks(
                        f"adds {table}.{action.name}, not null and without a default: the old version cannot insert"
                    )
            case exp.AddConstraint() if not statement.args.get("not_valid"):
                yield _locks(f"adds a constraint to {table}, which reads the whole table under a lock")
            case _:
                pass


def _named(action: exp.Expression) -> str:
    """The column an action is about, "?" where the statement is too odd to tell."""
    from sqlglot import exp

    name = action.find(exp.Identifier)
    return name.name if name else "?"


_PYTHON = {
    "drop_table": _destroys("drops a table"),
    "drop_column": _destroys("drops a column"),
    "DeleteModel": _destroys("drops a model's table"),
    "RemoveField": _destroys("drops a field's column"),
    "rename_table": _breaks("renames a table that the old version still uses"),
    "RenameField": _breaks("renames a field that the old version still uses"),
    "RenameModel": _breaks("renames a model's table that the old version still uses"),
}


def _of_python(text: str) -> Iterator[_Found]:
    """Alembic's `upgrade` and Django's operations; what takes them back is not looked at."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        yield RiskLevel.MEDIUM, "unreadable Python migration: review it by hand", _EXPAND
        return
    idle = _idle(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or id(node) in idle:
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in _PYTHON:
            level, what, cure = _PYTHON[name]
            named = " ".join(repr(v) for v in _strings(node)[:2])
            yield level, f"{what} ({name} {named})".replace(" )", ")"), cure
        elif name == "alter_column" and _given(node, "type_"):
            yield _breaks(f"changes a column's type (alter_column {' '.join(map(repr, _strings(node)[:2]))})")
        elif name == "alter_column" and _given(node, "nullable") is False:
            yield _locks(f"forbids nulls (alter_column {' '.join(map(repr, _strings(node)[:2]))})")
        elif name == "create_index" and not _given(node, "postgresql_concurrently"):
            yield _locks(f"builds an index and blocks writes (create_index {' '.join(map(repr, _strings(node)[:2]))})")
        elif name in ("AddIndex", "AddConstraint"):
            what = "builds an index" if name == "AddIndex" else "adds a constraint"
            yield _locks(f"{what} and blocks writes ({name} {' '.join(map(repr, _strings(node)[:2]))})")
        elif name in ("execute", "RunSQL") and (sql := _strings(node)):
            yield from _of_sql(sql[0])


def _idle(tree: ast.Module) -> set[int]:
    """What does not touch the database on the way forward: `downgrade`, and Django's operations on its state alone."""
    parts: list[ast.AST] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == "downgrade":
            parts.append(node)
        elif isinstance(node, ast.keyword) and node.arg in ("state_operations", "reverse_sql", "reverse_code"):
            parts.append(node.value)
    return {id(inner) for part in parts for inner in ast.walk(part)}


def _strings(call: ast.Call) -> list[str]:
    given = [*call.args, *(k.value for k in call.keywords if k.arg in ("name", "model_name", "old_name", "sql"))]
    return [a.value for a in given if isinstance(a, ast.Constant) and isinstance(a.value, str)]


def _given(call: ast.Call, name: str) -> object:
    """A keyword's constant, True for anything that is not one, None where it is not given."""
    value = next((k.value for k in call.keywords if k.arg == name), None)
    return value.value if isinstance(value, ast.Constant) else True if value is not None else None


_NAME = r"\s*(?:\(\s*)?:?[\"']?(\w+)"
_COLUMN = _NAME + r"[\"']?\s*,\s*:?[\"']?(\w+)"
_ADD_INDEX = re.compile(rf"\badd_index{_NAME}")
_RAILS = (
    (re.compile(rf"\bdrop_table{_NAME}"), _destroys, "drops table {}"),
    (re.compile(rf"\bremove_columns?{_COLUMN}"), _destroys, "drops column {}.{}"),
    (
        re.compile(rf"\brename_(?:column|table){_NAME}"),
        _breaks,
        "renames something of {} that the old version uses",
    ),
    (re.compile(rf"\bchange_column{_COLUMN}"), _breaks, "changes the type of {}.{}"),
    (re.compile(rf"\bchange_column_null{_COLUMN}[\"']?\s*,\s*false"), _locks, "forbids nulls in {}.{}"),
    (_ADD_INDEX, _locks, "builds an index on {} and blocks writes to it"),
)
_CREATED = re.compile(rf"\bcreate_table{_NAME}")
_CONCURRENTLY = re.compile(r"algorithm:\s*:concurrently|\n")
_DOWN = re.compile(r"([ \t]*)def (?:self\.)?down\b")


def _of_rails(text: str) -> Iterator[_Found]:
    forward = "\n".join(_forward(text.split("\n")))
    created, concurrent = set(_CREATED.findall(forward)), _concurrently(forward)
    for pattern, kind, words in _RAILS:
        for found in pattern.finditer(forward):
            if found[1] not in created and not (pattern is _ADD_INDEX and concurrent(found.end())):
                yield kind(words.format(*found.groups()))


def _forward(lines: list[str]) -> Iterator[str]:
    """The lines without `down`, as far as its `end` is found, and without comments."""
    at, endless = 0, set[str]()
    while at < len(lines):
        line = lines[at]
        at += 1
        if (down := _DOWN.match(line)) and (end := f"{down[1]}end") not in endless:
            last = next((n for n in range(at, len(lines)) if lines[n].split("#")[0].rstrip() == end), None)
            if last is not None:
                at = last + 1
                continue
            endless.add(end)
        if not line.lstrip().startswith("#"):
            yield line


def _concurrently(text: str) -> Callable[[int], bool]:
    """Whether the line goes on, from a place in the text, to say `algorithm: :concurrently`."""
    marks = [(found.start(), found[0] != "\n") for found in _CONCURRENTLY.finditer(text)]
    return lambda place: next((said for _, said in marks[bisect_left(marks, (place, False)) :][:1]), False)


_LIQUIBASE = (
    (re.compile(r"<?\b(dropTable|dropColumn|dropAllForeignKeyConstraints)\b"), _destroys, "{} of Liquibase"),
    (re.compile(r"<?\b(renameColumn|renameTable|modifyDataType)\b"), _breaks, "{} of Liquibase"),
    (re.compile(r"<?\b(addNotNullConstraint|createIndex|addForeignKeyConstraint)\b"), _locks, "{} of Liquibase"),
)
_LEFT_OUT = re.compile(r"<rollback\b|<!--")


def _of_liquibase(text: str) -> Iterator[_Found]:
    forward = "".join(_outside(text))
    for pattern, kind, words in _LIQUIBASE:
        for name in pattern.findall(forward):
            yield kind(words.format(name))


def _outside(text: str) -> Iterator[str]:
    """What stands neither in a comment nor in a rollback; one that never ends is neither."""
    at, endless = 0, set[str]()
    for found in _LEFT_OUT.finditer(text):
        end = "-->" if found[0] == "<!--" else "</rollback>"
        if found.start() < at or end in endless:
            continue
        last = text.find(end, found.end())
        if last < 0:
            endless.add(end)
            continue
        yield text[at : found.start()]
        at = last + len(end)
    yield text[at:]
