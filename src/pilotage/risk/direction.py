"""Which part of a migration runs forward. What takes it back is no part of a release: a tool runs it only on request.

goose, dbmate, sql-migrate, MyBatis, Play and node-pg-migrate mark both directions with comments in one file;
golang-migrate, sqlx, Diesel, db-migrate and Flyway keep the way back in a file of its own.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

_BACK = re.compile(r"(^|/)down\.\w+$|\.(down|undo|rollback)\.\w+$|(^|/)sqls/[^/]*-down\.sql$")
_TOOLS = ("goose", "migrate", "micrate", "sql-migrate")
_OPTIONS = ("transaction", "notransaction")
"""What dbmate (`transaction:false`) and sql-migrate (`notransaction`) write behind a mark."""
_LONGEST_MARK = 80
"""Characters of a line that is looked at as a mark."""


def is_way_back(path: str) -> bool:
    """Whether a file as a whole takes another one back."""
    name = posixpath.basename(path)
    of_flyway = name[:1] == "U" and name[1:2].isdigit() and "__" in name
    return of_flyway or bool(_BACK.search(path[-500:]))


def forward(text: str) -> str:
    """The SQL that runs forward: all of it, where no mark divides it."""
    return "\n".join(_forward(text.split("\n")))


def _forward(lines: list[str]) -> Iterator[str]:
    down = marked = False
    for line in lines:
        way, is_sure = _way(line)
        if way in ("up", "ups"):
            down, marked = False, True
        elif way and (marked or is_sure):
            down = True
        if not down:
            yield line


def _way(line: str) -> tuple[str, bool]:
    """`up`, `down` or `undo` where a line is a mark, and whether a tool wrote it. A sentence with such a word is none,
    and a bare `-- down` is one only after its `-- up`."""
    line = line.strip()
    if len(line) > _LONGEST_MARK or not line.startswith(("--", "#")):
        return "", False
    words = line.strip("-#/*+ ").lower().replace(":", " ").split()
    of_tool = words[:1] != [] and words[0] in _TOOLS
    way, *rest = (words[1:] if of_tool else words) or [""]
    is_sure = of_tool or way[:1] in ("!", "@")
    is_mark = not rest or (of_tool and rest[0] in _OPTIONS) or rest == ["migration"]
    return (way.lstrip("!@"), is_sure) if is_mark and way.lstrip("!@") in _WAYS else ("", False)


_WAYS = ("up", "ups", "down", "downs", "undo")
