"""What the change sets of a Liquibase changelog do on their way forward."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from pilotage.risk.changelogs import Node, UnreadableChangelog, change_sets, walk
from pilotage.risk.operations import Found, breaks, destroys, lasting, locks, unread
from pilotage.risk.sql_migrations import of_sql

_KINDS = {
    **dict.fromkeys(("dropTable", "dropColumn", "delete", "update", "mergeColumns", "dropAllTables"), destroys),
    **dict.fromkeys(
        ("renameColumn", "renameTable", "renameView", "renameSequence", "modifyDataType", "dropView", "dropSequence",
         "dropProcedure", "dropFunction"),
        breaks,
    ),
    **dict.fromkeys(
        ("addNotNullConstraint", "createIndex", "addForeignKeyConstraint", "addUniqueConstraint", "addPrimaryKey",
         "addLookupTable"),
        locks,
    ),
}  # fmt: skip
_LIMITED = ("delete", "update")
"""Changes that reach some of the rows where they have a condition."""
_UNREAD = ("sqlFile", "customChange", "executeCommand")
_BESIDE = (
    "rollback", "preConditions", "modifySql", "comment", "validCheckSum", "where", "createView", "createProcedure",
)  # fmt: skip
"""Parts that do not run forward, or hold text that is not a change."""
_TABLE = ("tableName", "baseTableName", "oldTableName", "existingTableName", "viewName", "oldViewName", "sequenceName",
          "oldSequenceName")  # fmt: skip
_FILLED = ("autoIncrement", "computed", "generated")


def of_changelog(text: str, before: str, *, is_xml: bool, made: Collection[str] = ()) -> Iterator[Found]:
    """before: the file as it was, whose change sets have run · made: tables that other files of the release create."""
    try:
        sets = change_sets(text, before, is_xml=is_xml)
    except UnreadableChangelog:
        yield unread("unreadable changelog")
        return
    created, perhaps = set(made), set[str]()
    for one in sets:
        mine = perhaps if one.part("preConditions") else created
        for node in walk(one, _BESIDE):
            if node.name == "createTable":
                mine.add(_table(node))
            else:
                found = _of_change(node, created)
                yield from lasting(found) if _table(node) in perhaps else found


def made_by_liquibase(text: str, *, is_xml: bool) -> tuple[set[str], set[str]]:
    """Tables that a changelog creates whatever is there, and those that it drops."""
    try:
        sets = change_sets(text, "", is_xml=is_xml)
    except UnreadableChangelog:
        return set(), set()
    nodes = [(node, one) for one in sets for node in walk(one, _BESIDE)]
    made = {_table(node) for node, one in nodes if node.name == "createTable" and not one.part("preConditions")}
    return made, {_table(node) for node, _ in nodes if node.name == "dropTable"}


def _table(node: Node) -> str:
    return next((node.said[key] for key in _TABLE if node.said.get(key)), "")


def _of_change(node: Node, created: set[str]) -> Iterator[Found]:
    table = _table(node)
    if node.name == "sql":
        # YAML has the statement in a key of the same name, which comes by itself.
        if sql := node.text or node.said.get("sql", "") * (node.part("sql") is None):
            yield from of_sql(sql)
    elif node.name in _UNREAD:
        path = node.said.get("path", "")
        yield unread(f"{node.name} of Liquibase, which is not read here{f' ({path})' if path else ''}")
    elif table and table in created:
        pass
    elif node.name == "addColumn":
        for column in node.all("column"):
            yield from _of_column(column, table)
    elif node.name in _KINDS and not _is_limited(node):
        yield _KINDS[node.name](f"{node.name} of Liquibase{_shown(node, table)}")


def _is_limited(node: Node) -> bool:
    has_condition = bool(node.part("where") or node.said.get("where"))
    unchecked = node.name == "addForeignKeyConstraint" and node.said.get("validate") == "false"
    return (node.name in _LIMITED and has_condition) or unchecked


def _shown(node: Node, table: str) -> str:
    """The table, and the columns that a change drops."""
    dropped = [node.said["columnName"]] if "columnName" in node.said else []
    dropped += [one.said["name"] for one in node.all("column") if one.said.get("name")]
    columns = (
        f".{', '.join(dropped)}" if dropped and node.name in ("dropColumn", "renameColumn", "modifyDataType") else ""
    )
    return f" ({table}{columns})" if table else ""


def _of_column(column: Node, table: str) -> Iterator[Found]:
    rules = {key: value for one in column.all("constraints") for key, value in one.said.items()}
    named = f"{table}.{column.said.get('name', '?')}"
    filled = any(key.startswith("default") or (key in _FILLED and said == "true") for key, said in column.said.items())
    if rules.get("nullable") == "false" and not filled and column.said.get("name"):
        yield breaks(f"adds {named}, not null and without a default: the old version cannot insert")
    if "true" in (rules.get("unique"), rules.get("primaryKey")):
        yield locks(f"adds {named} with an index, which is built while writes wait")
    if "references" in rules or "foreignKeyName" in rules:
        yield locks(f"adds {named} with a foreign key, which locks the other table as well")
