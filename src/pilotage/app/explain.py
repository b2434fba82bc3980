"""Why a rollout is where it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pilotage.app.project import Project
from pilotage.report.explanation import explain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pilotage.model.record import Recorded, Rollout


@dataclass(frozen=True, kw_only=True)
class Explained:
    """sentences: the answer first, then the numbers, then how it came to be."""

    rollout: Rollout
    events: Sequence[Recorded]
    sentences: Sequence[str]


def explained(project: Project, environment: str | None, rollout: str | None) -> Explained:
    """A rollout by its id, or the last one of an environment. Raises Unclear, Unreadable."""
    found = project.rollout(environment, rollout)
    recorded = project.records.events(found.id)
    return Explained(rollout=found, events=recorded, sentences=explain(found, recorded))
