"""Why a rollout is where it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pilotage.app.instance_logs import logs_of
from pilotage.app.project import Project
from pilotage.app.shown import shown
from pilotage.render.lines import local_clock
from pilotage.report.explanation import Explanation, explain
from pilotage.report.verdicts import meaningful
from pilotage.rollout.deadlines import awaited

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pilotage.model.live import SeenVerdict
    from pilotage.model.record import Recorded, Rollout


@dataclass(frozen=True, kw_only=True)
class Explained:
    rollout: Rollout
    events: Sequence[Recorded]
    explanation: Explanation
    verdicts: Sequence[SeenVerdict]
    """Those of the last look that say anything."""


def explained(project: Project, environment: str | None, rollout: str | None) -> Explained:
    """A rollout by its id, or the last one of an environment. Raises Unclear, Unreadable."""
    found = shown(project, environment, rollout)
    recorded = project.records.events(found.id)
    logs = logs_of(project.directory, found.service, found.environment, found.version)
    told = explain(
        found, recorded, local_clock, now=project.clock.now(), logs=logs, due=awaited(found.plan, found.state)
    )
    return Explained(rollout=found, events=recorded, explanation=told, verdicts=meaningful(found))
