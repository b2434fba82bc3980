"""What the `.gitattributes` of a range say of files: whether they are generated or vendored.

They are read from commits alone: neither the work tree nor the attributes of this machine or this clone have a say, so
each clone gives the same answer. What a range itself begins to call generated still counts in that range: a line of
attributes beside a change must not hide it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from pilotage.adapters.git_attribute_rules import Macros, Rules, State, parsed, said_of

if TYPE_CHECKING:
    from pilotage.adapters.git import Git

GENERATED, VENDORED = "linguist-generated", "linguist-vendored"
_WANTED = frozenset((GENERATED, VENDORED))

FILE = ".gitattributes"
_MOST_BYTES = 1_000_000

Layers = Sequence[tuple[str, Rules]]

Said = tuple[bool | None, bool | None]
"""Whether a file is generated, and whether it is vendored; None where nothing is said."""


class Attributes:
    """Of a range. first: the commit before it, empty for none · last: its newest one. Close it."""

    def __init__(self, git: Git, first: str, last: str) -> None:
        self._contents, self._unread = git.reading(), git.unread
        self._ends = tuple(one for one in (last, first) if one)
        self._rules: dict[tuple[str, str], Rules] = {}
        self._known: dict[str, Said] = {}
        self._found: dict[tuple[str, str], Layers] = {}

    def close(self) -> None:
        self._contents.close()

    def of(self, paths: Sequence[str]) -> list[Said]:
        """As the newest commit has it. That a file is not written here, the first one must say as well."""
        self._look_up(paths)
        return [self._said(path) for path in paths]

    def newly_called(self, paths: Sequence[str]) -> list[str]:
        """Those of which the newest commit alone says so."""
        self._look_up(paths)
        return [path for path in paths if True in self._at(path, self._ends[0]) and True not in self._said(path)]

    def _said(self, path: str) -> Said:
        if path not in self._known:
            now, *before = (self._at(path, end) for end in self._ends)
            for then in before:
                now = (_agreed(now[0], then[0]), _agreed(now[1], then[1]))
            self._known[path] = now
        return self._known[path]

    def _look_up(self, paths: Sequence[str]) -> None:
        folders = {folder for path in paths if path not in self._known for folder in _folders(path)}
        asked = [(end, one) for end in self._ends for one in sorted(folders) if (end, one) not in self._rules]
        contents = self._contents.of([f"{end}:{folder}{FILE}" for end, folder in asked])
        for (end, folder), content in zip(asked, contents, strict=True):  # the top folder comes first
            macros = self._rules[end, ""].macros if folder else {}
            self._rules[end, folder] = self._read(f"{folder}{FILE}", content or b"", macros, is_top=not folder)

    def _read(self, path: str, content: bytes, macros: Macros, *, is_top: bool) -> Rules:
        """Nothing of a file that is too large; the repository is told what was left out."""
        is_large = len(content) > _MOST_BYTES
        rules = parsed(b"" if is_large else content, _WANTED, macros, is_top=is_top)
        if is_large:
            self._unread[path] = f"more than {_MOST_BYTES // 1_000_000} MB, so what it calls generated is unknown"
        elif rules.left_out:
            which = "1 rule" if rules.left_out == 1 else f"{rules.left_out} rules"
            self._unread[path] = f"{which} of too many or too long ones, so some files may not count as generated"
        return rules

    def _layers(self, end: str, folder: str) -> Layers:
        """Of files in a folder: where there are rules, the nearest first."""
        if (end, folder) not in self._found:
            every = ((one, self._rules[end, one]) for one in reversed(_down_to(folder)))
            self._found[end, folder] = [(one, rules) for one, rules in every if rules.rules]
        return self._found[end, folder]

    def _at(self, path: str, end: str) -> Said:
        layers = self._layers(end, path.rpartition("/")[0])
        if not layers:
            return None, None
        found = said_of(path, layers, _WANTED)
        return _truth(found.get(GENERATED)), _truth(found.get(VENDORED))


def _folders(path: str) -> tuple[str, ...]:
    """Those that lead to a path, from the top on, each with a slash at its end; the top itself is empty."""
    return _down_to(path.rpartition("/")[0])


@lru_cache(maxsize=8192)
def _down_to(folder: str) -> tuple[str, ...]:
    if not folder:
        return ("",)
    return (*_down_to(folder.rpartition("/")[0]), f"{folder}/")


def _agreed(now: bool | None, then: bool | None) -> bool | None:
    return None if now is True and then is not True else now


def _truth(state: State) -> bool | None:
    """As linguist reads it: each value but `false` is one."""
    return None if state is None else state != "false"
