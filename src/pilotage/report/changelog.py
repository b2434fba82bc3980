"""`CHANGELOG.md` as Keep a Changelog 1.1.0 wants it, updated in place: other versions' sections are not touched."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from pilotage.report.curated import Line, merged
from pilotage.report.notes import Item

_HEAD = """# Changelog

The format is [Keep a Changelog](https://keepachangelog.com/en/1.1.0/).
"""
_SECTION = re.compile(r"^## \[?(?P<version>[^\]\s]+)\]?(?:\s+-\s+\S+)?.*$", re.MULTILINE)
_LINK = re.compile(r"\[[^\]]+\]: \S+")


def updated(text: str | None, version: str, day: date | None, sections: Sequence[tuple[str, Sequence[Item]]]) -> str:
    """The file with this version's section made, or made anew with the edits that people made to it. A version comes
    below `Unreleased`, above all others; day: None while it is not released."""
    text = _HEAD if text is None else text
    body, tail = _apart(text)
    found = {match["version"]: match for match in _SECTION.finditer(body)}
    starts = [match.start() for match in found.values()]
    lines = [(title, [Line(item.id, sentence(item)) for item in items]) for title, items in sections]
    heading = f"## [{version}]" + (f" - {day.isoformat()}" if day else "")
    if version in found:
        begin = found[version].start()
        end = min((start for start in starts if start > begin), default=len(body))
        old = body[found[version].end() : end].strip()
        section = merged(old, "", lines, level=3)
    else:
        begin = end = _place(body, starts, found)
        section = merged(None, "", lines, level=3)
    made = f"{body[:begin].rstrip()}\n\n{heading}\n\n{section.strip()}\n\n{body[end:].lstrip()}".strip()
    return f"{made}\n\n{tail}".rstrip() + "\n"


def _apart(text: str) -> tuple[str, str]:
    """What comes before the links at the end, and the links."""
    lines = text.rstrip().split("\n")
    first = len(lines)
    while first and _LINK.fullmatch(lines[first - 1]):
        first -= 1
    return ("\n".join(lines[:first]), "\n".join(lines[first:])) if first < len(lines) else (text, "")


def _place(body: str, starts: Sequence[int], found: dict[str, re.Match[str]]) -> int:
    """Where a new version's section begins."""
    unreleased = next((match for version, match in found.items() if version.lower() == "unreleased"), None)
    if unreleased is None:
        return min(starts, default=len(body))
    return min((start for start in starts if start > unreleased.start()), default=len(body))


def sentence(item: Item) -> str:
    """`**scope:** text (#12)`."""
    scope = f"**{item.scope}:** " if item.scope else ""
    request = f" (#{item.request})" if item.request else ""
    return f"{scope}{item.text}{request}"
