"""Which tables a release itself creates: nothing is in them yet, and no version that serves uses them."""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Callable, Mapping

from pilotage.risk.direction import is_left_out
from pilotage.risk.liquibase import made_by_liquibase
from pilotage.risk.migrations import forward_sql
from pilotage.risk.python_migrations import made_by_python
from pilotage.risk.rails_migrations import made_by_rails


class MadeTables:
    """Of the new migrations of a release. Not a table that may have been there before: it is dropped as well, or
    created only where it is missing. A file that is no script of SQL speaks for its own folder alone, as the
    migrations of one service or one app of Django lie in one."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        """texts: of the new files, by path."""
        made, gone = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
        for path, text in texts.items():
            read = _READERS.get(posixpath.splitext(path)[1])
            if read is not None and not is_left_out(path):
                more, less = read(path, text)
                made[_place(path)] |= more
                gone[_place(path)] |= less
        self._known = {place: frozenset(names - gone[place]) for place, names in made.items()}

    def by(self, path: str) -> frozenset[str]:
        """What a migration may take for new."""
        return self._known.get(_place(path), frozenset())


def _place(path: str) -> str:
    return "*.sql" if path.endswith(".sql") else posixpath.dirname(path)


_Names = tuple[set[str], set[str]]
"""Tables that a file creates whatever is there, and tables that it drops."""


def _sql(path: str, text: str) -> _Names:
    script = forward_sql(path, text)
    return set(_CREATES.findall(script)), set(_DROPS.findall(script))


_CREATES, _DROPS = (
    re.compile(rf"\b{what}\s+(?:[\w\"`\[\]]{{1,100}}\.)?[\"`\[]?(\w{{1,100}})", re.IGNORECASE)
    for what in (r"CREATE\s+TABLE(?!\s+IF\b)", r"DROP\s+TABLE(?:\s+IF\s+EXISTS)?")
)


def _liquibase(path: str, text: str) -> _Names:
    return made_by_liquibase(text, is_xml=path.endswith(".xml"))


_READERS: Mapping[str, Callable[[str, str], _Names]] = {
    ".sql": _sql,
    ".py": lambda _, text: made_by_python(text),
    ".rb": lambda _, text: made_by_rails(text),
    **dict.fromkeys((".xml", ".yaml", ".yml", ".json"), _liquibase),
}
