"""What the public may know: which services are healthy, what hurt and for how long, what is planned. No inner
reasons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
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
from pilotage.model.seen_day import SeenDay
from pilotage.report.harm import harm_began, tells_of_harm, well_again
from pilotage.report.status_days import Day, DayState, days_of


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
    concerns users · began: Unix seconds of its start."""

    id: str
    service: str
    version: str
    final: bool
    closed: bool
    events: tuple[Happened, ...]
    last: float = 0.0
    began: float | None = None


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
    said: newest first · report: the address at which users report a problem; empty without one · history: by service,
    what is known of each of the last days."""

    title: str
    services: tuple[Service, ...]
    incidents: tuple[PublicIncident, ...]
    planned: tuple[Planned, ...]
    made: float
    checked: float = 0.0
    said: tuple[Said, ...] = ()
    report: str = ""
    history: Mapping[str, tuple[Day, ...]] = field(default_factory=dict)


def status_of(
    title: str, services: Sequence[str], rollouts: Sequence[Rollout], planned: Sequence[Planned], now: float,
    seen: Mapping[str, Seen] | None = None, said: Sequence[Said] = (),
    counted: Mapping[str, Mapping[date, SeenDay]] | None = None,
) -> StatusPage:  # fmt: skip
    """services: in the order of the page · rollouts: of late, oldest first · seen: by service, who answers users now;
    what is not in it is not observed; None to believe the rollouts · said: announcements of late · counted: by service,
    what was seen on the days before."""
    incidents = tuple(i for rollout in rollouts if (i := incident_of(rollout)))
    nobody = Seen() if seen is None else Seen(unseen=True)
    days = {name: (counted or {}).get(name, {}) for name in services}
    served = {name: any(day.good for day in days[name].values()) for name in services}
    conditions = tuple(
        _service(name, rollouts, incidents, (seen or {}).get(name, nobody), served=served[name]) for name in services
    )  # fmt: skip
    at = max((*map(_end, rollouts), *(one.at for one in said)), default=0.0)
    coming = tuple(p for p in sorted(planned, key=lambda p: p.at) if p.at > now)
    newest = tuple(sorted(said, key=lambda one: one.at, reverse=True))
    return StatusPage(
        title, conditions, tuple(reversed(incidents)), coming, at, now - now % _MINUTE, newest,
        history={one.name: _history(one, days[one.name], rollouts, incidents, now) for one in conditions},
    )  # fmt: skip


_PRESENT: Mapping[Condition, DayState] = {
    Condition.OPERATIONAL: DayState.GOOD, Condition.RELEASING: DayState.GOOD, Condition.DEGRADED: DayState.DEGRADED,
    Condition.MAINTENANCE: DayState.MAINTENANCE, Condition.DOWN: DayState.DOWN, Condition.UNKNOWN: DayState.UNSEEN,
}  # fmt: skip


def _history(
    service: Service, counted: Mapping[date, SeenDay], rollouts: Sequence[Rollout], incidents: Sequence[PublicIncident],
    now: float,
) -> tuple[Day, ...]:  # fmt: skip
    hurt = [(one.began, one.ended or now) for one in incidents if one.service == service.name]
    watched = [
        (one.began, _end(one) if one.final else now) for one in rollouts if one.service == service.name and one.began
    ]
    return days_of(counted, hurt, watched, now, _PRESENT[service.condition])


def _end(rollout: Rollout) -> float:
    return max(rollout.last, rollout.events[-1].at if rollout.events else 0.0)


def _service(
    name: str, rollouts: Sequence[Rollout], incidents: Sequence[PublicIncident], seen: Seen, *, served: bool
) -> Service:
    """What was seen goes before what was recorded: records say what was so once. served: whether it is known that it
    ever answered; while its first version is on its way, nobody misses it."""
    found = _condition(name, rollouts, incidents)
    if seen.down and found is not Condition.MAINTENANCE:
        known = served or seen.down_since is not None or any(r.final for r in rollouts if r.service == name)
        return Service(name, Condition.DOWN, seen.down_since) if known else Service(name, Condition.UNKNOWN)
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
