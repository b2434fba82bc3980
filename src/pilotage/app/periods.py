"""Reports about a time and an incident: documents, and the same as data for machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

from pilotage.adapters.figures import values_of
from pilotage.adapters.ports import AdapterError
from pilotage.app.forecasts import forecasts_of
from pilotage.app.project import Project
from pilotage.app.reports import deployments_of, dora_from_tags, period_of, rollouts_of, told_of
from pilotage.app.repository import git_here
from pilotage.app.said import said_between
from pilotage.engine.records.followups import actions_of
from pilotage.model.clock import Clock, today
from pilotage.model.document import Document
from pilotage.model.errors import Invalid
from pilotage.model.output.base import Output
from pilotage.model.quantity import parse_duration
from pilotage.render.report_outputs import dora_output, period_output
from pilotage.report.dora import dora_of
from pilotage.report.period import dora_document, report_of
from pilotage.report.told import Business, Period, Reader

_FIRST_YEAR = 1970
_LONGEST = 365 * 1000
"""Days: more than any records have."""


class BadSpan(Invalid):
    """The start or end of a period is not a date or a duration."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """A document for people, and the same for programs."""

    document: Document
    output: Output


def period_report(project: Project, environment: str | None, since: str, until: date | None, reader: str) -> Report:
    """What a time was like. reader: executive, technical or business. Raises BadSpan."""
    name = project.environment(environment)
    period = gathered(project, name, since, until)
    if Reader(reader) is Reader.TECHNICAL:
        as_of = min(period.dora.until, project.clock.now())
        period = replace(period, forecasts=forecasts_of(project, name, as_of, reads_git=True))
    document = report_of(period, Reader(reader))
    return Report(document=document, output=period_output(document, period))


def dora_report(project: Project, environment: str | None, since: str, until: date | None) -> Report:
    """DORA's five figures of an environment. Raises BadSpan."""
    name = project.environment(environment)
    period = gathered(project, name, since, until)
    document = dora_document(period.dora, f"{period.service} in {name}", period.span, period.told)
    return Report(document=document, output=dora_output(period.dora, period.told))


def dora_report_from_tags(
    project: Project, repository: Path | None, pattern: str, since: str, until: date | None, paths: Sequence[str] = ()
) -> Report:
    """What a repository's tags alone tell. paths: of one package. Raises BadSpan, BadPattern, AdapterError."""
    folder = repository or project.folder
    first, last = span_of(project.clock, since, until, "UTC")
    made = dora_from_tags(folder, *period_of(first, last, "UTC"), pattern, paths)
    document = dora_document(made, folder.resolve().name, f"{first} to {last} (UTC)", ())
    return Report(document=document, output=dora_output(made, ()))


def span_of(clock: Clock, since: str, until: date | None, zone: str) -> tuple[date, date]:
    """The first and the last day; one that is still to come would thin out every figure. Raises BadSpan."""

    now = today(clock, zone)
    last = min(until or now, now)
    if last.year < _FIRST_YEAR:
        raise BadSpan(f"{last} is before there were releases to report on", where="--until")
    try:
        first = date.fromisoformat(since)
    except ValueError:
        pass
    else:
        if first.year < _FIRST_YEAR:
            raise BadSpan(f"{first} is before there were releases to report on", where="--since")
        if first > last:
            raise BadSpan(f"the period ends before it begins: {first} to {last}", where="--since")
        return first, last
    try:
        days = float(parse_duration(since)) / 86400
    except ValueError:
        raise BadSpan(f"{since!r} is not a date such as 2026-11-01 or a period such as 30d", where="--since") from None
    return max(last - timedelta(days=min(max(0, round(days) - 1), _LONGEST)), date(_FIRST_YEAR, 1, 1)), last


def gathered(project: Project, environment: str, since: str, until: date | None) -> Period:
    """What the records say of a time. since: a day, or so long ago · until: the last day; None for today. Raises
    BadSpan."""
    configuration = project.loaded.configuration
    zone = configuration.calendar.timezone
    first, last = span_of(project.clock, since, until, zone)
    begin, end = period_of(first, last, zone)
    rollouts = rollouts_of(project.store, configuration.service, environment)
    dora = dora_of(deployments_of(project.store, rollouts, git_here(project), begin), begin, end)
    within = [r for r in rollouts if begin <= (r.started_at or r.created_at) < end]
    told = told_of(project.store, within, zone)
    open_ = tuple(
        f"{a.id}: {a.description} ({a.owner}, due {a.due})"
        for a in actions_of(project.store.engine, configuration.service, open_only=True)
    )
    span = f"{first.isoformat()} to {last.isoformat()} ({zone})"
    business = _business(project, begin, end)
    asked = configuration.intake is not None
    said = said_between(project.store, configuration.service, environment, begin, end)
    return Period(configuration.service, environment, span, dora, told, business, open_, said, asked)


def _business(project: Project, begin: float, end: float) -> tuple[Business, ...]:
    folder = project.folder
    found = []
    for section in project.loaded.configuration.report.business_metrics:
        try:
            now = values_of(section, folder, begin, end)
            then = values_of(section, folder, 2 * begin - end, begin)
        except AdapterError as error:
            found.append(Business(section.name, error=str(error)))
            continue
        means = [sum(values) / len(values) if values else None for values in (now, then)]
        missing = "" if now else "no readings in this period"
        found.append(Business(section.name, means[0], means[1], len(now), len(then), missing))
    return tuple(found)
