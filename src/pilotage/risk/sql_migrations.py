"""What a script of SQL does to a schema that the old version still uses, statement by statement."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from pilotage.risk.operations import Found, breaks, destroys, lasting, locks, unread
from pilotage.risk.sql import UnreadableSql, is_unknown, script, words_of, written
from pilotage.risk.sql_commands import of_command, of_executed
from pilotage.risk.sql_schema import Schema, null_checks

if TYPE_CHECKING:
    from sqlglot import exp


def of_sql(
    text: str, path: str = "", added: Collection[tuple[str, str]] = (), created: Collection[str] = ()
) -> Iterator[Found]:
    """The operations of a script that destroy, break or lock; path gives a hint of its database. added: (table, column)
    that the same migration added outside the script · created: tables that earlier scripts of the release create, which
    hold nothing yet."""
    from sqlglot import exp

    try:
        read = script(text, path)
    except UnreadableSql as error:
        yield unread(f"unreadable SQL, at the latest in line {error.line}" if error.line else "unreadable SQL")
        return
    if included := _INCLUDED.search(text):
        yield unread(f"statements of another file ({included[1][:60]})")
    steps = [step for statement in read.statements for step in _flat(statement)]
    schema = Schema(read.dialect, added=dict.fromkeys(added, False), created=set(created))
    yield from of_executed(text, read.dialect, schema.created)
    for step in steps:
        if isinstance(step, exp.Create):
            schema.remade.add(_table(step))
            schema.views |= {_table(step)} if str(step.kind).endswith("VIEW") else set()
        if isinstance(step, exp.Alter) and (rename := step.find(exp.AlterRename)):
            schema.renamed[_table(step)] = _table(rename)
    for step in steps:
        found = _of_statement(step, schema)
        yield from lasting(found) if _table(step) in schema.perhaps else found


_INCLUDED = re.compile(
    r"^[ \t]*(?:\\i(?:r|nclude(?:_relative)?)?|:r|SOURCE)[ \t]+([^\s;]+)", re.MULTILINE | re.IGNORECASE
)
"""As psql, sqlcmd and mysql take in another file."""


def _flat(statement: exp.Expression) -> Iterator[exp.Expression]:
    """A statement, or the statements in its blocks, as in T-SQL's `IF EXISTS (…) DROP TABLE …`."""
    from sqlglot import exp

    left = [statement]
    while left:
        one = left.pop()
        if isinstance(one, exp.Block):
            left += reversed([part for part in one.expressions if isinstance(part, exp.Expression)])
        elif isinstance(one, exp.IfBlock | exp.WhileBlock):
            parts = [one.args.get(name) for name in ("false", "true", "body")]
            left += [part for part in parts if isinstance(part, exp.Expression)]
        else:
            yield one


def _table(statement: exp.Expression) -> str:
    from sqlglot import exp

    table = statement.find(exp.Table)
    return table.name if table else ""


def _of_statement(statement: exp.Expression, schema: Schema) -> Iterator[Found]:
    from sqlglot import exp

    match statement:
        case _ if is_unknown(statement) or isinstance(statement, exp.Execute):
            yield from _of_command(statement, schema)
        case exp.Create(kind="TABLE"):
            if statement.args.get("replace"):
                yield destroys(f"drops table {_table(statement)}, if there is one, and creates it anew")
            (schema.perhaps if statement.args.get("exists") else schema.created).add(_table(statement))
        case exp.Drop(kind="TABLE" | "SCHEMA" | "DATABASE" | "VIEW" | "SEQUENCE" | "TYPE" | "FUNCTION" | "PROCEDURE"):
            for table in statement.args.get("tables") or [statement.this]:
                name = (table.name or table.text("db")) if table else ""
                if table and table.this and table.this.args.get("temporary"):
                    continue  # T-SQL's #name lives as long as its session
                yield from _of_drop(str(statement.kind).lower(), name, schema)
        case exp.TruncateTable():
            tables = [table.name for table in statement.expressions]
            yield from (destroys(f"empties table {name}") for name in tables if name not in schema.created)
        case _ if _table(statement) in schema.created:
            pass
        case exp.Delete() | exp.Update():
            yield from _of_rows(statement, schema)
        case exp.Query() | exp.Insert() if with_ := statement.args.get("with_"):
            for part in with_.expressions:
                if isinstance(part.this, exp.Delete | exp.Update) and _table(part.this) not in schema.created:
                    yield from _of_rows(part.this, schema)
        case exp.Create() if str(statement.kind).endswith("INDEX"):
            if not statement.args.get("concurrently") and not _is_online(statement, schema.dialect):
                yield locks(f"builds an index on {_table(statement)} and blocks writes to it")
        case exp.Alter() if statement.args.get("kind") != "INDEX":
            yield from _of_alter(statement, _table(statement), schema)
        case _:
            pass


def _of_rows(statement: exp.Expression, schema: Schema) -> Iterator[Found]:
    """What changes every row: nothing is lost where it fills columns that are new."""
    from sqlglot import exp

    joined = statement.args.get("using") or (statement.this and statement.this.args.get("joins"))
    if joined or not _is_endless(statement.args.get("where")):
        return
    table = _table(statement)
    if isinstance(statement, exp.Delete):
        yield destroys(f"deletes every row of {table}")
    elif all((table, part.this.name) in schema.added for part in statement.expressions if isinstance(part, exp.EQ)):
        yield locks(f"fills every row of {table} at once, and each stays locked until the end")
    else:
        yield destroys(f"rewrites every row of {table}")


def _is_endless(where: exp.Expression | None) -> bool:
    """Whether there is no real condition: it is missing, `true` or `1 = 1`."""
    from sqlglot import exp

    said = where.this if where else None
    if isinstance(said, exp.EQ):
        return isinstance(said.this, exp.Literal) and said.this == said.expression
    return said is None or (isinstance(said, exp.Boolean) and bool(said.this))


def _of_drop(kind: str, name: str, schema: Schema) -> Iterator[Found]:
    """A table that a copy takes the place of is how SQLite changes a column: the copy may hold less."""
    if kind not in ("table", "schema", "database"):
        if name not in schema.remade:
            yield breaks(f"drops {kind} {name}, which the old version may still use")
        return
    if kind == "table" and name in schema.views:
        return  # a materialized view of ClickHouse, which is made again of what it reads
    if name in schema.created:
        schema.created.discard(name)
    elif kind == "table" and any(
        new == name and old in schema.created | schema.perhaps for old, new in schema.renamed.items()
    ):
        yield breaks(f"rebuilds table {name} from a copy: compare the columns of both")
    else:
        yield destroys(f"drops {kind} {name}")


_ONLINE = re.compile(r"\bONLINE\s*=\s*ON\b", re.IGNORECASE)


def _is_online(statement: exp.Expression, dialect: str) -> bool:
    """InnoDB builds indexes during writes (MySQL Reference Manual, Online DDL Operations), SQL Server if configured."""
    return dialect == "mysql" or (dialect == "tsql" and bool(_ONLINE.search(written(statement, dialect))))


def _of_command(statement: exp.Expression, schema: Schema) -> Iterator[Found]:
    text = words_of(statement, schema.dialect)
    if validated := _VALIDATED.search(text):
        table = validated[1].rpartition(".")[2].strip('"')
        schema.validated.append((table, validated[2]))
        if column := schema.checks.get((table, validated[2])):
            schema.proven.add((table, column))
    yield from of_command(text, schema.dialect, schema.created)


_VALIDATED = re.compile(r"\bTABLE (?:ONLY )?([\w.\"]+) VALIDATE CONSTRAINT \"?(\w+)", re.IGNORECASE)


def _of_alter(statement: exp.Alter, table: str, schema: Schema) -> Iterator[Found]:
    from sqlglot import exp

    for action in statement.args.get("actions") or ():
        match action:
            case exp.Drop(kind="COLUMN"):
                yield destroys(f"drops column {table}.{_named(action)}")
            case exp.Command():
                yield from of_command(
                    f"ALTER TABLE {table} {written(action, schema.dialect)}", schema.dialect, schema.created
                )
            case exp.RenameColumn():
                now = action.args["to"].name
                yield breaks(f"renames column {table}.{action.this.name} to {now}, which the old version still uses")
            case exp.AlterRename():
                yield breaks(f"renames {table} to {action.this.name}, which the old version still uses")
            case exp.ModifyColumn():
                yield from _of_modify(action, table)
            case exp.AlterColumn() if action.args.get("dtype"):
                yield breaks(f"changes the type of {table}.{_named(action)}, which rewrites the table under a lock")
            case exp.DropPartition():
                yield destroys(f"drops a partition of {table} with its rows")
            case exp.AlterColumn() if (table, _named(action)) in schema.added and not action.args.get("dtype"):
                yield from _of_new_column(action, (table, _named(action)), schema)
            case exp.AlterColumn() if action.args.get("allow_null") is False:
                if not schema.is_proven(table, _named(action)):
                    yield locks(f"forbids nulls in {table}.{_named(action)}, which reads the whole table under a lock")
            case exp.ColumnDef():
                yield from _of_column(action, table, schema)
            case exp.Schema():  # Oracle's brackets
                for column in action.find_all(exp.ColumnDef):
                    yield from _of_column(column, table, schema)
            case exp.AddConstraint():
                yield from _of_constraint(action, table, bool(statement.args.get("not_valid")), schema)
            case _:
                pass


def _named(action: exp.Expression) -> str:
    """The column an action is about, "?" where the statement is too odd to tell."""
    from sqlglot import exp

    name = action.find(exp.Identifier)
    return name.name if name else "?"


def _of_modify(action: exp.Expression, table: str) -> Iterator[Found]:
    """MySQL's MODIFY and CHANGE: both write the whole definition again, and CHANGE can rename the column."""
    before, now = action.args.get("rename_from"), _named(action.this)
    if before is not None and before.name != now:
        yield breaks(f"renames {table}.{before.name} to {now}, which the old version still uses")
    yield breaks(f"changes the type of {table}.{now}, which may rewrite the table under a lock")


def _of_column(column: exp.Expression, table: str, schema: Schema) -> Iterator[Found]:
    from sqlglot import exp

    kinds = [c.args.get("kind") for c in column.args.get("constraints") or ()]
    filled = (exp.DefaultColumnConstraint, exp.ComputedColumnConstraint, exp.GeneratedAsIdentityColumnConstraint,
              exp.AutoIncrementColumnConstraint)  # fmt: skip
    required = any(isinstance(k, exp.NotNullColumnConstraint) and not k.args.get("allow_null") for k in kinds)
    is_serial = "SERIAL" in str(column.args.get("kind")).upper()
    key = table, column.name
    schema.added[key] = is_serial or any(isinstance(k, filled) for k in kinds)
    schema.required |= {key} if required else set()
    if required and not schema.added[key]:
        yield breaks(f"adds {table}.{column.name}, not null and without a default: the old version cannot insert")
    if any(isinstance(k, exp.UniqueColumnConstraint | exp.PrimaryKeyColumnConstraint) for k in kinds):
        yield locks(f"adds {table}.{column.name} with an index, which is built while writes wait")
    if any(isinstance(k, exp.CheckColumnConstraint) for k in kinds):
        yield locks(f"adds {table}.{column.name} with a check, which reads the whole table under a lock")
    for reference in (k for k in kinds if isinstance(k, exp.Reference)):
        yield locks(f"adds {table}.{column.name} with a foreign key, which locks {_table(reference)} as well")


def _of_new_column(action: exp.Expression, key: tuple[str, str], schema: Schema) -> Iterator[Found]:
    """A column of this migration that becomes required, or loses its default: the old version does not write it."""
    said = action.args
    was = key in schema.required and not schema.added[key]
    if said.get("default") is not None:
        schema.added[key] = True
    elif said.get("allow_null") is False and schema.is_proven(*key):
        return
    elif said.get("allow_null") is not None:
        (schema.required.add if said["allow_null"] is False else schema.required.discard)(key)
    elif said.get("drop"):
        schema.added[key] = False
    if key in schema.required and not schema.added[key] and not was:
        yield breaks(f"adds {'.'.join(key)}, not null and without a default: the old version cannot insert")


def _of_constraint(action: exp.Expression, table: str, not_valid: bool, schema: Schema) -> Iterator[Found]:
    from sqlglot import exp

    for name, column in null_checks(action):
        schema.checks[table, name] = column
        if not not_valid:
            schema.proven.add((table, column))
    index = action.find(exp.IndexColumnConstraint, exp.UniqueColumnConstraint)
    if not not_valid and not (index and schema.dialect == "mysql"):
        yield locks(f"adds a constraint to {table}, which reads the whole table under a lock")
