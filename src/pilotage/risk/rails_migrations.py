"""What a migration of Rails does on its way forward, from its text: `change`, `up`, and the SQL that it executes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from pilotage.risk.operations import Found, breaks, destroys, lasting, locks, unread
from pilotage.risk.ruby_texts import OPENED, Ends, assigned
from pilotage.risk.sql_migrations import of_sql

_ARG = r"[\s(]*:?[\"']?(\w+)"
_CALL = re.compile(
    r"\b(create_table|create_join_table|drop_table|drop_join_table|remove_columns?|remove_reference|remove_references"
    r"|remove_belongs_to|remove_timestamps|rename_column|rename_table|change_column|change_column_null|add_index"
    r"|change_column_default|truncate_tables|truncate|drop_schema|drop_view|drop_enum"
    r"|rename_enum_value|rename_enum|drop_function|add_reference|add_belongs_to|add_foreign_key|add_check_constraint|validate_check_constraint|add_unique_constraint"
    rf"|add_column|change_table)\b{_ARG}[\"']?(?:\s*,{_ARG})?"
)
_IN_TABLE = re.compile(
    r"\b(\w+)\.(remove|remove_references|remove_belongs_to|remove_timestamps|rename|change|index)\b[ (]"
)
_BLOCK = re.compile(r"\bchange_table\b[^\n|]{0,200}\|[ \t]*(\w+)")
_REVERTED = re.compile(r"^[ \t]*revert[ (]+([A-Z]\w*)", re.MULTILINE)
_ALL_ROWS = re.compile(r"\b([A-Z]\w*)(?:\.(?:all|unscoped|in_batches))?\.(delete_all|destroy_all|update_all)\b")
_NAMES = re.compile(r"[\s,(]*:(\w+)(?![\w:])")
_KEYS = re.compile(r"\b(\w+):")
_NO_DEFAULT = re.compile(r"^[\s,]*(?:nil\b|from:[^,]*,\s*to:\s*nil\b)")
_OTHER_TOOL = re.compile(r"\b(Sequel\.migration|ROM::SQL\.migration|Mongoid::Migration|DataMapper)\b")
_DOWN = re.compile(r"([ \t]*)(?:def (?:self\.)?down\b|(?:\w+\.)?down do\b)")
_DOWN_ENDLESS = re.compile(r"[ \t]*def (?:self\.)?down[ \t]*(?:\(\)[ \t]*)?=(?![=~])")
_DOWN_BRACES = re.compile(r"[ \t]*(?:\w+\.)?down[ \t]*\{")
_EXECUTE = re.compile(r"\b(?:execute|exec_query|exec_update|exec_delete)\b[ \t(]*" rf"({OPENED})?")
_INSERTED = re.compile(r"#\{[^{}\n]*\}")
_CONCURRENT = re.compile(r"algorithm:\s*:concurrently|:algorithm\s*=>\s*:concurrently")
_NOT_VALID = re.compile(r"\bvalidate:\s*false|:validate\s*=>\s*false")
_NOT_NULL = re.compile(r"\bnull:\s*false|:null\s*=>\s*false")
_DEFAULT = re.compile(r"\bdefault:|:default\s*=>")
_FORCED = re.compile(r"\bforce:\s*(?:true|:cascade)")
_IS_OPTION = re.compile(r"\s*=>|:")
_NO_INDEX = re.compile(r"\bindex:\s*false")
_KEY = re.compile(r"\bforeign_key:\s*(?!false)")


@dataclass
class _Table:
    """What the migration has made so far. created: tables · perhaps: tables that it creates where they are missing ·
    proven: tables with a validated check · added: whether a column takes nulls and whether the database fills it, by
    (table, column)"""

    created: set[str] = field(default_factory=set)
    perhaps: set[str] = field(default_factory=set)
    proven: set[str] = field(default_factory=set)
    added: dict[tuple[str, str], tuple[bool, bool]] = field(default_factory=dict)


def of_rails(text: str, tables: Collection[str] = ()) -> Iterator[Found]:
    """tables: those that other migrations of the release create."""
    kept = _kept(text)
    if other := _OTHER_TOOL.search(kept):
        yield unread(f"a migration of {other[1].split('.')[0].split(':')[0]}, which is read in part")
    made = _Table(created=set(tables))
    calls = list(_CALL.finditer(kept))
    ends = [*(call.start() for call in calls[1:]), len(kept)]
    for call, end in zip(calls, ends, strict=False):
        rest = _rest(kept[call.end() : end])
        name, table = call[1], call[2]
        if name in ("create_table", "create_join_table"):
            yield from _of_call(name, table, "", f"{call[3] or ''}{rest}", made)
            (made.perhaps if _ASKS.search(kept) else made.created).update((table, _joined(call)))
        elif name == "validate_check_constraint":
            made.proven.add(table)
        elif not made.created & {table, _joined(call) if name == "drop_join_table" else table}:
            found = _of_call(name, table, call[3] or "", rest, made)
            yield from lasting(found) if table in made.perhaps else found
    names = {"t", *_BLOCK.findall(kept)}
    for said in _IN_TABLE.finditer(kept):
        if said[1] in names:
            yield from _of_table(said[2], _rest(kept[said.end() : said.end() + 200]))
    if _COMPUTED.search(kept):
        yield unread("a call that is computed (send)")
    if reverted := _REVERTED.search(kept):
        yield unread(f"another migration that is taken back ({reverted[1]})")
    for said in _ALL_ROWS.finditer(kept):
        yield from _of_rows(said[1], said[2], kept[said.end() : said.end() + 200], made)
    yield from _of_executed(kept, made)


_ASKS = re.compile(r"\b(table_exists\?|data_source_exists\?|tables\.include\?)|\bif_not_exists:\s*true\b")
"""How a migration creates a table only where it is missing."""


def made_by_rails(text: str) -> tuple[set[str], set[str]]:
    """Tables that a migration creates whatever is there, and those that it drops, on its way forward."""
    kept = _kept(text)
    calls = list(_CALL.finditer(kept))
    made = {call[2] for call in calls if call[1] == "create_table" and not _ASKS.search(kept)}
    return made, {call[2] for call in calls if call[1] == "drop_table"}


def _kept(text: str) -> str:
    return _SENT.sub(r"\1 ", "\n".join(_forward(text.replace("\r\n", "\n").split("\n"))))


_SENT = re.compile(r"\b(?:public_|__)?send(?:__)?[ (]+[:\"'](\w{1,100})[\"']?[ ]*,[ ]*")
"""A call by its name, `send(:remove_column, …)`."""
_COMPUTED = re.compile(r"\b(?:public_)?send[ (]+[a-z]\w*\s*,")


def _of_rows(model: str, verb: str, rest: str, made: _Table) -> Iterator[Found]:
    columns = {column for _, column in made.added}
    if verb != "update_all":
        yield destroys(f"deletes every row of {model}")
    elif not columns.intersection(_KEYS.findall(rest.partition(")")[0])):
        yield destroys(f"rewrites every row of {model}")


def _joined(call: re.Match[str]) -> str:
    return "_".join(sorted((call[2], call[3] or "")))


def _rest(text: str) -> str:
    """What still belongs to a call: to the end of the line, and on where the line ends with a comma or a bracket."""
    lines = []
    for line in text.split("\n"):
        lines.append(line)
        if not line.split(" #")[0].rstrip().endswith((",", "(", "[", "{", "\\", "|")):
            break
    return " ".join(lines)


def _of_call(name: str, table: str, column: str, rest: str, made: _Table) -> Iterator[Found]:
    match name:
        case "create_table" if _FORCED.search(rest):
            yield destroys(f"drops table {table}, if there is one, and creates it anew (force)")
        case "drop_table":
            others = () if _IS_OPTION.match(rest) else (*([column] if column else []), *_names(rest))
            for one in (table, *others):
                yield destroys(f"drops table {one}")
        case "drop_join_table":
            yield destroys(f"drops join table {table}, {column}")
        case "remove_column":
            yield destroys(f"drops column {table}.{column}")
        case "remove_columns":
            for one in (column, *_names(rest)):
                yield destroys(f"drops column {table}.{one}")
        case "remove_reference" | "remove_references" | "remove_belongs_to":
            yield destroys(f"drops column {table}.{column}_id")
        case "remove_timestamps":
            yield destroys(f"drops columns {table}.created_at and {table}.updated_at")
        case "truncate" | "truncate_tables":
            yield destroys(f"empties table {table}")
        case "drop_schema":
            yield destroys(f"drops schema {table}")
        case "drop_view" | "drop_enum" | "drop_function":
            yield breaks(f"drops {name.removeprefix('drop_')} {table}, which the old version may still use")
        case "rename_column" | "rename_table" | "rename_enum" | "rename_enum_value":
            yield breaks(f"renames something of {table} that the old version uses")
        case "change_column":
            what = "the type or the collation" if "collation:" in rest else "the type"
            yield breaks(f"changes {what} of {table}.{column}")
        case "change_column_null" | "change_column_default":
            yield from _of_change(name, (table, column), rest, made)
        case "add_index" if not _CONCURRENT.search(rest):
            yield locks(f"builds an index on {table} and blocks writes to it")
        case "add_foreign_key" | "add_check_constraint" if not _NOT_VALID.search(rest):
            what = f"a foreign key from {table} to {column}" if name == "add_foreign_key" else f"a check to {table}"
            yield locks(f"adds {what}, which is validated under a lock")
        case "add_unique_constraint" if "using_index" not in rest:
            yield locks(f"builds an index on {table} and blocks writes to it")
        case "add_reference" | "add_belongs_to" | "add_column":
            yield from _of_column(name, table, column, rest, made)
        case _:
            pass


def _names(rest: str) -> list[str]:
    """The further names of a call, up to its first option."""
    found, at = [], 0
    while said := _NAMES.match(rest, at):
        found.append(said[1])
        at = said.end()
    return found


def _of_change(name: str, key: tuple[str, str], rest: str, made: _Table) -> Iterator[Found]:
    """A column that becomes required or loses its default. The old version writes no column of this migration."""
    takes_null, filled = made.added.get(key, (True, False))
    forbids = name == "change_column_null" and rest.lstrip(" ,").startswith("false") and key[0] not in made.proven
    if key not in made.added:
        if forbids:
            yield locks(f"forbids nulls in {'.'.join(key)}")
        return
    now = takes_null and not forbids, filled and not (name == "change_column_default" and _NO_DEFAULT.match(rest))
    made.added[key] = now
    if now == (False, False) != (takes_null, filled):
        yield breaks(f"adds {'.'.join(key)}, not null and without a default: the old version cannot insert")


def _of_column(name: str, table: str, column: str, rest: str, made: _Table) -> Iterator[Found]:
    takes_null, filled = not _NOT_NULL.search(rest), bool(_DEFAULT.search(rest))
    made.added[table, column] = takes_null, filled
    if not takes_null and not filled:
        yield breaks(f"adds {table}.{column}, not null and without a default: the old version cannot insert")
    if name == "add_column":
        return
    if not _NO_INDEX.search(rest) and not _CONCURRENT.search(rest):
        yield locks(f"builds an index on {table} and blocks writes to it")
    if _KEY.search(rest) and not _NOT_VALID.search(rest):
        yield locks(f"adds a foreign key to {table}, which is checked under a lock")


def _of_table(name: str, rest: str) -> Iterator[Found]:
    """A line of `change_table`."""
    said = re.match(r"[ (]*:?[\"']?(\w+)", rest)
    column = said[1] if said else "?"
    match name:
        case "rename":
            yield breaks(f"renames column {column} that the old version uses")
        case "change":
            yield breaks(f"changes the type of column {column}")
        case "index":
            pass
        case _:
            for one in (column, *(_names(rest[said.end() :]) if said and name == "remove" else [])):
                yield destroys(f"drops column {one} (t.{name})")


def _of_executed(kept: str, made: _Table) -> Iterator[Found]:
    at, ends = 0, Ends(kept)
    for said in _EXECUTE.finditer(kept):
        if said.start() < at:
            continue
        began = (said.end(), said[1], said[2] or "") if said[1] else assigned(kept, said.end())
        if began is None:
            yield unread("SQL that is computed (execute)")
            continue
        end, opened, word = began
        start, stop = ends.of_heredoc(end, word) if word else ends.of_text(end, opened[-1])
        if stop < 0:
            yield unread("SQL that does not end (execute)")
        else:
            at = stop if said[1] else at
            yield from of_sql(_INSERTED.sub("x", kept[start:stop]).replace('\\"', '"'), added=made.added)


def _forward(lines: list[str]) -> Iterator[str]:
    """The lines without `down`, as far as its `end` is found, and without comments."""
    at, endless = 0, set[str]()
    while at < len(lines):
        line = lines[at]
        at += 1
        if (_DOWN_BRACES.match(line) and "}" in line) or _DOWN_ENDLESS.match(line):
            continue
        down = _DOWN.match(line) or _DOWN_BRACES.match(line)
        if down and (end := _end_of(line, down)) not in endless:
            last = next((n for n in range(at, len(lines)) if lines[n].split("#")[0].rstrip() == end), None)
            if last is not None:
                at = last + 1
                continue
            endless.add(end)
        if not line.lstrip().startswith("#"):
            yield line


def _end_of(line: str, down: re.Match[str]) -> str:
    indent = line[: len(line) - len(line.lstrip())]
    return f"{indent}}}" if down.re is _DOWN_BRACES else f"{indent}end"
