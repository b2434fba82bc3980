"""The fact sheet of a retrospective: figures against targets, and their trends over six periods (R25)."""

from __future__ import annotations

from datetime import date, timedelta

from pilotage.app.periods import Report, gathered, span_of
from pilotage.app.plan import PlanRequest, plan_for
from pilotage.app.project import Project
from pilotage.app.quality import QualitySources
from pilotage.app.reports import deployments_of, period_of, rollouts_of, told_of
from pilotage.app.repository import git_here
from pilotage.engine.records.followups import actions_of
from pilotage.model.output.reports import RetrospectiveOutput
from pilotage.model.plan import Plan
from pilotage.render.report_outputs import document_output
from pilotage.report.dora import dora_of
from pilotage.report.quality import PERIODS, PeriodFigures
from pilotage.report.retro import Facts, fact_sheet


def retrospective(project: Project, environment: str | None, since: str, until: date | None) -> Report:
    """The fact sheet and the agenda of a retrospective. Raises BadSpan."""
    name, service = project.environment(environment), project.loaded.configuration.service
    period = gathered(project, name, since, until)
    plan = plan_for(project.loaded, name, PlanRequest("next"))
    first, last = span_of(project.clock, since, until, project.loaded.configuration.calendar.timezone)
    periods = _periods(project, name, plan, first, last)
    facts = Facts(
        service, name, period.span, period.dora, period.told, actions_of(project.store.engine, service),
        project.today.isoformat(), periods[-1].quality, periods, period.said, period.asked,
    )  # fmt: skip
    document = fact_sheet(facts, plan.retrospective)
    return Report(document=document, output=RetrospectiveOutput(retrospective=document_output(document)))


def _periods(project: Project, environment: str, plan: Plan, first: date, last: date) -> tuple[PeriodFigures, ...]:
    """Six periods of the same length, oldest first; the last is from `first` to `last`."""
    configuration, store = project.loaded.configuration, project.store
    zone, length = configuration.calendar.timezone, (last - first).days + 1
    ends = [
        period_of(first - timedelta(days=back * length), last - timedelta(days=back * length), zone)
        for back in range(PERIODS - 1, -1, -1)
    ]
    rollouts = rollouts_of(store, configuration.service, environment)
    deployments = deployments_of(store, rollouts, git_here(project), ends[0][0])
    sources = QualitySources(project, environment, plan, ends[0][0])
    found = []
    for begin, end in ends:
        within = [one for one in rollouts if begin <= (one.started_at or one.created_at) < end]
        found.append(
            PeriodFigures(
                dora=dora_of(deployments, begin, end), told=told_of(store, within, zone),
                quality=sources.of(within, begin, end),
            )
        )  # fmt: skip
    return tuple(found)
