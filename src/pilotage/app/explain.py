"""Why a rollout is where it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pilotage.adapters.git import Git
from pilotage.adapters.ports import AdapterError
from pilotage.app.instance_logs import logs_of
from pilotage.app.project import Project
from pilotage.app.repository import git_anyway
from pilotage.app.shown import shown
from pilotage.model.status import Status
from pilotage.model.timestamp import local_deadline
from pilotage.render.lines import local_clock
from pilotage.report.explanation import Explanation, explain
from pilotage.report.remedies import SourceChange
from pilotage.report.verdicts import meaningful
from pilotage.rollout.deadlines import awaited

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pilotage.model.live import SeenVerdict
    from pilotage.model.record import Recorded, Rollout


_MOST_FILES = 2_000


@dataclass(frozen=True, kw_only=True)
class Explained:
    rollout: Rollout
    events: Sequence[Recorded]
    explanation: Explanation
    verdicts: Sequence[SeenVerdict]
    """Those of the last look that say anything."""


def explained(
    project: Project, environment: str | None, rollout: str | None,
    clock: Callable[[float], str] = local_clock, deadline: Callable[[float, float], str] = local_deadline,
) -> Explained:  # fmt: skip
    """A rollout by its id, or the last one of an environment. clock, deadline: as of `explain`. Raises Unclear,
    Unreadable."""
    found = shown(project, environment, rollout)
    recorded = project.records.events(found.id)
    logs = logs_of(project.directory, found.service, found.environment, found.version)
    told = explain(
        found,
        recorded,
        clock,
        now=project.clock.now(),
        logs=logs,
        due=awaited(found.plan, found.state),
        source=source_change(git_anyway(project, found.service), found.old, found.version)
        if found.status is not Status.COMPLETED
        else None,
        deadline=deadline,
    )
    return Explained(rollout=found, events=recorded, explanation=told, verdicts=meaningful(found))


def source_change(git: Git, old: str | None, new: str) -> SourceChange | None:
    """What git knows of the change from one version to another; None where it does not know both."""
    try:
        first, last = git.tag_of(old or ""), git.tag_of(new)
        if not first or not last:
            return None
        mine = git.scope.paths.pathspecs
        names = git.run("diff", "--name-only", f"{first}..{last}", "--", *mine).splitlines()[:_MOST_FILES]
        commits = len(git.commits_between(first, last))
    except AdapterError:
        return None
    ends = (name.removeprefix("refs/tags/") for name in (first, last))
    return SourceChange(range="..".join(ends), commits=commits, files=tuple(names))
