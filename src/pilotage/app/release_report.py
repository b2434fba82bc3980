"""The report of one release, from its records and from where the service's and the business's figures are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pilotage.adapters import registry
from pilotage.adapters.figures import prometheus_range, readings_of
from pilotage.adapters.ports import AdapterError
from pilotage.app.adoption import adoption_of
from pilotage.app.incidents import UNDONE
from pilotage.app.periods import Report
from pilotage.app.project import Project
from pilotage.app.reports import clock, deployments_of, rollouts_of, told_of
from pilotage.app.repository import git_here
from pilotage.engine.records import reports
from pilotage.engine.records.followups import actions_of
from pilotage.engine.records.store import Store
from pilotage.model.capabilities import Port
from pilotage.model.document import Document
from pilotage.model.errors import Invalid
from pilotage.model.events import StepStarted
from pilotage.model.output.release_report import ImpactOutput, ReleaseReportOutput
from pilotage.model.plan import StepKind
from pilotage.model.quantity import about, parse_duration, percent_of
from pilotage.model.record import RolloutSummary
from pilotage.model.report import BEST, ReportKind
from pilotage.model.rollout import Status
from pilotage.render.report_outputs import document_output
from pilotage.report.dora import dora_of
from pilotage.report.impact import BEFORE, DAY, Impact, Reading, Span, impact_of
from pilotage.report.release import Feedback, ReleaseFacts, release_document
from pilotage.report.told import Reader

if TYPE_CHECKING:
    from pilotage.adapters.alert_series import ServiceSeries
    from pilotage.config.environment import EnvironmentSection
    from pilotage.config.reporting import BusinessSection

_HOUR = 3600.0
_DORA_DAYS = 90
_COMMENTS = 5
_LONGEST_COMMENT = 200
_NO_SERIES = (
    "The figures of the service are not connected. Set `monitoring.prometheus` of the environment, or "
    "`report.performance`"
)


class BadRelease(Invalid):
    """No rollout of this version started here, or the time after it is not a duration."""


def release_report(project: Project, environment: str | None, release: str, after: str, reader: str) -> Report:
    """release: a version or the id of a rollout · after: how long after its completion, such as 7d. Raises BadRelease,
    Unclear."""
    store, name = project.store, project.environment(environment)
    rollout = found_release(project, name, release)
    facts = _facts(project, store, rollout, _seconds(after))
    document = release_document(facts, Reader(reader))
    return Report(document=document, output=_output(facts, rollout, document))


def found_release(project: Project, environment: str, release: str) -> RolloutSummary:
    """The rollout by its id, or the last one of a version that completed, or else the last one. Raises BadRelease."""
    service, store = project.loaded.configuration.service, project.store
    known = rollouts_of(store, service, environment)
    mine = [one for one in known if release in (one.id, one.version)]
    if not mine:
        raise BadRelease(
            f"no rollout in {environment} has the version or id {release!r}; list them with `pilotage history`"
        )
    return next((one for one in reversed(mine) if one.status is Status.COMPLETED), mine[-1])


def _seconds(after: str) -> float:
    try:
        seconds = float(parse_duration(after))
    except ValueError:
        raise BadRelease(f"{after!r} is not a duration such as 7d", where="--after") from None
    if not DAY <= seconds <= BEFORE:
        raise BadRelease(f"must be between 1d and {about(BEFORE)}, got {after}", where="--after")
    return seconds


def _facts(project: Project, store: Store, rollout: RolloutSummary, after: float) -> ReleaseFacts:
    configuration = project.loaded.configuration
    zone, now = configuration.calendar.timezone, project.clock.now()
    (told,) = told_of(store, [rollout], zone)
    started = _began(rollout)
    reached = _reached(store, rollout)
    completed = reached or rollout.finished_at or now
    known = rollouts_of(store, rollout.service, rollout.environment)
    returned = next((_began(one) for one in known if one.old == rollout.version and one.version == rollout.old), None)
    span = Span(started=started, completed=completed, until=min(completed + after, now, returned or now))
    since = completed - _DORA_DAYS * DAY
    dora = dora_of(deployments_of(store, known, git_here(project), since), since, completed + 1)
    facts = ReleaseFacts(
        service=rollout.service, environment=rollout.environment, told=told, type=rollout.kind,
        strategy=rollout.strategy, old=rollout.old or "", actor=rollout.actor, completed=clock(completed, zone),
        days=int((span.until - completed) // DAY), wanted=round(after / DAY),
        next_day=clock(completed + after, zone)[:10] if completed + after > now and not returned else "",
        returned=clock(returned, zone) if returned else "",
        reach=tuple(store.live_views([rollout.id])[rollout.id].requests.items()), dora=dora,
        learned=_learned(store, rollout), feedback=_feedback(store, rollout, span),
    )  # fmt: skip
    if reached is None:
        return replace(facts, days=0, next_day="", reached=False, no_performance="It did not reach all users")
    performance, why_not = _performance(project, rollout.environment, span)
    return replace(
        facts, performance=performance, no_performance=why_not, business=_business(project, span),
        adoption=adoption_of(project.loaded, span.completed, span.until),
        others=_others(known, rollout, span, zone),
    )  # fmt: skip


def _began(rollout: RolloutSummary) -> float:
    return rollout.started_at or rollout.created_at


def _reached(store: Store, rollout: RolloutSummary) -> float | None:
    """When all users had it and its last watch had ended, Unix seconds; with blue-green, before the old environment was
    removed. None if they never had it."""
    for event in store.events(rollout.id):
        if isinstance(event.what, StepStarted) and event.what.kind == StepKind.KEEP and rollout.status not in UNDONE:
            return event.at
    return rollout.finished_at if rollout.status is Status.COMPLETED else None


def _others(known: Sequence[RolloutSummary], rollout: RolloutSummary, span: Span, zone: str) -> tuple[str, ...]:
    """What else was released between the first and the last day of the comparison that could explain a step."""
    return tuple(
        f"{one.version} ({clock(one.finished_at, zone)[:10]})"
        for one in known
        if one.id != rollout.id and one.finished_at is not None and one.reached
        and span.started - 7 * DAY <= one.finished_at < span.until
    )  # fmt: skip


# ── figures ────────────────────────────────────────────────────────────────────────────────────────────────


def _business(project: Project, span: Span) -> tuple[Impact, ...]:
    sections = project.loaded.configuration.report.business_metrics
    read: dict[str, Sequence[Reading] | str] = {one.name: _read(project, one, span) for one in sections}
    return tuple(_impact(one, read, span, len(sections)) for one in sections)


def _read(project: Project, section: BusinessSection, span: Span) -> Sequence[Reading] | str:
    """The readings, or why there are none."""
    try:
        pairs = readings_of(section, project.folder, span.started - BEFORE, span.until, _HOUR)
    except AdapterError as error:
        return str(error)
    return [Reading(at, value) for at, value in pairs]


def _impact(
    section: BusinessSection, read: dict[str, Sequence[Reading] | str], span: Span, tests: int
) -> Impact:  # fmt: skip
    mine, other = read[section.name], read[section.control] if section.control else ()
    for name, found in ((section.name, mine), (section.control or "", other)):
        if isinstance(found, str):
            return Impact(name=section.name, why_not=found if name == section.name else f"{name}: {found}")
    assert not isinstance(mine, str)
    assert not isinstance(other, str)
    made = impact_of(section.name, mine, span, control=other, tests=tests)
    if section.control and made.change is None and not made.days_before:
        made = replace(made, why_not=f"no day has readings of {section.name} and of {section.control}")
    return replace(made, control=section.control or "", higher_is_better=section.higher_is_better)


def _performance(project: Project, environment: str, span: Span) -> tuple[tuple[Impact, ...], str]:
    """Throughput, error rate and response time of the whole service; or why there are none."""
    section = project.loaded.configuration.report.performance
    queries: list[tuple[str, str | None, bool | None]]
    if section is not None:
        base = section.prometheus
        queries = [
            ("throughput", section.throughput, None), ("error rate", section.error_rate, False),
            ("response time", section.response_time, False),
        ]  # fmt: skip
    else:
        there = project.loaded.configuration.environments[environment]
        series = service_series(there)
        if series is None or there.monitoring is None or there.monitoring.prometheus is None:
            return (), f"{_NO_SERIES}."
        base = there.monitoring.prometheus
        queries = [
            ("throughput, requests/s", series.throughput, None), ("error rate", series.error_rate, False),
            ("p95 response time, s", series.response_time, False),
        ]  # fmt: skip
    asked = [(name, query, better) for name, query, better in queries if query]
    return tuple(_of_query(base, one, span, len(asked)) for one in asked), ""


def _of_query(base: str, asked: tuple[str, str, bool | None], span: Span, tests: int) -> Impact:
    name, query, better = asked
    try:
        pairs = prometheus_range(base, query.replace("{window}", "1h"), span.started - BEFORE, span.until, _HOUR)
    except AdapterError as error:
        return Impact(name=name, why_not=str(error), higher_is_better=better)
    found = impact_of(name, [Reading(at, value) for at, value in pairs], span, tests=tests)
    return replace(found, higher_is_better=better)


def service_series(section: EnvironmentSection) -> ServiceSeries | None:
    """The series of all versions together, as the environment's metrics have them in a Prometheus."""
    adapter = registry.find(Port.METRICS, section.metrics.kind)
    return adapter.alert_series("any").service if adapter and adapter.alert_series else None


# ── people ─────────────────────────────────────────────────────────────────────────────────────────────────


def _feedback(store: Store, rollout: RolloutSummary, span: Span) -> tuple[Feedback, ...]:
    """What users said of this version since its start, and of the one before in as much time before it."""
    length = span.until - span.started
    asked = [(rollout.old, span.started - length, span.started)] if rollout.old else []
    asked.append((rollout.version, span.started, span.until))
    found = [one for version, since, until in asked if (one := _said(store, rollout, version, since, until))]
    if found:
        return tuple(found)
    (told,) = told_of(store, [rollout], "UTC")
    measured = [one for one in told.compared if one.metric == "user_satisfaction"]
    return tuple(
        Feedback(version=version, score=score, answers=one.samples)
        for one in measured for version, score in ((rollout.old or "", one.before), (rollout.version, one.after))
    )  # fmt: skip


def _said(store: Store, rollout: RolloutSummary, version: str, since: float, until: float) -> Feedback | None:
    place = (rollout.service, rollout.environment)
    rated = reports.rated(store.engine, place, version, since, until)
    harm = reports.listed(store.engine, place[0], [ReportKind.HARM], place[1], version, since, until)
    words = reports.listed(store.engine, place[0], [ReportKind.FEEDBACK], place[1], version, since, until, _COMMENTS)
    if not rated.count and not harm:
        return None
    return Feedback(
        version=version, score=f"{rated.mean:.2f} of {BEST}" if rated.count else "", answers=rated.count,
        reports=len(harm),
        comments=tuple(" ".join(one.text.split())[:_LONGEST_COMMENT] for one in words if one.text.strip()),
    )  # fmt: skip


def _learned(store: Store, rollout: RolloutSummary) -> tuple[str, ...]:
    return tuple(
        f"action {one.id}: {one.description} ({one.owner}, {f'done {one.done}' if one.done else f'due {one.due}'})"
        for one in actions_of(store.engine, rollout.service)
        if one.release in (rollout.id, rollout.version)
    )


# ── for programs ───────────────────────────────────────────────────────────────────────────────────────────


def _output(facts: ReleaseFacts, rollout: RolloutSummary, document: Document) -> ReleaseReportOutput:
    ended = rollout.finished_at
    return ReleaseReportOutput(
        rollout=rollout.id, version=rollout.version, stable_version=rollout.old or "", type=rollout.kind,
        strategy=rollout.strategy, status=rollout.status.value, duration_seconds=rollout.took,
        finished_at=datetime.fromtimestamp(ended, UTC).isoformat(timespec="seconds") if ended else None,
        days_covered=facts.days, performance=tuple(map(_impact_output, facts.performance)),
        business=tuple(map(_impact_output, facts.business)), report=document_output(document),
    )  # fmt: skip


def _impact_output(one: Impact) -> ImpactOutput:
    change, low, high = (None if share is None else percent_of(share) for share in (one.change, one.low, one.high))
    return ImpactOutput(
        name=one.name, without=one.before, after=one.after, change_percent=change, low_percent=low, high_percent=high,
        days_before=one.days_before, days_after=one.days_after, control=one.control, found=one.found,
        reason=one.why_not,
    )  # fmt: skip
