"""Release notes of a range (R23): one set of changes, several audiences, and no number that was not measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from pilotage.report.around import Around, developer_steps, user_steps
from pilotage.report.commit_words import Kind
from pilotage.report.commits import SURE, Change
from pilotage.report.improvements import ASPECTS, OTHER
from pilotage.report.merges import reference


class Audience(StrEnum):
    DEVELOPER = "developer"
    USER = "user"
    EXECUTIVE = "executive"


SECTIONS: Sequence[tuple[Kind, str, str]] = (
    (Kind.SECURITY, "Security", "Security"),
    (Kind.FEATURE, "Features", "Added"),
    (Kind.IMPROVEMENT, "Improvements", "Changed"),
    (Kind.CHANGE, "Changes", "Changed"),
    (Kind.FIX, "Fixes", "Fixed"),
    (Kind.DEPRECATION, "Deprecated", "Deprecated"),
    (Kind.REMOVAL, "Removed", "Removed"),
    (Kind.DEPENDENCY, "Dependencies", "Changed"),
    (Kind.DOCS, "Documentation", "Changed"),
    (Kind.INTERNAL, "Internal", "Changed"),
)  # fmt: skip
"""Of each kind: the section of release notes, and that of Keep a Changelog 1.1.0; in the order in which they come."""

KEPT = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")

_SHOWN: Mapping[Audience, frozenset[Kind]] = {
    Audience.DEVELOPER: frozenset(Kind) - {Kind.INTERNAL},
    Audience.USER: frozenset(Kind) - {Kind.INTERNAL, Kind.DEPENDENCY, Kind.DOCS},
    Audience.EXECUTIVE: frozenset({Kind.SECURITY, Kind.FEATURE}),
}


@dataclass(frozen=True)
class Item:
    """One line. id: of the change, by which edits are found again · text: plain, edited text if there is any · unsure:
    its section is a guess · details: for those who build on it."""

    id: str
    text: str
    scope: str = ""
    request: str = ""
    issues: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    unsure: bool = False
    value: str = ""
    details: str = ""


@dataclass(frozen=True)
class Breaking:
    """id, what changed, and what to do about it. impact: on whom · until: when the old way works no more."""

    id: str
    text: str
    cure: str
    impact: str = ""
    until: str = ""


@dataclass(frozen=True)
class Notes:
    """counts: of all changes by kind, shown or not · unsure: how many of them are guesses · measured: label and value,
    each with its n and interval · may_break: changes whose words speak of breaking, though no footer declares it."""

    service: str
    version: str
    day: date | None
    audience: Audience
    range: str
    sections: tuple[tuple[str, tuple[Item, ...]], ...]
    breaking: tuple[Breaking, ...]
    counts: tuple[tuple[str, int], ...]
    contributors: tuple[str, ...]
    unsure: int
    measured: tuple[tuple[str, str], ...] = ()
    may_break: tuple[str, ...] = ()
    around: Around = field(default_factory=Around)
    developer_steps: tuple[str, ...] = ()
    user_steps: tuple[str, ...] = ()

    @property
    def changes(self) -> int:
        return sum(count for _, count in self.counts)


@dataclass(frozen=True)
class Release:
    """The release that the notes describe. range: as given."""

    service: str
    version: str
    day: date | None
    range: str
    measured: tuple[tuple[str, str], ...] = ()
    around: Around = field(default_factory=Around)


def notes_of(changes: Sequence[Change], release: Release, audience: Audience) -> Notes:
    shown = _SHOWN[audience]
    sections = []
    for kind, title, _ in SECTIONS:
        mine = [change for change in changes if change.kind is kind and kind in shown]
        for part, parts in _by_aspect(mine) if kind is Kind.IMPROVEMENT else ((title, mine),):
            if parts:
                sections.append((part, tuple(_item(change, audience) for change in parts)))
    counts = Counter(change.kind for change in changes)
    titles = {kind: title.lower() for kind, title, _ in SECTIONS}
    people = Counter(name for change in changes for name in change.authors)
    breaking = tuple(
        Breaking(c.id, _text(c, audience), _cure(c), c.impact, c.until) for c in changes if c.breaking is not None
    )
    return Notes(
        release.service, release.version, release.day, audience, release.range, tuple(sections),
        breaking,
        tuple((titles[kind], counts[kind]) for kind, _, _ in SECTIONS if counts[kind]),
        tuple(sorted(people, key=lambda name: (-people[name], name))) if audience is Audience.DEVELOPER else (),
        sum(change.sure < SURE for change in changes), release.measured,
        tuple(reference(c.request) if c.request else c.id[:9] for c in changes if c.may_break), release.around,
        developer_steps(release.version, bool(breaking), release.around) if audience is Audience.DEVELOPER else (),
        user_steps(bool(breaking), release.around) if audience is Audience.USER else (),
    )  # fmt: skip


def _by_aspect(changes: Sequence[Change]) -> Iterator[tuple[str, list[Change]]]:
    """Improvements by what they improve; those of which nothing says it last."""
    for title in (*ASPECTS, OTHER):
        yield title, [change for change in changes if (change.aspect or OTHER) == title]


def _item(change: Change, audience: Audience) -> Item:
    if audience is not Audience.DEVELOPER:
        return Item(change.id, _text(change, audience), value=change.value)
    return Item(
        change.id, _text(change, audience), change.scope, change.request, change.issues, change.authors,
        change.sure < SURE, change.value, change.details,
    )  # fmt: skip


def _text(change: Change, audience: Audience) -> str:
    """A revert of something that was released before says so: users had it."""
    if change.reverts and not change.reverts.again:
        return f"Reverted: {change.summary}"
    return change.summary if audience is Audience.DEVELOPER else change.summary.replace("`", "")


def _cure(change: Change) -> str:
    return "" if change.breaking == change.summary else change.breaking or ""


def kept_sections(changes: Sequence[Change]) -> tuple[tuple[str, tuple[Item, ...]], ...]:
    """The sections of Keep a Changelog: what users notice, breaking changes first and marked."""
    of_kind = {kind: kept for kind, _, kept in SECTIONS}
    found: dict[str, list[Item]] = {name: [] for name in KEPT}
    order = [kind for kind, _, _ in SECTIONS]
    ranked = sorted(changes, key=lambda c: (c.breaking is None, order.index(c.kind)))
    for change in ranked:
        if change.kind not in _SHOWN[Audience.USER] and change.breaking is None:
            continue
        item = _item(change, Audience.DEVELOPER)
        if change.breaking is not None:
            cure = _cure(change)
            item = Item(
                item.id, f"**Breaking:** {item.text}{f': {cure}' if cure else ''}", item.scope, item.request,
                item.issues, item.authors, item.unsure,
            )  # fmt: skip
        found[of_kind[change.kind]].append(item)
    return tuple((name, tuple(items)) for name, items in found.items() if items)
