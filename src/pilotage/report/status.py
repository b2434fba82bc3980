"""What the public may know: which services are well, what hurt and for how long, what is planned. No inner reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pilotage.model.events import (
    Completed,
    Failed,
    InterventionRequired,
    Occurrence,
    RollbackStarted,
    RolledBack,
    StepStarted,
    TrafficRestored,
    TrafficWithdrawn,
)
from pilotage.model.output.published import (
    IncidentUpdate,
    PublicIncidentOutput,
    ScheduledRelease,
    ServiceCondition,
    StatusPageOutput,
)
from pilotage.model.timestamp import timestamp


class Condition(StrEnum):
    OPERATIONAL = "operational"
    RELEASING = "releasing"
    DEGRADED = "degraded"
    MAINTENANCE = "maintenance"


WORDS: Mapping[Condition, str] = {
    Condition.OPERATIONAL: "Operational",
    Condition.RELEASING: "Release in progress",
    Condition.DEGRADED: "Some requests may fail",
    Condition.MAINTENANCE: "Closed for maintenance",
}


@dataclass(frozen=True)
class Happened:
    """An event of a rollout. at: Unix seconds."""

    at: float
    what: Occurrence


@dataclass(frozen=True)
class Rollout:
    """One, with its events in order. final: it is over · last: Unix seconds of its last event, where those that told
    users nothing are left out."""

    id: str
    service: str
    version: str
    final: bool
    closed: bool
    events: tuple[Happened, ...]
    last: float = 0.0


@dataclass(frozen=True)
class Update:
    at: float
    state: str
    text: str


@dataclass(frozen=True)
class PublicIncident:
    """ended: None while it lasts."""

    id: str
    service: str
    began: float
    ended: float | None
    title: str
    updates: tuple[Update, ...]


@dataclass(frozen=True)
class Planned:
    """id, when, and what is announced of it."""

    id: str
    at: float
    title: str
    text: str


@dataclass(frozen=True)
class StatusPage:
    """made: Unix seconds, to the second of the last event, so that the same facts make the same page."""

    title: str
    services: tuple[tuple[str, Condition], ...]
    incidents: tuple[PublicIncident, ...]
    planned: tuple[Planned, ...]
    made: float


def status_of(
    title: str, services: Sequence[str], rollouts: Sequence[Rollout], planned: Sequence[Planned], now: float
) -> StatusPage:
    """services: in the order of the page · rollouts: of late, oldest first."""
    incidents = tuple(i for rollout in rollouts if (i := incident_of(rollout)))
    conditions = tuple((name, _condition(name, rollouts, incidents)) for name in services)
    at = max((max(r.last, r.events[-1].at if r.events else 0.0) for r in rollouts), default=0.0)
    coming = tuple(p for p in sorted(planned, key=lambda p: p.at) if p.at > now)
    return StatusPage(title, conditions, tuple(reversed(incidents)), coming, at)


def _condition(name: str, rollouts: Sequence[Rollout], incidents: Sequence[PublicIncident]) -> Condition:
    if any(i.service == name and i.ended is None for i in incidents):
        return Condition.DEGRADED
    running = [r for r in rollouts if r.service == name and not r.final]
    if any(r.closed for r in running):
        return Condition.MAINTENANCE
    return Condition.RELEASING if running else Condition.OPERATIONAL


def incident_of(rollout: Rollout) -> PublicIncident | None:
    """An incident for users who met a bad version: from the decision to go back until users had the good one again."""
    updates: list[Update] = []
    began = ended = None
    met = False
    for event in rollout.events:
        match event.what:
            case StepStarted(weight_percent=weight) if weight:
                met = True
            case RollbackStarted() | TrafficWithdrawn() | InterventionRequired() if began is None and met:
                began = event.at
                updates.append(Update(event.at, "investigating", _FOUND.format(service=rollout.service)))
            case TrafficRestored() | RolledBack() | Completed() if began is not None and ended is None:
                ended = event.at
                updates.append(Update(event.at, "resolved", _RESOLVED.format(service=rollout.service)))
            case Failed() if began is not None:
                ended = None
                updates.append(Update(event.at, "identified", _FAILED))
    if began is None:
        return None
    return PublicIncident(
        rollout.id, rollout.service, began, ended, f"{rollout.service}: some requests failed", tuple(updates)
    )


_FOUND = "A new version of {service} caused problems for some users. We are rolling back to the previous version."
_RESOLVED = "The previous version of {service} serves all requests again."
_FAILED = "The rollback is taking longer than expected. Our engineers are working on it."


def output_of(page: StatusPage) -> StatusPageOutput:
    """The page for programs."""
    return StatusPageOutput(
        title=page.title,
        updated_at=timestamp(page.made),
        services=tuple(ServiceCondition(name=name, condition=condition.value) for name, condition in page.services),
        incidents=tuple(_incident(incident) for incident in page.incidents),
        scheduled=tuple(
            ScheduledRelease(id=one.id, scheduled_for=timestamp(one.at), title=one.title, text=one.text)
            for one in page.planned
        ),
    )


def _incident(one: PublicIncident) -> PublicIncidentOutput:
    return PublicIncidentOutput(
        id=one.id,
        service=one.service,
        title=one.title,
        started_at=timestamp(one.began),
        resolved_at=timestamp(one.ended),
        updates=tuple(
            IncidentUpdate(created_at=timestamp(update.at), state=update.state, text=update.text)
            for update in one.updates
        ),
    )
