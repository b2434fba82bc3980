"""What the public may know: which services are healthy, what hurt and for how long, what is planned. No inner
reasons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pilotage.model.events import (
    Completed,
    Failed,
    HoldEnded,
    InterventionRequired,
    Occurrence,
    Promoted,
    RetryStarted,
    RollbackStarted,
    RolledBack,
    StepRestarted,
    TrafficRestored,
    TrafficWithdrawn,
)
from pilotage.model.output.published import (
    IncidentUpdate,
    PublicAnnouncement,
    PublicIncidentOutput,
    ScheduledRelease,
    ServiceCondition,
    StatusPageOutput,
)
from pilotage.model.timestamp import timestamp
from pilotage.report.harm import harm_began, tells_of_harm, well_again


class Condition(StrEnum):
    OPERATIONAL = "operational"
    RELEASING = "releasing"
    DEGRADED = "degraded"
    MAINTENANCE = "maintenance"
    DOWN = "down"
    UNKNOWN = "unknown"


_MINUTE = 60.0

WORDS: Mapping[Condition, str] = {
    Condition.OPERATIONAL: "Operational",
    Condition.RELEASING: "Release in progress",
    Condition.DEGRADED: "Some requests may fail",
    Condition.MAINTENANCE: "Closed for maintenance",
    Condition.DOWN: "Not available",
    Condition.UNKNOWN: "Not observed",
}


@dataclass(frozen=True)
class Happened:
    """An event of a rollout. at: Unix seconds."""

    at: float
    what: Occurrence


@dataclass(frozen=True)
class Rollout:
    """One rollout, with its events in order. final: whether it is over · last: Unix seconds of its last event that
    concerns users."""

    id: str
    service: str
    version: str
    final: bool
    closed: bool
    events: tuple[Happened, ...]
    last: float = 0.0


@dataclass(frozen=True)
class Update:
    """template: the text, before it names the service."""

    at: float
    state: str
    text: str
    template: str = ""


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
class Said:
    """An announcement for the page. at: Unix seconds at which it was published."""

    id: str
    at: float
    title: str
    text: str


@dataclass(frozen=True)
class Seen:
    """Who serves users of a service, as last observed. down_since: Unix seconds, None if its end was not observed ·
    unseen_since: Unix seconds of the last look at a service that is no longer observed."""

    down: bool = False
    down_since: float | None = None
    unseen: bool = False
    unseen_since: float | None = None


@dataclass(frozen=True)
class Service:
    """since: Unix seconds since when it has been down or unobserved; None in any other condition, or if unknown."""

    name: str
    condition: Condition
    since: float | None = None


@dataclass(frozen=True)
class StatusPage:
    """made: Unix seconds of the last event · checked: of the last look at whether services answer, to the minute ·
    said: newest first · report: the address at which users report a problem; empty without one."""

    title: str
    services: tuple[Service, ...]
    incidents: tuple[PublicIncident, ...]
    planned: tuple[Planned, ...]
    made: float
    checked: float = 0.0
    said: tuple[Said, ...] = ()
    report: str = ""


def status_of(
    title: str, services: Sequence[str], rollouts: Sequence[Rollout], planned: Sequence[Planned], now: float,
    seen: Mapping[str, Seen] | None = None, said: Sequence[Said] = (),
) -> StatusPage:  # fmt: skip
    """services: in the order of the page · rollouts: of late, oldest first · seen: by service, who answers users now;
    a service that is not in it is believed to be as its rollouts say · said: announcements of late."""
    incidents = tuple(i for rollout in rollouts if (i := incident_of(rollout)))
    conditions = tuple(_service(name, rollouts, incidents, (seen or {}).get(name, Seen())) for name in services)
    ends = (max(r.last, r.events[-1].at if r.events else 0.0) for r in rollouts)
    at = max((*ends, *(one.at for one in said)), default=0.0)
    coming = tuple(p for p in sorted(planned, key=lambda p: p.at) if p.at > now)
    newest = tuple(sorted(said, key=lambda one: one.at, reverse=True))
    return StatusPage(title, conditions, tuple(reversed(incidents)), coming, at, now - now % _MINUTE, newest)


def _service(name: str, rollouts: Sequence[Rollout], incidents: Sequence[PublicIncident], seen: Seen) -> Service:
    """What was seen goes before what was recorded: records say what was so once."""
    found = _condition(name, rollouts, incidents)
    if seen.down and found is not Condition.MAINTENANCE:
        return Service(name, Condition.DOWN, seen.down_since)
    return Service(name, Condition.UNKNOWN, seen.unseen_since) if seen.unseen else Service(name, found)


def _condition(name: str, rollouts: Sequence[Rollout], incidents: Sequence[PublicIncident]) -> Condition:
    if any(i.service == name and i.ended is None for i in incidents):
        return Condition.DEGRADED
    running = [r for r in rollouts if r.service == name and not r.final]
    if any(r.closed for r in running):
        return Condition.MAINTENANCE
    return Condition.RELEASING if running else Condition.OPERATIONAL


def incident_of(rollout: Rollout) -> PublicIncident | None:
    """An incident for users who met a bad version: from the first harm known until they had a good one again."""
    updates: list[Update] = []
    ended: float | None = None
    exposed = True
    for index, event in enumerate(rollout.events):
        exposed = _exposed_after(event.what, exposed)
        found = _update(event.what, is_open=bool(updates) and ended is None, began=bool(updates))
        if found is None or (not exposed and found[0] != "resolved" and not isinstance(event.what, Failed)):
            continue
        if not updates and harm_began(_moments(rollout.events[: index + 1])) is None:
            continue
        state, words = found
        if updates and words == updates[-1].template:
            continue
        if ended is not None and isinstance(event.what, RollbackStarted) and _all_well(rollout.events[:index]):
            continue  # traffic left the new version before, and users had their incident until then
        if updates and updates[-1].at == event.at and ended is None:
            if state == "investigating":
                continue  # one look found it and acted: the public is told what is being done
            if state == "identified":
                updates.pop()
        updates.append(Update(event.at, state, words.format(service=rollout.service), words))
        ended = event.at if state == "resolved" else None
    began = harm_began(_moments(rollout.events)) if updates else None
    if began is None:
        return None
    title = f"{rollout.service}: some requests failed"
    return PublicIncident(rollout.id, rollout.service, began, ended, title, tuple(updates))


def _exposed_after(what: Occurrence, before: bool) -> bool:
    """Whether users can meet the new version: a rollback of one that was withdrawn already harms nobody."""
    match what:
        case TrafficRestored(partly=False) | RolledBack():
            return False
        case RetryStarted() | Promoted() | StepRestarted(traffic_restored=True):
            return True
        case _:
            return before


def _update(what: Occurrence, *, is_open: bool, began: bool) -> tuple[str, str] | None:
    """What an event adds to the incident, with the words for it; None where it adds nothing."""
    match what:
        case RollbackStarted() | TrafficWithdrawn():
            return "identified", _GOING_BACK
        case InterventionRequired() if is_open or tells_of_harm(what):
            return "investigating", _FOUND
        case TrafficRestored() | RolledBack() if is_open:
            return "resolved", _RESTORED
        case HoldEnded() if is_open:
            return "resolved", _RECOVERED
        case Completed() if is_open:
            return "resolved", _COMPLETED
        case Failed() if began:
            return "identified", _FAILED
        case _ if tells_of_harm(what):
            return "investigating", _FOUND
        case _:
            return None


def _all_well(events: Sequence[Happened]) -> bool:
    return well_again(_moments(events)) is not None


def _moments(events: Sequence[Happened]) -> Iterator[tuple[float, Occurrence]]:
    return ((event.at, event.what) for event in events)


_FOUND = "A new version of {service} causes problems for some users. We are investigating."
_GOING_BACK = "A new version of {service} caused problems for some users. We are undoing the change."
_RESTORED = "The change is undone: {service} works as before."
_RECOVERED = "The problems with the new version of {service} are over."
_COMPLETED = "The new version of {service} serves all requests."
_FAILED = "The rollback is taking longer than expected. Our engineers are working on it."


def output_of(page: StatusPage) -> StatusPageOutput:
    """The page for programs."""
    return StatusPageOutput(
        title=page.title,
        updated_at=timestamp(page.made),
        checked_at=timestamp(page.checked),
        services=tuple(
            ServiceCondition(name=one.name, condition=one.condition.value, since=timestamp(one.since))
            for one in page.services
        ),
        incidents=tuple(_incident(incident) for incident in page.incidents),
        scheduled=tuple(
            ScheduledRelease(id=one.id, scheduled_for=timestamp(one.at), title=one.title, text=one.text)
            for one in page.planned
        ),
        announcements=tuple(
            PublicAnnouncement(id=one.id, published_at=timestamp(one.at), title=one.title, text=one.text)
            for one in page.said
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
