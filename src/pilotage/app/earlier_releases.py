"""What this project released before a range, to compare the range with: consecutive version tags of two years."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pilotage.adapters.git import Git
from pilotage.adapters.git_time import moment
from pilotage.adapters.ports import AdapterError
from pilotage.app.branch_merges import looked_into
from pilotage.app.measured_releases import MeasuredReleases
from pilotage.app.risk_reading import measure
from pilotage.app.version_tags import names_at
from pilotage.report.tags import of_one_package, version_named, versions_of
from pilotage.report.versions import BadVersion, Scheme, Tag
from pilotage.risk.assessment import Earlier, released
from pilotage.risk.measured import Measured
from pilotage.risk.model import RiskModel

MOST_RELEASES, MOST_CHANGES = 10, 400
"""What is measured at most; changes are those of all releases together. These numbers decide and not the time, so that
every machine compares with the same releases."""

_TWO_YEARS = 2 * 365.25 * 86400
_MOST_ELSEWHERE = 0.2
"""Share of a release's changes that may lie on another branch, such as the commit that sets its version."""
_MOST_LINES = 3
"""Branches that are read for the releases on them, each of which takes a reading of its own."""


@dataclass(frozen=True)
class Span:
    """A release as its two commits, full ids. changes: how many it has."""

    first: str
    last: str
    changes: int


class Comparison:
    """Measures the releases up to a commit, in a thread of its own while the range itself is measured."""

    def __init__(self, git: Git, first: str, model: RiskModel, kept: MeasuredReleases) -> None:
        self._git, self._first, self._model, self._kept = git, first, model, kept
        self._found: list[Earlier | Exception] = []
        self._thread = threading.Thread(target=self._run, daemon=True, name="earlier releases")
        self._thread.start()

    def within(self, seconds: float | None) -> Earlier:
        """What was released before; nothing, with a note, if it takes longer or if git cannot read it: the range itself
        can be assessed all the same."""
        self._thread.join(seconds)
        if not self._found:
            words = f"not compared with earlier releases, which takes more than {seconds:g} s: the level may be too low"
            return Earlier(notes=(words,), unknown=True)
        (found,) = self._found
        if isinstance(found, (AdapterError, OSError)):
            words = f"not compared with earlier releases, so the level may be too low: {found}"
            return Earlier(notes=(words,), unknown=True)
        if isinstance(found, Exception):
            raise found
        return found

    def _run(self) -> None:
        try:
            self._found.append(self._earlier())
        except Exception as error:
            self._found.append(error)

    def _earlier(self) -> Earlier:
        spans = list(spans_before(self._git, self._first))
        some = list(_affordable(spans))
        if not some:
            return Earlier(unmeasured=len(spans), notes=_why_none(self._git, self._first, spans))
        paths = " ".join(self._git.scope.paths.pathspecs)
        key = " ".join((self._model.to_json(), paths, *(f"{one.first}..{one.last}" for one in some)))
        known = self._kept.get(key)
        if known is None:
            known = tuple(released(one, self._model) for one in self._measured(some))
            self._kept.put(key, known)
        return Earlier(known, len(spans) - len(known))

    def _measured(self, spans: Sequence[Span]) -> Iterator[list[Measured]]:
        """The changes of each release, newest first: all of one line are read at once. A release that lies on another
        line, such as a branch that was merged later, begins a line of its own."""
        left, last = list(spans), self._first
        for _ in range(_MOST_LINES):
            if not left:
                return
            found = list(self._on_the_line_of(left, last))
            yield from found
            left = left[len(found) :]
            last = left[0].last if left else ""

    def _on_the_line_of(self, spans: Sequence[Span], last: str) -> Iterator[list[Measured]]:
        """The changes of the first of these releases, as far as they lie on the line of first parents to `last`."""
        start = spans[-1].first
        measured = measure(self._git, start, looked_into(self._git, start, last).changes, with_people=False)
        for span in spans:
            inside = set(self._git.run("rev-list", f"{span.first}..{span.last}").split())
            mine = [one for one in measured if one.change.commit in inside]
            if len(mine) < (1 - _MOST_ELSEWHERE) * span.changes:
                return
            yield mine


def _why_none(git: Git, first: str, spans: Sequence[Span]) -> tuple[str, ...]:
    """Why nothing is compared where this project has releases; nothing for one that has none."""
    if spans:
        return (f"{_NOT_COMPARED} the last one alone has more than {MOST_CHANGES} changes",)
    at = moment(git.run("log", "-1", "--format=%ct", first).strip())
    dated = _tagged(git, "")
    here = {name for name, (commit, _) in dated.items() if commit == first}
    near = [name for name, (_, when) in dated.items() if at - _TWO_YEARS <= when <= at and name not in here]
    if not any(map(version_named, near)):
        return ()
    if len(packages := {tag.package for tag in map(version_named, here) if tag}) > 1:
        return (
            f"{_NOT_COMPARED} {len(packages)} packages have a version here: say which one is meant by `tag_prefix`",
        )
    return (f"{_NOT_COMPARED} those of the two years before are not in the history of this one",)


_NOT_COMPARED = "not compared with earlier releases:"


def _affordable(spans: Sequence[Span]) -> Iterator[Span]:
    changes = 0
    for span in spans:
        changes += span.changes
        if changes > MOST_CHANGES:
            return
        yield span


def spans_before(git: Git, first: str) -> Iterator[Span]:
    """At most ten that have any change, newest first. Tags that are set later on newer commits change nothing."""
    dated = _tagged(git, first)
    at = moment(git.run("log", "-1", "--format=%ct", first).strip())
    versions, left = _versions(git, first, list(dated)), MOST_RELEASES
    for tag, before in zip(reversed(versions), reversed(versions[:-1]), strict=False):
        commit, when = dated[tag.name]
        if not left or when < at - _TWO_YEARS:
            return
        one, mine = dated[before.name][0], git.scope.paths.pathspecs
        count = int(git.run("rev-list", "--count", "--first-parent", f"{one}..{commit}", "--", *mine))
        if count:
            left -= 1
            yield Span(one, commit, count)


def _tagged(git: Git, first: str) -> dict[str, tuple[str, float]]:
    """Commit and commit date of each tag in the history of `first`; of all tags where it is empty."""
    form = "%(refname:strip=2)%00%(objectname)%00%(*objectname)%00%(committerdate:unix)%00%(*committerdate:unix)"
    found = {}
    for line in git.run(
        "for-each-ref", *([f"--merged={first}"] if first else []), f"--format={form}", "refs/tags"
    ).splitlines():
        name, identity, inner, at, inner_at = line.split("\0")
        if inner_at or at:
            found[name] = (inner or identity, moment(inner_at or at))
    return found


def _versions(git: Git, first: str, names: Sequence[str]) -> Sequence[Tag]:
    """Those of what is released, oldest first: finals alone, unless `first` is a pre-release."""
    here = [name for name in git.run("tag", "--points-at", first).split() if version_named(name)]
    prefix = git.scope.tag_prefix or None
    names = [name for name in names if name.startswith(prefix or "")]
    found = max((versions_of(names, scheme) for scheme in (Scheme.SEMVER, Scheme.PEP440)), key=len)
    try:
        tags = of_one_package(found, git.scope.paths.folders, prefix, here, names_at(git, git.scope.paths.folders))
    except BadVersion:
        return ()
    start = next((tag for tag in reversed(tags) if tag.name in here), None)
    if start is not None:
        tags = tuple(tag for tag in tags if tag.order <= start.order)
    finals = tuple(tag for tag in tags if tag.final)
    return tags if start is not None and not start.final else finals
