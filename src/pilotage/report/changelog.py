"""Updates `CHANGELOG.md` in place and in its own format; creates a new one in the format of Keep a Changelog 1.1.0.

Other versions' sections are not touched. A new section has the level, the brackets, the `v`, the date and the links of
its neighbours, and includes what people wrote under *Unreleased*.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from pilotage.report.changelog_headings import Heading, bare, check_shape, headings_of, level_below, linked, written
from pilotage.report.curated import Line, Span, joined, merged, with_bullets
from pilotage.report.merges import reference
from pilotage.report.notes import Item

_HEAD = """# Changelog

The format is [Keep a Changelog](https://keepachangelog.com/en/1.1.0/).
"""
_BOM = "\ufeff"
_CONVENTIONAL = {"Added": "Features", "Fixed": "Bug Fixes"}
"""Titles of semantic-release, release-please and standard-version."""


def updated(
    text: str | None, version: str, day: date | None, sections: Sequence[tuple[str, Sequence[Item]]],
    span: Span | None = None,
) -> str:  # fmt: skip
    """The file with this version's section made, or made again with the edits that people made to it. A version comes
    below `Unreleased`, above all older ones; day: None while it is not released. Line ends and a byte order mark stay
    as they are. Raises OtherShape. span: the range of the changes; without one, the file names each change."""
    text = _HEAD if text is None else text
    mark = _BOM if text.startswith(_BOM) else ""
    windows = "\r\n" in text
    made = _updated(text.removeprefix(_BOM).replace("\r\n", "\n"), version, day, sections, span)
    return mark + (made.replace("\n", "\r\n") if windows else made)


def _updated(
    text: str, version: str, day: date | None, sections: Sequence[tuple[str, Sequence[Item]]], span: Span | None
) -> str:
    body, tail = _apart(text)
    found = headings_of(body)
    check_shape(body, found)
    level = level_below(body, found)
    lines = _lines(body, sections)
    own = _own(found, version)
    place = own.begin if own else _place(found, version, body)
    old = own.content(body, found) if own else None
    waiting = next((heading for heading in found if heading.is_unreleased), None)
    if waiting and own is not waiting and _is_next(found, version, waiting):
        held = waiting.content(body, found)
        old = joined(held, old or "", level) if held else old
        end = waiting.end_of_content(body, found)
        body = f"{body[: waiting.end]}\n\n{body[end:].lstrip()}" if held else body
        found = headings_of(body)
        own = _own(found, version)
        place = own.begin if own else _place(found, version, body)
    starred = body.count("\n* ") > body.count("\n- ")
    new = merged(with_bullets(old, "-") if old else None, "", lines, level, span)
    section = with_bullets(new, "*" if starred else "-")
    end = own.end_of_content(body, found) if own else place
    heading = written(version, day, found, own)
    made = f"{body[:place].rstrip()}\n\n{heading}\n\n{section.strip()}\n\n{body[end:].lstrip()}".strip()
    return f"{made}\n\n{linked(tail, version, heading)}".rstrip() + "\n"


def _lines(body: str, sections: Sequence[tuple[str, Sequence[Item]]]) -> list[tuple[str, list[Line]]]:
    """Under the titles that the file uses."""
    conventional = any(f"\n### {title}\n" in body for title in _CONVENTIONAL.values())
    kept = any(f"\n### {title}\n" in body for title in _CONVENTIONAL)
    titles = _CONVENTIONAL if conventional and not kept else {}
    return [(titles.get(title, title), [Line(item.id, sentence(item)) for item in items]) for title, items in sections]


def _apart(text: str) -> tuple[str, str]:
    """What comes before the links at the end, and the links."""
    lines = text.rstrip().split("\n")
    first = len(lines)
    while first and lines[first - 1].startswith("[") and "]: " in lines[first - 1]:
        first -= 1
    return ("\n".join(lines[:first]), "\n".join(lines[first:])) if first < len(lines) else (text, "")


def _own(found: Sequence[Heading], version: str) -> Heading | None:
    """The heading of a version that the file has already; `Next` and the like are `Unreleased`."""
    waits = bare(version) == "unreleased"
    return next((one for one in found if one.bare == bare(version) or (waits and one.is_unreleased)), None)


def _place(found: Sequence[Heading], version: str, body: str) -> int:
    """Where a new version's section begins: before the first one that is not newer."""
    end = len(body)
    if bare(version) == "unreleased":
        return found[0].begin if found else end
    order = Heading.order_of(version)
    older = [heading for heading in found if not heading.is_unreleased and heading.order <= order]
    return older[0].begin if older else end


def _is_next(found: Sequence[Heading], version: str, waiting: Heading) -> bool:
    """Whether what waits under `Unreleased` belongs to this version: it is newer than all others."""
    order = Heading.order_of(version)
    return bare(version) != "unreleased" and all(heading.order <= order for heading in found if heading is not waiting)


def sentence(item: Item) -> str:
    """`**scope:** text (#12)`."""
    scope = f"**{item.scope}:** " if item.scope else ""
    request = f" ({reference(item.request)})" if item.request else ""
    return f"{scope}{item.text}{request}"
