"""Assesses the risk of a range of commits: reads git, measures, checks for findings, and applies the model."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from pilotage import __version__
from pilotage.adapters.git import Git
from pilotage.adapters.ports import AdapterError
from pilotage.app import lost_changes
from pilotage.app.absences import absences_of, named_in
from pilotage.app.branch_merges import looked_into
from pilotage.app.earlier_releases import Comparison
from pilotage.app.kept_assessments import KeptAssessments
from pilotage.app.measured_releases import MeasuredReleases
from pilotage.app.project import Project
from pilotage.app.repository import git_here
from pilotage.app.risk_contents import beside, looked_into_files
from pilotage.app.risk_reading import measure
from pilotage.app.told_changes import told_between
from pilotage.model.absence import Absence
from pilotage.model.advisory import Advisory
from pilotage.model.answers import RiskTolerance
from pilotage.model.calendar import Calendar
from pilotage.model.risk import Assessment, ChangeRisk
from pilotage.report.commit_words import Kind
from pilotage.risk import people, relands, timing
from pilotage.risk.advisories import Advisories
from pilotage.risk.assessment import assess, of_changes
from pilotage.risk.dependency_floods import grouped
from pilotage.risk.model import BadModel, OldModel, RiskModel, shipped

LEARNED = "risk.json"
"""The model that `train` leaves next to the store."""

_PATIENCE = 30.0
"""Seconds that a person waits for the comparison with earlier releases once all else is known."""


@dataclass(frozen=True)
class Question:
    """What to assess. when: planned start of the release, None to leave its time out · others: releases in progress at
    that time · advisories: known vulnerabilities of packages · model: None for the shipped one · folder: where measured
    releases are kept, None to keep none · patience: seconds to wait for the comparison with earlier releases once all
    else is known; None for as long as it takes, so that the answer hangs on the commits alone · away: who is
    absent, and when."""

    revisions: str
    when: datetime | None
    calendar: Calendar = field(default_factory=Calendar)
    others: tuple[str, ...] = ()
    advisories: Advisories = field(default_factory=Advisories)
    tolerance: RiskTolerance = RiskTolerance.MEDIUM
    model: RiskModel | None = None
    folder: Path | None = None
    patience: float | None = None
    away: tuple[Absence, ...] = ()


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
    files = [f for m in measured for f in m.change.files]
    findings = lost_changes.findings_of(git, first, last)
    findings += grouped(looked_into_files(git, first, last, files, question.advisories))
    findings += beside(files, git, first, last)
    if question.when is not None:
        findings += timing.findings_of(question.when, question.calendar, question.others)
    away = _away(git, last, question)
    findings += people.findings_of([(m.change, m.known) for m in measured], away)
    findings += relands.findings_of(m.change for m in measured)
    before = comparison.within(question.patience)
    whole = assess(f"{first}..{last}", measured, findings, model, question.tolerance, before)
    unread = tuple(f"not read: {path}: {why}" for path, why in sorted(git.unread.items()))
    kinds = told_between(git, first, last).changes
    whole = replace(
        whole,
        notes=(*((lost_changes.SAME,) if first == last else ()), *read.notes, *whole.notes, *before.notes, *unread),
        breaking=next((one.summary for one in kinds if one.breaking is not None), ""),
        feature=next((one.summary for one in kinds if one.kind is Kind.FEATURE), ""),
    )
    return Answer(whole, of_changes(measured, model))


def _away(git: Git, last: str, question: Question) -> list[Absence]:
    """Who is absent when the release begins, by the names too that commits have beside their mail addresses."""
    if question.when is None:
        return []
    day = question.when.astimezone(ZoneInfo(question.calendar.zone)).date()
    return [replace(one, names=one.names | named_in(git, last, one.names)) for one in question.away if one.on(day)]


def ends(git: Git, revisions: str) -> tuple[str, str]:
    """The commits of `A..B`, B being HEAD where it is left out. Raises AdapterError."""
    if git.boundary():
        raise AdapterError(f"{git.path} is a shallow clone: fetch the history with `git fetch --unshallow`")
    first, dots, last = revisions.partition("..")
    if not dots or not first:
        raise AdapterError(f"{revisions!r} is not a range such as v1.2.0..HEAD")
    return git.commit(first), git.commit(last.lstrip(".") or "HEAD")


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
    told: tuple[object, ...] = (first, last, model, day, question.tolerance, git.scope, __version__)
    if question.when and (away := [one for one in question.away if one.on(question.when.date())]):
        told = (*told, sorted((one.person, one.last, sorted(one.names)) for one in away))
    return " ".join(map(repr, told))


def _question(project: Project, revisions: str, when: datetime | None, advisories: Path | None) -> Question:
    """What the options and the configuration, if there is one, require of an assessment."""

    calendar, tolerance, others = Calendar(), RiskTolerance.MEDIUM, tuple[str, ...]()
    away = tuple[Absence, ...]()
    if project.config.exists():
        from pilotage.config.calendars import calendar_of

        calendar = calendar_of(project.whole, when.date() if when else project.today)
        tolerance = project.whole.configuration.answers.risk_tolerance
        others = _under_way(project)
        away = absences_of(project.whole.configuration)
    moment = when.replace(tzinfo=ZoneInfo(calendar.zone)) if when else None
    if moment is None and project.config.exists():  # else nobody knows the zone, nor when people work
        moment = project.moment
    return Question(
        revisions, moment, calendar, others, _known(advisories), tolerance, _model(project), project.directory,
        away=away,
    )  # fmt: skip


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
