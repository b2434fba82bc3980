"""Which tests one process runs one after the other: those whose file says `xdist_group("…")`.

pytest-xdist 3.8 marks a group in a test's id, which pytest 9.2 no longer lets it change: each test went wherever there
was room, and servers that tests share were started once in every process.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from xdist.scheduler import LoadScopeScheduling


class Groups(LoadScopeScheduling):  # type: ignore[misc]
    """Groups first, the largest one before the others; then every other test by itself."""

    def _split_scope(self, nodeid: str) -> str:
        return _group_of(self.config.rootpath / nodeid.partition("::")[0]) or nodeid


@cache
def _group_of(file: Path) -> str:
    found = re.search(r'xdist_group\("(\w+)"\)', file.read_text(encoding="utf-8"))
    return found[1] if found else ""
