"""What a migration of Knex, TypeORM, Sequelize, EF Core, Laravel, Ecto, goose and the like loses on its way forward.

Its text is looked through for the calls that these tools drop, rename and empty with, and for SQL in its texts. What it
computes stays unread, so a person looks at it all the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pilotage.risk.operations import Found, breaks, destroys
from pilotage.risk.sql_migrations import of_sql

_WAY = re.compile(
    r"[{,;}\n][ \t]*(?:[\w.<>\[\]]{1,60}[ \t]+){0,6}(?:module\.)?(?:exports\.)?[\"']?"
    r"(safeUp|safeDown|[uU]p(?:[A-Z0-9]\w{0,80})?|[dD]own(?:[A-Z0-9]\w{0,80})?)[\"']?[ \t]*(?:[:=(]|do\b)"
)
"""Where a direction begins: `exports.down = `, `async down(`, `def down do`, `func downOrders(`."""

_COMMENT = re.compile(r"^[ \t]*(?://|#|\*|/\*)[^\n]*", re.MULTILINE)
_CALL = re.compile(
    r"\b(drop(?:Table|Column|Collection|Schema)s?(?:IfExists)?|Drop(?:Table|Column|Schema)|remove(?:Column|Attribute)"
    r"|truncate(?:Table)?|rename(?:Column|Table)|Rename(?:Column|Table))[ \t]{0,4}\(([^()]{0,300})"
)
_OF_LARAVEL = re.compile(r"\bSchema::(drop|dropIfExists|rename|dropAllTables)\(([^()]{0,300})")
_OF_ECTO = re.compile(
    r"^[ \t]*(drop|drop_if_exists|rename)[ \t(]+table\(:(\w{1,100})"
    r"|^[ \t]*(remove|remove_if_exists)[ \t(]+:(\w{1,100})",
    re.MULTILINE,
)
_NAMED = re.compile(r"\b(name|table):[ \t]*[\"']([\w.]{1,100})")
_TEXT = re.compile(r"[\"'`]([\w.]{1,100})[\"'`]")
_SQL = re.compile(r"(\"\"\"|[\"'`])\s{0,100}(?=(?:ALTER|DROP|DELETE|TRUNCATE|UPDATE|RENAME)\s)", re.IGNORECASE)
"""How a text begins that holds SQL."""
_INSERTED = re.compile(r"[$#]?\{[^{}\n]{0,200}\}")


def of_code(text: str) -> Iterator[Found]:
    """What destroys data or breaks the old version, as far as it is written out."""
    kept = forward_code(text)
    for said in _CALL.finditer(kept):
        yield from _of_call(said[1], said[2])
    for said in _OF_LARAVEL.finditer(kept):
        yield from _of_laravel(said[1], next(iter(_TEXT.findall(said[2])), "?"))
    for said in _OF_ECTO.finditer(kept):
        yield from _of_ecto(said[1] or said[3], said[2] or said[4])
    for sql in _texts(kept):
        yield from of_sql(_INSERTED.sub("x", sql))


def _texts(kept: str) -> Iterator[str]:
    """The SQL in it. A quote that does not come any more is looked for once."""
    at, endless = 0, set[str]()
    for said in _SQL.finditer(kept):
        quote = said[1]
        if said.start() < at or quote in endless:
            continue
        stop = kept.find(quote, said.end())
        if stop < 0:
            endless.add(quote)
        else:
            at = stop
            yield kept[said.end() : stop]


def forward_code(text: str) -> str:
    """The text without comments, and without what lies between a `down` and the next `up`."""
    text = _COMMENT.sub("", f"\n{text}")
    kept, at, is_down = list[str](), 0, False
    for said in _WAY.finditer(text):
        if not is_down:
            kept.append(text[at : said.start()])
        at, is_down = said.start(), "down" in said[1].lower()
    return "".join(kept) if is_down else "".join([*kept, text[at:]])


def _of_call(name: str, arguments: str) -> Iterator[Found]:
    named, texts = dict(_NAMED.findall(arguments)), _TEXT.findall(arguments)
    place = ".".join((named["table"], named["name"])) if {"table", "name"} <= named.keys() else ""
    verb = name.lower()
    if verb.startswith("rename"):
        yield breaks(f"renames something of {place or next(iter(texts), '?')} that the old version uses ({name})")
    elif verb.startswith("truncate"):
        yield destroys(f"empties table {next(iter(texts), '?')} ({name})")
    elif "column" in verb or "attribute" in verb:
        is_listed = verb.endswith("columns") or "[" in arguments
        for one in [place] if place else texts if is_listed else [".".join(texts[:2]) or "?"]:
            yield destroys(f"drops column {one} ({name})")
    else:
        what = "schema" if "schema" in verb else "collection" if "collection" in verb else "table"
        yield destroys(f"drops {what} {named.get('name') or next(iter(texts), '?')} ({name})")


def _of_laravel(name: str, table: str) -> Iterator[Found]:
    if name == "rename":
        yield breaks(f"renames table {table}, which the old version still uses (rename)")
    else:
        yield destroys(
            "drops every table (dropAllTables)" if name == "dropAllTables" else f"drops table {table} ({name})"
        )


def _of_ecto(name: str, what: str) -> Iterator[Found]:
    if name == "rename":
        yield breaks(f"renames something of {what} that the old version uses (rename)")
    else:
        yield destroys(f"drops {'table' if name.startswith('drop') else 'column'} {what} ({name})")
