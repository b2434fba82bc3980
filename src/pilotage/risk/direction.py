"""The part of a migration that runs forward. The part that reverts it is not part of a release: a tool runs it only on
request.

goose, dbmate, sql-migrate, MyBatis, Play and node-pg-migrate mark both directions with comments in one file;
golang-migrate, sqlx, Diesel, db-migrate, Sqitch, grate and Flyway keep the reverse direction in its own file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_BACK = re.compile(r"^down\.\w+$|\.(down|undo|rollback)\.\w+$")
_BACK_FOLDERS = ("revert", "verify")
"""Of Sqitch: its tests run, too, and take everything back at their end."""
_DUMPS = ("structure.sql", "schema.rb")
_TOOLS = ("goose", "migrate", "micrate", "sql-migrate", "rambler")
_OPTIONS = ("transaction", "notransaction")
"""What dbmate (`transaction:false`) and sql-migrate (`notransaction`) write behind a mark."""
_LONGEST_MARK = 80
"""Characters of a line that is looked at as a mark."""


def is_left_out(path: str) -> bool:
    """Whether a release runs nothing of a file: the way back, a dump of the schema, a baseline of Flyway (which a new
    database alone starts with), and what Sqitch keeps of a change that it reworked."""
    *folders, name = path[-500:].split("/")
    is_of_flyway = name[:1] in ("U", "B") and name[1:2].isdigit() and "__" in name
    is_of_grate = folders[-2:] == ["db", "down"] or (folders[-1:] == ["sqls"] and name.endswith("-down.sql"))
    is_of_sqitch = name.endswith(".sql") and bool(
        {*_BACK_FOLDERS} & {*folders} or ("deploy" in folders and "@" in name)
    )
    return is_of_flyway or is_of_grate or is_of_sqitch or name in _DUMPS or bool(_BACK.search(name))


def runs_again(path: str) -> bool:
    """Whether a file that is changed runs once more as a whole: Flyway's repeatable ones, and what Sqitch reworks."""
    *folders, name = path[-500:].split("/")
    return name.startswith("R__") or "deploy" in folders


def forward(text: str) -> str:
    """The SQL that runs forward: all of it, where no mark divides it. Every line stays in its place."""
    return "\n".join(_forward(text.split("\n")))


def _forward(lines: list[str]) -> Iterator[str]:
    down = marked = False
    for line in lines:
        way, is_sure = _way(line)
        if way in ("up", "ups"):
            down, marked = False, True
        elif way and (marked or is_sure):
            down = True
        yield "" if down else line


def _way(line: str) -> tuple[str, bool]:
    """`up`, `down` or `undo` if a line is a mark, and whether a tool wrote it. A sentence with such a word is not a
    mark, and a bare `-- down` is one only after its `-- up`."""
    line = line.strip()
    if line.strip("- ").lower() == _OF_TERN:
        return "down", True
    if len(line) > _LONGEST_MARK or not line.startswith(("--", "#")):
        return "", False
    words = line.strip("-#/*+ ").lower().replace(":", " ").split()
    of_tool = words[:1] != [] and words[0] in _TOOLS
    way, *rest = (words[1:] if of_tool else words) or [""]
    is_sure = of_tool or way[:1] in ("!", "@")
    is_mark = not rest or (of_tool and rest[0] in _OPTIONS) or rest == ["migration"]
    return (way.lstrip("!@"), is_sure) if is_mark and way.lstrip("!@") in _WAYS else ("", False)


_OF_TERN = "create above / drop below"
_WAYS = ("up", "ups", "down", "downs", "undo")
