"""Promoting: what has proven itself in one environment is deployed to the next one."""

from __future__ import annotations

from dataclasses import dataclass

from pilotage.app.project import Project, Unclear
from pilotage.model.errors import Conflict, NotReady
from pilotage.model.events import PromotedFrom, StabilityConfirmed, StabilityLost, parse
from pilotage.model.quantity import format_duration
from pilotage.model.record import RolloutSummary
from pilotage.model.status import Mode, Status
from pilotage.model.timestamp import local_deadline, timestamp

_LOOKED_AT = 200
"""Rollouts of an environment among which the one is looked for that brought what serves there."""


class NotProven(NotReady):
    """What serves in the environment before has not proven itself there yet."""


class StillUnderWay(Conflict):
    """A rollout is under way in the environment before, so nobody knows yet what to promote."""


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """source: the environment before · rollout: the one that brought the version there · completed: Unix seconds."""

    version: str
    source: str
    rollout: str
    completed: float

    @property
    def event(self) -> PromotedFrom:
        return PromotedFrom(
            version=self.version, source=self.source, rollout=self.rollout, completed=timestamp(self.completed)
        )

    @property
    def sentence(self) -> str:
        return self.event.sentence


def promotion(
    project: Project, source: str, target: str, *, version: str | None = None, baked: float = 0.0
) -> Promotion:
    """What serves all users of `source`, as it may be deployed to `target`.

    version: what the caller expects there; None for whatever it is · baked: seconds since its rollout completed.
    Raises Unclear, StillUnderWay, NotProven.
    """
    source = project.environment(source)
    if source == target:
        raise Unclear(f"{target} cannot be promoted to itself: name another environment after --from, or with -e")
    service, store = project.loaded.configuration.service, project.store
    newest = store.newest(service, source)
    if newest is not None and not newest.status.final:
        raise StillUnderWay(f"{newest.version} is {newest.status} in {source}: wait until it has completed there")
    serving = store.serving(service, source)
    if not serving:
        raise NotProven(f"no version serves {source} yet: deploy one with `pilotage deploy VERSION -e {source}`")
    if version is not None and version != serving[0]:
        raise NotProven(f"{source} serves {serving[0]}, not {version}: deploy {version} to {source} first")
    brought = _brought(store.history(service, source, _LOOKED_AT), serving[0])
    if brought is None or brought.finished_at is None:
        raise NotProven(f"no completed rollout of {serving[0]} to {source} is on record: deploy it there again")
    _check_stable(project, newest)
    _check_baked(project, brought, baked)
    return Promotion(version=serving[0], source=source, rollout=brought.id, completed=brought.finished_at)


def _brought(history: tuple[RolloutSummary, ...], version: str) -> RolloutSummary | None:
    """The completed rollout that brought the version; of several the newest. A quick return to it proves nothing new,
    so the one before counts, if it is on record."""
    completed = [r for r in history if r.version == version and r.status is Status.COMPLETED and not r.dark]
    return next((r for r in completed if r.mode is not Mode.FAST_RETURN), completed[0] if completed else None)


def _check_stable(project: Project, newest: RolloutSummary | None) -> None:
    """What served again after a rollback was watched: it may have failed, too."""
    lost = ""
    for recorded in project.store.events(newest.id) if newest else ():
        match parse(recorded.type, recorded.data):
            case StabilityLost():
                lost = recorded.sentence
            case StabilityConfirmed():
                lost = ""
            case _:
                pass
    if lost:
        raise NotProven(lost)


def _check_baked(project: Project, brought: RolloutSummary, baked: float) -> None:
    assert brought.finished_at is not None
    now = project.clock.now()
    if (passed := now - brought.finished_at) < baked:
        until = local_deadline(brought.finished_at + baked, now)
        raise NotProven(
            f"{brought.version} has served {brought.environment} for {format_duration(max(0, int(passed)))}, and bakes "
            f"for {format_duration(baked)}: promote it after {until}"
        )
