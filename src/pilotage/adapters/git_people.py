"""Who a commit is by. `.mailmap` joins addresses and names; who is not in it is known by full name, else by address."""

from __future__ import annotations

import re

_ANYBODY = frozenset(("your name", "john doe", "jane doe", "first last", "unknown author", "no author", "root user"))
"""Names that installers and templates give to anybody."""
_PROGRAM = re.compile(r"\[bot\]|\b(bot|robot|ci|automation|github actions)\b", re.IGNORECASE)


def person(name: str, address: str) -> str:
    """The full name, so that a second address does not make a second person; the address where there is none. It hangs
    on nothing but the commit: each reading names a person alike."""
    name = " ".join(name.split())
    is_full = " " in name and "@" not in name and name.lower() not in _ANYBODY and not _PROGRAM.search(name)
    return name if is_full else address.lower()
