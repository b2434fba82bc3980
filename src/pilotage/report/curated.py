"""Drafts that people edit: what they changed, moved, removed or added stays when the draft is updated.

Each generated line ends with a comment that names its change and a digest of its text: `<!-- 1a2b3c4d5e6f 9f8e7d6c
-->`. A line whose text differs from the digest was edited, and stays as it is. A change that was offered before and is
missing was removed on purpose. A comment at the end says what was offered: single changes in a draft, ranges of commits
in a changelog that stays in the repository. Lines without a comment were written by people.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

_MARK = re.compile(r"<!-- ([0-9a-f]{7,40}) ([0-9a-f]{8}) -->$")
_OFFERED = re.compile(r"^<!-- offered: ([0-9a-f. ]*) -->$", re.MULTILINE)
_HEADING = re.compile(r"^(#{2,4}) (.+)$")


@dataclass(frozen=True)
class Line:
    """id: of the change · text: the line without its dash."""

    id: str
    text: str


@dataclass(frozen=True)
class Span:
    """A range of commits that a changelog remembers in place of its changes. name: `1a2b3c4d5e6f..9f8e7d6c5b4a`,
    without the first id for everything up to the last · commits: the first 12 digits of each commit's id in a range of
    this form; none for one that the repository does not know."""

    name: str
    commits: Callable[[str], frozenset[str]]

    def offered(self, before: Sequence[str]) -> frozenset[str]:
        """The changes in `before`: ids, and ranges."""
        ranges = [self.commits(one) for one in before if ".." in one]
        return frozenset(before).union(*ranges)

    def after(self, before: Sequence[str]) -> list[str]:
        """What to remember from now on: this range, and the parts of `before` outside it."""
        mine = self.commits(self.name)
        outside = (one for one in before if not (self.commits(one) <= mine if ".." in one else one in mine))
        return [self.name, *sorted(one for one in outside if one != self.name)]


def mark(line: Line) -> str:
    """The line as written to a draft."""
    return f"- {line.text} <!-- {line.id[:12]} {_digest(line.text)} -->"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def unmarked(draft: str) -> str:
    """The draft as readers get it: without any of its comments."""
    lines = [_marked_off(line)[0] for line in _OFFERED.sub("", draft).splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


def merged(
    draft: str | None, head: str, sections: Sequence[tuple[str, Sequence[Line]]], level: int = 2,
    span: Span | None = None,
) -> str:  # fmt: skip
    """The new draft. head: what stands before the first section, of a first draft only · level: of the headings ·
    span: of a changelog, the range that the sections are made from."""
    before = _offered(draft or "")
    after = span.after(before) if span else sorted({*before, *_ids(sections)})
    if draft is None:
        fresh_ones = [(title, [mark(line) for line in lines]) for title, lines in sections if lines]
        return _written(head, fresh_ones, after, level)
    old_head, old = _read(draft, level)
    offered = span.offered(before) if span else frozenset(before)
    standing = {m[1] for _, lines in old for line in lines if (m := _MARK.search(line))}
    fresh = {line.id[:12]: line for _, lines in sections for line in lines}
    kept = {title: [_again(line, fresh) for line in lines] for title, lines in old}
    for title, lines in sections:
        place = kept.setdefault(title, [])
        new = [line for line in lines if line.id[:12] not in standing and line.id[:12] not in offered]
        # After the last line of the section, before the blank ones that end it.
        end = len(place)
        while end and not place[end - 1].strip():
            end -= 1
        place[end:end] = [mark(line) for line in new]
    order = [title for title, _ in old] + [title for title, _ in sections if title not in dict(old)]
    body = [(title, [line for line in kept[title] if line is not None]) for title in order]
    filled = [(title, lines) for title, lines in body if any(line.strip() for line in lines)]
    return _written(old_head, filled, after, level)


def joined(first: str, second: str, level: int) -> str:
    """Two drafts as one, section by section; each line once."""
    (head, one), (other_head, other) = _read(first, level), _read(second, level)
    lines: dict[str, list[str]] = {}
    for title, found in (*one, *other):
        place = lines.setdefault(title, [])
        ids = {mark[1] for line in place if (mark := _MARK.search(line))}
        while place and not place[-1].strip():
            place.pop()
        place += [line for line in found if line.strip() and not ((mark := _MARK.search(line)) and mark[1] in ids)]
    offered = sorted({*_offered(first), *_offered(second)})
    return _written("\n\n".join(filter(None, (head, other_head))), list(lines.items()), offered, level)


def with_bullets(draft: str, bullet: str) -> str:
    """The draft with its generated lines behind another bullet, `-` or `*`."""
    lines = draft.split("\n")
    return "\n".join(
        f"{bullet} {line[2:]}" if line[:2] in ("- ", "* ") and _MARK.search(line) else line for line in lines
    )


def _offered(draft: str) -> list[str]:
    return [one for found in _OFFERED.finditer(draft) for one in found[1].split()]


def _ids(sections: Sequence[tuple[str, Sequence[Line]]]) -> list[str]:
    return sorted({line.id[:12] for _, lines in sections for line in lines})


def _again(line: str, fresh: Mapping[str, Line]) -> str:
    """A line of the old draft: unchanged if someone edited it, otherwise generated again."""
    text, found = _marked_off(line)
    if not found:
        return line
    if _digest(text.removeprefix("- ")) != found[2]:
        return line
    return mark(fresh[found[1]]) if found[1] in fresh else ""


def _marked_off(line: str) -> tuple[str, re.Match[str] | None]:
    """The line without the mark at its end, and the mark."""
    found = _MARK.search(line)
    return (line[: found.start()].rstrip(), found) if found else (line, None)


def _read(draft: str, level: int) -> tuple[str, list[tuple[str, list[str]]]]:
    head: list[str] = []
    sections: list[tuple[str, list[str]]] = []
    for line in _OFFERED.sub("", draft).splitlines():
        found = _HEADING.match(line)
        if found and len(found[1]) == level:
            sections.append((found[2].strip(), []))
        elif sections:
            sections[-1][1].append(line)
        else:
            head.append(line)
    return "\n".join(head).strip(), sections


def _written(head: str, sections: Sequence[tuple[str, Sequence[str]]], offered: Sequence[str], level: int) -> str:
    parts = [head.strip()] if head.strip() else []
    for title, lines in sections:
        text = "\n".join(lines).strip("\n")
        parts.append(f"{'#' * level} {title}\n\n{text}")
    parts.append(f"<!-- offered: {' '.join(offered)} -->")
    return "\n\n".join(parts) + "\n"
