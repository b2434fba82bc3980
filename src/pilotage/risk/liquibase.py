"""What a changelog of Liquibase does on its way forward: XML from its text, YAML and JSON from their nodes."""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

from pilotage.risk.operations import Found, breaks, destroys, locks, unread
from pilotage.risk.sql_migrations import of_sql

_KINDS = {
    **dict.fromkeys(("dropTable", "dropColumn", "delete", "mergeColumns"), destroys),
    **dict.fromkeys(("renameColumn", "renameTable", "modifyDataType"), breaks),
    **dict.fromkeys(
        ("addNotNullConstraint", "createIndex", "addForeignKeyConstraint", "addUniqueConstraint", "addPrimaryKey"),
        locks,
    ),
}
_UNREAD = ("sqlFile", "customChange", "executeCommand")
_TAG = re.compile(r"<([A-Za-z]+)\b([^<>]*)")
_TABLE = re.compile(r"\b(?:baseT|oldT|t)ableName\s*=\s*[\"']([^\"'<>]*)")
_LEFT_OUT = re.compile(r"<rollback\b|<!--")
_CDATA = re.compile(r"<!\[CDATA\[|\]\]>")


def of_xml(text: str) -> Iterator[Found]:
    forward = "".join(_outside(text))
    created, end = set[str](), 0
    for tag in _TAG.finditer(forward):
        said = _TABLE.search(tag[2])
        table = said[1] if said else ""
        if tag[1] == "createTable":
            created.add(table)
        elif tag[1] == "sql" and tag.end() >= end and not tag[2].endswith("/"):
            end = forward.find("</sql>", tag.end())
            if end < 0:
                yield unread("SQL that does not end (Liquibase)")
                return
            yield from of_sql(_CDATA.sub("", forward[tag.end() + 1 : end]))
        elif table not in created or not table:
            yield from _of_change(tag[1], table, "where" in forward[tag.end() : tag.end() + 200].partition("</")[0])


def _of_change(name: str, table: str, limited: bool = False) -> Iterator[Found]:
    if name in _UNREAD:
        yield unread(f"{name} of Liquibase, which is not read here")
    elif name in _KINDS and not (name == "delete" and limited):
        yield _KINDS[name](f"{name} of Liquibase{f' ({table})' if table else ''}")


def of_yaml(text: str) -> Iterator[Found]:
    """YAML and JSON alike. Raises nothing: what is no YAML is named as not read."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError, ValueError):
        yield unread("unreadable changelog")
        return
    created, seen, left = set[str](), set[int](), [root]
    while left:
        node = left.pop()
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            left += reversed(node.value)
        elif isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                yield from _of_key(str(key.value), value, created)
            left += [value for key, value in reversed(node.value) if key.value != "rollback"]


def _of_key(name: str, value: yaml.Node, created: set[str]) -> Iterator[Found]:
    pairs = value.value if isinstance(value, yaml.MappingNode) else []
    said = {str(key.value): str(part.value) for key, part in pairs if isinstance(part, yaml.ScalarNode)}
    table = next((said[key] for key in ("tableName", "baseTableName", "oldTableName") if key in said), "")
    if name == "createTable":
        created.add(table)
    elif name == "sql" and isinstance(value, yaml.ScalarNode):
        yield from of_sql(str(value.value))
    elif not table or table not in created:
        yield from _of_change(name, table, "where" in said)


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
