"""Reports over all environments of a service: one table where nobody named one of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

from pilotage.app.incidents import UNDONE
from pilotage.app.periods import Report, gathered
from pilotage.app.project import Project
from pilotage.model.document import Document, Section
from pilotage.model.output.reports import OverviewOutput
from pilotage.render.report_outputs import document_output
from pilotage.report.dora import Dora
from pilotage.report.dora_section import shown

_MOST = 200


def period_overview(
    project: Project, environments: Sequence[str], since: str, until: date | None, command: str
) -> Report:
    """DORA's metrics by environment. command: what shows one of them whole. Raises BadSpan."""
    periods = [gathered(project, name, since, until) for name in environments]
    titles = tuple(figure.title for figure in periods[0].dora.figures)
    rows = tuple((period.environment, str(len(period.told)), *_values(period.dora)) for period in periods)
    title = f"{periods[0].service} in {', '.join(environments)}, {periods[0].span}"
    lead = f"Run `pilotage {command} -e {environments[0]}` for one environment."
    section = Section("environments", "Environments", (), ("environment", "rollouts", *titles), rows)
    return _report(Document(title, (lead,), (section,)))


def incident_overview(project: Project, environments: Sequence[str]) -> Report:
    """Every rollout of these environments that was rolled back or failed, newest first."""
    service, store = project.loaded.configuration.service, project.store
    found = [one for name in environments for one in store.history(service, name, limit=_MOST)]
    undone = sorted((one for one in found if one.status in UNDONE), key=lambda one: -one.created_at)
    rows = tuple(
        (
            one.id, f"{datetime.fromtimestamp(one.started_at or one.created_at, UTC):%Y-%m-%d %H:%M} UTC",
            one.environment, one.version, one.status.value, one.reason,
        )
        for one in undone
    )  # fmt: skip
    lead = "Run `pilotage incident ROLLOUT` for the report of one." if rows else "Nothing was rolled back or failed."
    headers = ("rollout", "started", "environment", "version", "status", "reason")
    section = Section("incidents", "Incidents", (), headers, rows)
    return _report(Document(f"{service} in {', '.join(environments)}", (lead,), (section,) if rows else ()))


def _report(document: Document) -> Report:
    return Report(document=document, output=OverviewOutput(overview=document_output(document)))


def _values(dora: Dora) -> tuple[str, ...]:
    return tuple(shown(figure, figure.value) for figure in dora.figures)
