"""Practising a rollback: a version is released, reaches users, and is rolled back."""

from __future__ import annotations

import time
from dataclasses import dataclass

from pilotage.app.deploy import deploy
from pilotage.app.known_risk import planned
from pilotage.app.plan import PlanRequest
from pilotage.app.project import Project, Unclear
from pilotage.app.requests import DeployRequest
from pilotage.model.errors import PilotageError
from pilotage.model.record import Rollout
from pilotage.model.rollout import CommandKind, Status

DRILL = "a drill"
"""The reason of a rollback that was practised."""


class StillRunning(PilotageError):
    """`--timeout` passed before the rollout ended. The rollout continues."""

    exit_status, http_status = 6, 504


class NotUndone(PilotageError):
    """The drill did not end with a complete rollback. Look at the rollout."""

    exit_status, http_status = 5, 500


@dataclass(frozen=True, kw_only=True)
class Drilled:
    """seconds: from the start of the rollback to its end · allowed: by the plan, seconds."""

    rollout: str
    environment: str
    seconds: float
    allowed: float


def drill_rollback(project: Project, actor: str, environment: str | None, wish: PlanRequest, timeout: float) -> Drilled:
    """environment: None for `readiness.staging`, or the only one. timeout: seconds. Raises Unclear, StillRunning,
    NotUndone, and what `deploy` raises."""
    place, store = _place(project, environment), project.store
    if not store.serving(project.loaded.configuration.service, place):
        raise Unclear(f"no version serves {place} yet, so there is nothing to roll back to: deploy there first")
    plan = planned(project, place, wish)
    started = deploy(project, actor, DeployRequest(plan=plan))
    if started.rollout is None or not started.fresh:
        raise Unclear(f"{started.sentence}: use another version for the drill")
    project.warn(started.sentence)
    project.ensure_worker()
    until = time.monotonic() + timeout
    reached = _until(project, started.rollout.id, until, reached=True)
    if not reached.state.status.final:
        store.command(reached.id, CommandKind.ROLLBACK, actor, DRILL)
        project.ensure_worker()
        reached = _until(project, reached.id, until, reached=False)
    if reached.state.status is not Status.ROLLED_BACK:
        raise NotUndone(f"{reached.version} is {reached.state.status}: {reached.state.reason}")
    took, allowed = _took(project, reached), plan.rollback.timeout
    return Drilled(rollout=reached.id, environment=place, seconds=took, allowed=allowed)


def _place(project: Project, environment: str | None) -> str:
    section = project.loaded.configuration.readiness
    return project.environment(environment or (section.staging if section else None))


def _until(project: Project, identity: str, until: float, *, reached: bool) -> Rollout:
    """The rollout when users have its version, or, with `reached` off, when it has ended."""
    while time.monotonic() < until:
        rollout = project.store.get(identity)
        if rollout.state.status.final or (reached and rollout.state.reached > 0):
            return rollout
        time.sleep(0.1)
    raise StillRunning("timed out; the rollout continues: follow it with `pilotage watch`")


def _took(project: Project, rollout: Rollout) -> float:
    """Seconds from the start of the rollback to its end, by its own events."""
    from pilotage.model.events import RollbackStarted, RolledBack

    at = {type(event.what): event.at for event in project.store.events(rollout.id)}
    return at[RolledBack] - at[RollbackStarted]
