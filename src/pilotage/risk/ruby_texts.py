"""Texts in a file of Ruby: how they begin, which of them a name has, and where they end."""

from __future__ import annotations

import re
from bisect import bisect_left
from itertools import accumulate

OPENED = r"<<[~-]?['\"]?(\w+)|[\"']|%[qQ]?[({\[]"
"""A heredoc, whose word is a group, or another text."""


_NAME = re.compile(r"[ (]*(\w{1,100})")
_ASSIGNED = re.compile(rf"^[ \t]*(?P<name>\w{{1,100}})[ \t]*=[ \t]*(?P<opened>{OPENED})", re.MULTILINE)


def assigned(kept: str, at: int) -> tuple[int, str, str] | None:
    """Where the text begins that a name has, how it is opened, and the word of a heredoc. at: before the name."""
    if (name := _NAME.match(kept, at)) is None:
        return None
    found = next((one for one in _ASSIGNED.finditer(kept) if one["name"] == name[1]), None)
    return (found.end(), found["opened"], found[3] or "") if found else None


class Ends:
    """Where the texts of a file end; a mark that does not come any more is looked for once."""

    def __init__(self, text: str) -> None:
        self._text, self._endless = text, set[str]()
        self._lines = text.split("\n")
        self._starts = [0, *accumulate(len(line) + 1 for line in self._lines)]

    def of_text(self, start: int, opened: str) -> tuple[int, int]:
        closed = {"(": ")", "{": "}", "[": "]"}.get(opened, opened)
        stop = -1 if closed in self._endless else self._text.find(closed, start)
        while stop > 0 and self._text[stop - 1] == "\\":
            stop = self._text.find(closed, stop + 1)
        if stop < 0:
            self._endless.add(closed)
        return start, stop

    def of_heredoc(self, start: int, word: str) -> tuple[int, int]:
        """The lines after the one that begins it, up to the word that ends it."""
        first = bisect_left(self._starts, start)
        last = None
        if f"<<{word}" not in self._endless:
            last = next((n for n in range(first, len(self._lines)) if self._lines[n].strip() == word), None)
        if last is None:
            self._endless.add(f"<<{word}")
            return start, -1
        return self._starts[first], self._starts[last]
