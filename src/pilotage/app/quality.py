"""What retrospectives say of bugs, findings, the team and the process, from the store, the tracker and files."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from functools import cached_property

from pilotage.adapters.answers import SurveyAnswer, Training, survey_of, training_of
from pilotage.adapters.code_host import CodeRepository
from pilotage.adapters.evidence import ProjectFiles
from pilotage.adapters.issues import Issue, issues_since
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.secrets import resolve
from pilotage.app.project import Project
from pilotage.app.readiness.people import people_in
from pilotage.engine.records import readings, reports
from pilotage.engine.records.store import Store
from pilotage.model.events import ReadinessChecked
from pilotage.model.plan import Plan
from pilotage.model.readiness import BadEvidence
from pilotage.model.record import RolloutSummary
from pilotage.model.report import ReportKind, ReportState
from pilotage.plan.monitoring import rule_name
from pilotage.report.quality import Part, Quality, Score

_QUARTER = 91 * 86400.0
_SECURITY, _SUPPORT = "security_scan_passing", "support_team_training"
_MOST_REPORTS = 10_000


@dataclass(frozen=True)
class QualitySources:
    """All that is read once for several periods. begin: of the first of them, Unix seconds."""

    project: Project
    environment: str
    plan: Plan
    begin: float

    def of(self, rollouts: Sequence[RolloutSummary], begin: float, end: float) -> Quality:
        """Of one period. rollouts: that started in it · begin, end: Unix seconds."""
        missing = dict[str, str]()
        found = self._findings(end)
        if found is None:
            missing["security_vulnerabilities"] = f"no `pilotage ready` with findings: readiness.evidence.{_SECURITY}"
        return Quality(
            bugs=self._bugs(begin, end, missing), customers=self._customers(begin, end, missing),
            vulnerabilities=int(found.value) if found else None, checked=found.version if found else "",
            said=self._said(begin, end, missing), documented=self._documented(missing),
            trained=self._trained(end, missing), evidence=_evidence(self._store, rollouts, missing), missing=missing,
        )  # fmt: skip

    @property
    def _store(self) -> Store:
        return self.project.store

    @property
    def _files(self) -> ProjectFiles:
        return ProjectFiles(self.project.folder, float("inf"), self._store.clock.now())

    @property
    def _place(self) -> tuple[str, str]:
        return self.project.loaded.configuration.service, self.environment

    def _findings(self, end: float) -> readings.KeptReading | None:
        """The newest before the end of the period."""
        return next(reversed(readings.kept(self._store.engine, self._place, _SECURITY, end)), None)

    # ── bugs ───────────────────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def _issues(self) -> Mapping[str, tuple[Issue, ...]] | str:
        """By label; or why there are none."""
        section = self.project.loaded.configuration.report.issues
        if section is None:
            return "not connected: report.issues"
        try:
            token = resolve(section.token).reveal() if section.token else ""
            place = CodeRepository(
                kind=section.code_host, repository=section.repository, url=section.url, token=token
            )  # fmt: skip
            labels = dict.fromkeys(label for label in (section.bug_label, section.customer_label) if label)
            return {label: issues_since(place, label, self.begin) for label in labels}
        except AdapterError as error:
            return str(error)

    def _bugs(self, begin: float, end: float, missing: dict[str, str]) -> Part | None:
        section, issues = self.project.loaded.configuration.report.issues, self._issues
        if section is None or isinstance(issues, str):
            missing["bug_escape_rate"] = str(issues)
            return None
        bugs = [one for one in issues[section.bug_label] if begin <= one.at < end]
        escaped = [one for one in bugs if section.found_label not in one.labels]
        return Part(hits=len(escaped), n=len(bugs))

    def _customers(self, begin: float, end: float, missing: dict[str, str]) -> int | None:
        """Users' reports of problems that nobody dismissed, and the tracker's issues of customers."""
        configuration, issues = self.project.loaded.configuration, self._issues
        harm = [ReportKind.HARM]
        ours = reports.listed(
            self._store.engine, *self._place[:1], harm, self.environment, "", begin, end, _MOST_REPORTS
        )
        count = sum(one.state is not ReportState.DISMISSED for one in ours)
        label = configuration.report.issues.customer_label if configuration.report.issues else None
        if label and not isinstance(issues, str):
            return count + sum(begin <= one.at < end for one in issues[label])
        if configuration.intake is None and not count:
            missing["customer_reported_issues"] = "not connected: intake, or report.issues.customer_label"
            return None
        return count

    # ── the team ───────────────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def _survey(self) -> tuple[SurveyAnswer, ...] | str:
        name = self.project.loaded.configuration.report.survey
        try:
            return survey_of(self.project.folder, name) if name else ()
        except AdapterError as error:
            return str(error)

    def _said(self, begin: float, end: float, missing: dict[str, str]) -> Mapping[str, Score]:
        """By question, in the quarter up to the end of the period: from the file, or from the intake server's form."""
        since = min(begin, end - _QUARTER)
        if isinstance(self._survey, str):
            missing["team_satisfaction"] = self._survey
            return {}
        marks: dict[str, list[int]] = {}
        for one in self._survey:
            if since <= one.at < end:
                marks.setdefault(one.question, []).append(one.value)
        found = {question: _score(values) for question, values in marks.items()} or {
            question: Score(mean=rated.mean, n=rated.count)
            for question, rated in reports.team_rated(self._store.engine, self._place[0], since, end).items()
            if rated.count
        }
        if "team_satisfaction" not in found:
            missing["team_satisfaction"] = "no answers this quarter: intake's form, or report.survey"
        return found

    @cached_property
    def _training(self) -> tuple[Training, ...] | str:
        """From the file of `report.training`, or else from the people that readiness asks for."""
        configuration = self.project.loaded.configuration
        name, evidence = configuration.report.training, configuration.readiness and configuration.readiness.evidence
        listed = evidence.get(_SUPPORT) if evidence else None
        try:
            if name:
                return training_of(self.project.folder, name)
            if listed is not None and listed.people:
                return _of_people(self._files, listed.people)
        except (AdapterError, BadEvidence) as error:
            return str(error)
        return f"not connected: report.training, or readiness.evidence.{_SUPPORT}.people"

    def _trained(self, end: float, missing: dict[str, str]) -> Part | None:
        if isinstance(self._training, str):
            missing["skill_development"] = self._training
            return None
        if not self._training:
            missing["skill_development"] = "the file of report.training is empty"
            return None
        return Part(hits=sum(one.at is not None and one.at < end for one in self._training), n=len(self._training))

    @cached_property
    def _runbooks(self) -> str:
        """The text of all runbooks that readiness knows, in lower case."""
        section = self.project.loaded.configuration.readiness
        named = [path for item in (section.evidence.values() if section else ()) for path in item.runbooks]
        return "\n".join(_texts(self._files, named)).lower()

    def _documented(self, missing: dict[str, str]) -> Part | None:
        alerts = self.plan.alerts
        if not self._runbooks or not alerts:
            missing["knowledge_sharing"] = "no runbooks: readiness.evidence.runbook_documentation.runbooks"
            return None
        named = [
            one for one in alerts if one.title.lower() in self._runbooks or rule_name(one).lower() in self._runbooks
        ]
        return Part(hits=len(named), n=len(alerts))


def _score(values: Sequence[int]) -> Score:
    return Score(
        mean=statistics.fmean(values), n=len(values), deviation=statistics.stdev(values) if len(values) > 1 else None
    )


def _of_people(folder: ProjectFiles, name: str) -> tuple[Training, ...]:
    content, document = folder.read(name)
    days = ((one.name, one.day) for one in people_in(content, document.path))
    return tuple(
        Training(person=who, topic=_SUPPORT, at=datetime.combine(day, time(), UTC).timestamp() if day else None)
        for who, day in days
    )


def _texts(folder: ProjectFiles, named: Sequence[str]) -> Iterator[str]:
    for name in named:
        try:
            paths = folder.listed(name)
            yield from (folder.read(path)[0].decode(errors="replace") for path in paths)
        except BadEvidence:
            continue  # `pilotage ready` says what is wrong with it


def _evidence(store: Store, rollouts: Sequence[RolloutSummary], missing: dict[str, str]) -> Part | None:
    """Readiness items of all rollouts that had evidence; a waiver is none."""
    passed = whole = 0
    for rollout in rollouts:
        checked = next((e.what for e in store.events(rollout.id) if isinstance(e.what, ReadinessChecked)), None)
        if checked is not None:
            asked = checked.gate_count - len(checked.not_required)
            passed, whole = passed + asked - len(checked.waivers), whole + asked
    if not whole:
        missing["process_adherence"] = "no rollout of this time was checked: readiness"
        return None
    return Part(hits=passed, n=whole)
