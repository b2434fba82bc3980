"""Assesses the risk of a range of commits: reads git, measures, checks for findings, and applies the model."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from pilotage import __version__
from pilotage.adapters import squawk
from pilotage.adapters.git import Git
from pilotage.adapters.ports import AdapterError
from pilotage.app import hidden_sources, lost_changes
from pilotage.app.branch_merges import looked_into
from pilotage.app.earlier_releases import Comparison
from pilotage.app.kept_assessments import KeptAssessments
from pilotage.app.measured_releases import MeasuredReleases
from pilotage.app.project import Project
from pilotage.app.repository import git_here
from pilotage.app.risk_reading import measure
from pilotage.app.told_changes import told_between
from pilotage.model.advisory import Advisory
from pilotage.model.answers import RiskTolerance
from pilotage.model.calendar import Calendar
from pilotage.model.change import Entry, FileKind, FilePatch
from pilotage.model.file_kind import kind_of
from pilotage.model.risk import Assessment, ChangeRisk, Finding, RiskFactor, RiskLevel
from pilotage.report.commit_words import Kind
from pilotage.risk import complexity, dependencies, entries, infrastructure, migrations, people, relands, timing
from pilotage.risk.advisories import Advisories
from pilotage.risk.assessment import assess, of_changes
from pilotage.risk.dependency_floods import grouped
from pilotage.risk.made_tables import MadeTables
from pilotage.risk.measured import Measured
from pilotage.risk.model import BadModel, OldModel, RiskModel, shipped

LEARNED = "risk.json"
"""The model that `train` leaves next to the store."""

_MOST_BYTES = 400_000
"""A file beyond this was not written by hand, or is no file to look into in a hurry."""

_MOST_FILES = 40
_MOST_TO_PARSE = 300_000
"""Bytes of source whose functions are counted, most changed file first: parsing is what takes the time."""

_MOST_OF_MIGRATIONS = 600_000
"""Characters of all migrations of a range together."""

_LEAST_DECISIONS = 5

_PATIENCE = 30.0
"""Seconds that a person waits for the comparison with earlier releases once all else is known."""


@dataclass(frozen=True)
class Question:
    """What to assess. when: planned start of the release, None to leave its time out · others: releases in progress at
    that time · advisories: known vulnerabilities of packages · model: None for the shipped one · folder: where measured
    releases are kept, None to keep none · patience: seconds to wait for the comparison with earlier releases once all
    else is known; None for as long as it takes, so that the answer hangs on the commits alone."""

    revisions: str
    when: datetime | None
    calendar: Calendar = field(default_factory=Calendar)
    others: tuple[str, ...] = ()
    advisories: Advisories = field(default_factory=Advisories)
    tolerance: RiskTolerance = RiskTolerance.MEDIUM
    model: RiskModel | None = None
    folder: Path | None = None
    patience: float | None = None


@dataclass(frozen=True)
class Answer:
    assessment: Assessment
    changes: tuple[ChangeRisk, ...]


def assess_range(git: Git, question: Question) -> Answer:
    """Raises AdapterError for what git cannot answer."""
    first, last = ends(git, question.revisions)
    git = git.as_of(last)
    model = question.model or shipped()
    comparison = Comparison(git, first, model, MeasuredReleases(question.folder))
    read = looked_into(git, first, last)
    measured = measure(git, first, read.changes)
    findings = lost_changes.findings_of(git, first, last)
    findings += grouped(_looked_into(git, first, last, measured, question.advisories))
    findings += _beside([f for m in measured for f in m.change.files], git, first, last)
    if question.when is not None:
        findings += timing.findings_of(question.when, question.calendar, question.others)
    findings += people.findings_of([(m.change, m.known) for m in measured])
    findings += relands.findings_of(m.change for m in measured)
    before = comparison.within(question.patience)
    whole = assess(f"{first}..{last}", measured, findings, model, question.tolerance, before)
    kinds = told_between(git, first, last).changes
    whole = replace(
        whole,
        notes=(*((lost_changes.SAME,) if first == last else ()), *read.notes, *whole.notes, *before.notes),
        breaking=next((one.summary for one in kinds if one.breaking is not None), ""),
        feature=next((one.summary for one in kinds if one.kind is Kind.FEATURE), ""),
    )
    return Answer(whole, of_changes(measured, model))


def ends(git: Git, revisions: str) -> tuple[str, str]:
    """The commits of `A..B`, B being HEAD where it is left out. Raises AdapterError."""
    if git.boundary():
        raise AdapterError(f"{git.path} is a shallow clone: fetch the history with `git fetch --unshallow`")
    first, dots, last = revisions.partition("..")
    if not dots or not first:
        raise AdapterError(f"{revisions!r} is not a range such as v1.2.0..HEAD")
    return git.commit(first), git.commit(last.lstrip(".") or "HEAD")


def _looked_into(
    git: Git, first: str, last: str, measured: Sequence[Measured], advisories: Advisories
) -> Iterator[Finding]:
    """Lock files, migrations and the functions that got harder: as they were at the beginning and are at the end."""
    files = [f for m in measured for f in m.change.files]
    locks = _both(git, first, last, _locks(files))
    for path, before, after in locks:
        yield from dependencies.findings_of(path, before, after, advisories)
    migrating = sorted({f.path for f in files if f.kind is FileKind.MIGRATION})
    changed, large = _readable(list(_both(git, first, last, migrating)))
    if large:
        words = f"{len(large)} migration{'s are' if len(large) > 1 else ' is'} too large to be read"
        yield Finding(RiskFactor.MIGRATIONS, RiskLevel.MEDIUM, words, large[0], "review it by hand")
    made = MadeTables({path: after for path, before, after in changed if after and before is None})
    for path, before, after in changed:
        if after and after != before:
            yield from migrations.findings_of(path, after, before or "", made.by(path))
            if forward := migrations.forward_sql(path, after, before or ""):
                yield from squawk.findings_of(path, forward)
    yield from _harder(git, first, last, files)


def _readable(
    changed: Sequence[tuple[str, str | None, str | None]],
) -> tuple[list[tuple[str, str | None, str | None]], list[str]]:
    """Those that are read, shortest first until they are too much together, in their order; and paths of the rest."""
    left, kept = _MOST_OF_MIGRATIONS, set[str]()
    for path, _, after in sorted(changed, key=lambda one: len(one[2] or "")):
        left -= len(after or "")
        if left >= 0:
            kept.add(path)
    return [one for one in changed if one[0] in kept], [one[0] for one in changed if one[0] not in kept]


def _harder(git: Git, first: str, last: str, files: Sequence[FilePatch]) -> Iterator[Finding]:
    left, decisive = _MOST_TO_PARSE, _decisive(files)
    moved = _shrunk(files, decisive)
    both = list(_both(git, first, last, [*decisive, *moved]))
    past = complexity.Before({path: before or "" for path, before, _ in both})
    for path, _, after in both:
        if path in decisive:
            left -= len(after or "")
            if after and left > 0:
                yield from complexity.findings_of(path, after, past)


def _shrunk(files: Sequence[FilePatch], but: Sequence[str]) -> list[str]:
    """Source files that functions may have moved away from, or that were renamed: most lost lines first."""
    lost: dict[str, int] = {}
    for file in files:
        if file.kind is FileKind.SOURCE and file.before and (file.lost or file.before != file.path):
            lost[file.before] = lost.get(file.before, 0) + file.lost + (file.before != file.path)
    return sorted(lost.keys() - set(but), key=lambda path: -lost[path])[:_MOST_FILES]


def _beside(files: Sequence[FilePatch], git: Git, first: str, last: str) -> list[Finding]:
    """What changes beside the code: infrastructure, submodules, and the permission to run a file."""
    asked = infrastructure.charts_of(files)
    contents = git.contents([f"{last}:{path}" for path in asked])
    charts = {path for path, content in zip(asked, contents, strict=True) if content is not None}
    images = {path: (b, a) for path, b, a in _both(git, first, last, infrastructure.images_of(files)) if a and b}
    hidden = hidden_sources.findings_of(files, git, first, last)
    return [*infrastructure.findings_of(files, charts, images), *entries.findings_of(files), *hidden]


def _locks(files: Sequence[FilePatch]) -> list[str]:
    return sorted({f.path for f in files if f.kind is FileKind.DEPENDENCIES and f.entry is Entry.FILE})


def _decisive(files: Sequence[FilePatch]) -> list[str]:
    """The source files that got most decisions, none of those with hardly any."""
    added: dict[str, int] = {}
    for file in files:
        if file.kind is FileKind.SOURCE:
            added[file.path] = added.get(file.path, 0) + file.branches
    most = sorted(added, key=lambda path: -added[path])[:_MOST_FILES]
    return [path for path in most if added[path] >= _LEAST_DECISIONS]


def _both(git: Git, first: str, last: str, paths: Sequence[str]) -> Iterator[tuple[str, str | None, str | None]]:
    contents = git.contents([f"{commit}:{path}" for path in paths for commit in (first, last)])
    for index, path in enumerate(paths):
        before, after = contents[2 * index : 2 * index + 2]
        if max(len(before or b""), len(after or b"")) <= _MOST_BYTES or kind_of(path) is FileKind.DEPENDENCIES:
            yield path, _text(before), _text(after)


def _text(content: bytes | None) -> str | None:
    """Of a file, which editors of Windows write as UTF-16 or with a mark of their own at its beginning."""
    if content is None:
        return None
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return content.decode("utf-16" if wide else "utf-8-sig", errors="replace")


# ── for a project ──────────────────────────────────────────────────────────────────────────────────────────


def assess_changes(
    project: Project, revisions: str, *, when: datetime | None = None, advisories: Path | None = None,
    repository: Path | None = None,
) -> Answer:  # fmt: skip
    """revisions: `A..B` · when: it is to be released, by the service's clock; now, where left out · advisories: a
    report of a scanner, as `findings` of `readiness.evidence` takes · repository: another one than the project's.
    Raises AdapterError, BadEvidence."""
    git = Git(repository) if repository else git_here(project)
    question = _question(project, revisions, when, advisories)
    question = replace(question, folder=None if repository else question.folder, patience=_PATIENCE)
    return assess_range(git, question)


def assess_planned(project: Project, revisions: str, day: date | None) -> Assessment:
    """For a plan: what depends on commits and on its day, and not on the moment or on what else is under way. Raises
    AdapterError."""
    question = _question(project, revisions, None, None)
    when = timing.moment(day, question.calendar) if day else None
    question = replace(question, when=when, others=())
    git, kept = git_here(project), KeptAssessments(question.folder)
    key = _key(git, question)
    found = kept.get(key)
    if found is None:
        found = assess_range(git, question).assessment
        kept.put(key, found)
    return found


def _key(git: Git, question: Question) -> str:
    """All that the assessment for a plan depends on, this version of Pilotage among it. Raises AdapterError."""
    first, last = ends(git, question.revisions)
    model = (question.model or shipped()).to_json()
    day = timing.findings_of(question.when, question.calendar) if question.when else None
    told = (first, last, model, day, question.tolerance, git.scope, __version__)
    return " ".join(map(repr, told))


def _question(project: Project, revisions: str, when: datetime | None, advisories: Path | None) -> Question:
    """What the options and the configuration, if there is one, require of an assessment."""

    calendar, tolerance, others = Calendar(), RiskTolerance.MEDIUM, tuple[str, ...]()
    if project.config.exists():
        from pilotage.config.calendars import calendar_of

        calendar = calendar_of(project.whole, when.date() if when else project.today)
        tolerance = project.whole.configuration.answers.risk_tolerance
        others = _under_way(project)
    moment = when.replace(tzinfo=ZoneInfo(calendar.zone)) if when else None
    if moment is None and project.config.exists():  # else nobody knows the zone, nor when people work
        moment = project.moment
    return Question(
        revisions, moment, calendar, others, _known(advisories), tolerance, _model(project), project.directory
    )


def _under_way(project: Project) -> tuple[str, ...]:
    if not project.has_store:
        return ()
    return tuple(f"{r.service} {r.version} in {r.environment}" for r in project.store.active())


def _known(advisories: Path | None) -> Advisories:
    if advisories is None:
        return Advisories()
    from pilotage.readiness.audits import findings

    issues = findings(advisories.read_bytes(), str(advisories)).issues
    return Advisories(
        Advisory(id=one.id, package=one.package, version=one.version, range=one.range) for one in issues if one.package
    )


def _model(project: Project) -> RiskModel | None:
    """The one that `train` left. Of an earlier version: as shipped, and it says so. Raises BadModel."""
    path = project.directory / LEARNED
    if not path.exists():
        return None
    try:
        return RiskModel.from_json(path.read_text(encoding="utf-8", errors="replace"))
    except OldModel:
        old = f"{LEARNED} is of an earlier version and not used: run `pilotage risk train`"
        return replace(shipped(), origin=f"{shipped().origin}; {old}")
    except BadModel as error:
        raise BadModel(f"{path}: {error}; delete it, or run `pilotage risk train`") from None
