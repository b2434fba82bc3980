"""Change sets (`.changeset/*.md`, of changesets/changesets): which part of which package's version is to grow."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from pilotage.report.versions import Part

FOLDER = ".changeset"
_LINE = re.compile(r"""\s*['"]?(@?[\w./-]{1,214})['"]?\s*:\s*['"]?(major|minor|patch)['"]?\s*""")
_ORDER = (Part.PATCH, Part.MINOR, Part.MAJOR)


def declared(texts: Sequence[str], packages: Collection[str]) -> Part | None:
    """The largest part that the change sets ask for. packages: the names of what is released; empty where that is
    everything, which only works where the change sets are all of one package. None where they ask for nothing."""
    asked = [(name, Part(part)) for text in texts for name, part in _front(text)]
    known = packages or {name for name, _ in asked}
    if not packages and len(known) > 1:
        return None
    return max((part for name, part in asked if name in known), key=_ORDER.index, default=None)


def _front(text: str) -> list[tuple[str, str]]:
    """Packages and parts between the first two lines of three hyphens."""
    lines = text.lstrip("\ufeff").splitlines()
    if not lines or lines[0].rstrip() != "---":
        return []
    found = list[tuple[str, str]]()
    for line in lines[1:]:
        if line.rstrip() == "---":
            return found
        if said := _LINE.fullmatch(line):
            found.append((said[1], said[2]))
    return []
