"""What went wrong, and what is left to do: incidents, follow-ups and users' reports that a reader may see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pilotage.app.grid import Sees
from pilotage.app.incidents import UNDONE
from pilotage.app.project import Project
from pilotage.engine.records import undone as rows
from pilotage.model.errors import Invalid
from pilotage.model.followup import FollowUp
from pilotage.model.record import RolloutSummary
from pilotage.model.report import Report

_MOST = 200


@dataclass(frozen=True, kw_only=True)
class OpenAction:
    """A follow-up. late: its day is over."""

    service: str
    action: FollowUp
    late: bool


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """incidents: rollouts that were undone, newest first · actions: by the day on which they are due · reports: of
    problems that nobody has decided · feedback: newest first."""

    incidents: tuple[RolloutSummary, ...]
    actions: tuple[OpenAction, ...]
    reports: tuple[Report, ...]
    feedback: tuple[Report, ...]

    @property
    def late(self) -> int:
        return sum(one.late for one in self.actions)


def trouble(project: Project, sees: Sees) -> Trouble:
    engine, anywhere = project.store.engine, _anywhere(project, sees)
    try:
        today = project.today.isoformat()
    except Invalid:
        today = f"{project.moment:%Y-%m-%d}"
    return Trouble(
        incidents=tuple(
            one for one in rows.undone_rollouts(engine, UNDONE, _MOST) if sees(one.service, one.environment)
        ),
        actions=tuple(
            OpenAction(service=service, action=action, late=action.overdue(today))
            for service, action in rows.open_followups(engine) if anywhere(service)
        ),
        reports=tuple(one for one in rows.open_reports(engine, _MOST) if sees(one.service, one.environment)),
        feedback=tuple(one for one in rows.newest_feedback(engine, 50) if sees(one.service, one.environment)),
    )  # fmt: skip


def _anywhere(project: Project, sees: Sees) -> Callable[[str], bool]:
    """Whether the reader sees any environment of a service."""
    try:
        known = project.names.environments
    except Invalid:
        known = {}
    return lambda service: sees(service, "") or any(sees(service, name) for name in known.get(service, ()))
