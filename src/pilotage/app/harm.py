"""What users say, for operators: report, list, confirm and dismiss problems; read feedback; ask the team."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pilotage.app.commands import Answer, submit
from pilotage.app.intake_links import TEAM
from pilotage.app.permissions import Permission
from pilotage.app.project import Project, Unclear
from pilotage.app.requests import CommandRequest
from pilotage.app.snapshot import channels_of
from pilotage.engine.records import outbox, reports
from pilotage.model.message import Message, Severity
from pilotage.model.record import RolloutSummary
from pilotage.model.report import LONGEST, Report, ReportKind, ReportSource, ReportState
from pilotage.model.rollout import CommandKind
from pilotage.model.text import plain


@dataclass(frozen=True, kw_only=True)
class Confirmed:
    """answer: of the worker, where a rollout was in progress · advice: what to do where none was."""

    report: Report
    answer: Answer | None = None
    advice: str = ""


def report_harm(
    project: Project, actor: str, environment: str | None, version: str, text: str, request: str = ""
) -> int:
    """Keep a problem that a user told somebody about; returns its number. Raises Unclear for an unknown version."""
    from pilotage.app.intake import versions_of

    service, place = project.place(environment)
    project.require(actor, Permission.REPORT, place)
    known = versions_of(project, service, place)
    if version not in known:
        raise Unclear(f"users of {place} have no version {version!r}; it has {', '.join(known) or 'none yet'}")
    report = Report(
        service=service, environment=place, version=version, source=ReportSource.PERSON,
        text=plain(text, LONGEST), request=request, at=project.clock.now(),
    )  # fmt: skip
    number = reports.add(project.store.engine, report)
    assert number is not None
    project.ensure_worker()
    return number


def harm_reports(project: Project, environment: str | None, version: str = "", *, every: bool) -> Sequence[Report]:
    """Reports of problems, newest first. every: decided ones, too."""
    service = project.service_name
    found = reports.listed(project.store.engine, service, [ReportKind.HARM], environment or "", version)
    return [one for one in found if every or one.state is ReportState.OPEN]


def feedback(project: Project, environment: str | None, version: str = "") -> Sequence[Report]:
    """Ratings with their words, newest first."""
    return reports.listed(project.store.engine, project.service_name, [ReportKind.FEEDBACK], environment or "", version)


def dismiss(project: Project, actor: str, number: int, reason: str) -> Report:
    """A report counts no longer. Raises UnknownReport, AlreadyDecided."""
    project.require(actor, Permission.DECIDE_REPORT)
    engine, now = project.store.engine, project.clock.now()
    return reports.decide(engine, project.service_name, number, ReportState.DISMISSED, actor, reason, now)


def confirm(project: Project, actor: str, number: int, reason: str) -> Confirmed:
    """The problem is real: if the version is rolling out, it is rolled back. Said again, it is ordered again. Raises
    UnknownReport, AlreadyDecided."""
    project.require(actor, Permission.DECIDE_REPORT)
    engine, now = project.store.engine, project.clock.now()
    try:
        report = reports.decide(engine, project.service_name, number, ReportState.CONFIRMED, actor, reason, now)
    except reports.AlreadyDecided as error:
        if error.report.state is not ReportState.CONFIRMED:
            raise
        report = error.report
    rollout = project.store.newest(report.service, report.environment)
    if rollout is None or rollout.status.final or report.version not in ("", rollout.version):
        return Confirmed(report=report, advice=_advice(report, rollout))
    words = f"report {number}" + (f": {reason}" if reason else "")
    request = CommandRequest(kind=CommandKind.CONFIRM, environment=report.environment, reason=words)
    return Confirmed(report=report, answer=submit(project, actor, request))


def _advice(report: Report, rollout: RolloutSummary | None) -> str:
    if rollout is None or not rollout.status.final:
        return f"{report.version or 'nothing'} is not rolling out, so nothing is rolled back"
    return f"{rollout.version} is {rollout.status}: to return to its predecessor, run `pilotage rollback`"


def invitations(project: Project, actor: str, count: int) -> tuple[str, ...]:
    """Links to the team's survey, each for one answer. Raises NoIntake."""
    from pilotage.app.intake import intake_of

    project.require(actor, Permission.REPORT)
    section, now = intake_of(project), project.clock.now()
    tokens = reports.invite(project.store.engine, project.service_name, section.environment, count, now)
    return tuple(f"{section.url.rstrip('/')}/{TEAM}/{token}" for token in tokens)


# ── who hears of it ────────────────────────────────────────────────────────────────────────────────────────


def tell_operators(project: Project, report: Report) -> None:
    """The first report about a rollout, or of a day without one, is a message. What it says stays in the store."""
    rollout = project.store.newest(report.service, report.environment)
    day = datetime.fromtimestamp(report.at, UTC).date().isoformat()
    about = day if rollout is None or rollout.status.final else rollout.id
    thread = f"reports/{report.service}/{report.environment}/{about}"
    what = f"{report.service} {report.version}".strip()
    message = Message(
        thread, thread, "user-report", Severity.WARNING, f"{what}: a user reports a problem",
        "Read it with `pilotage harm list`. If it is real, `pilotage harm confirm NUMBER` rolls the release back.",
        report.at, report.service, report.environment, report.version,
    )  # fmt: skip
    outbox.post_once(project.store.engine, message, channels_of(project.whole), report.at)
