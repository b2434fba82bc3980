"""When users met harm in a rollout, and when they were healthy again, from its events.

Every report counts from the same moments: the incident document, the public page, DORA's recovery. Harm starts when
users first met it, as far as is known, and not when the judge was sure or someone decided.
"""

from __future__ import annotations

from collections.abc import Iterable

from pilotage.model.events import (
    HoldStarted,
    InstanceExited,
    InterventionRequired,
    Occurrence,
    Promoted,
    RetryStarted,
    RollbackStarted,
    RolledBack,
    StepRestarted,
    StepStarted,
    TrafficRestored,
    TrafficWithdrawn,
    VerdictChanged,
)
from pilotage.model.observation import VerdictKind
from pilotage.model.rollout import HoldCause
from pilotage.model.timestamp import moment

NO_HARM = ("command", "timeout", "check", "store", "stuck")
"""Causes of a rollback that by themselves say nothing of harm to users."""

DECIDING = tuple(
    one.type for one in (
        HoldStarted, InstanceExited, InterventionRequired, Promoted, RetryStarted, RollbackStarted, RolledBack,
        StepRestarted, StepStarted, TrafficRestored, TrafficWithdrawn, VerdictChanged,
    )
)  # fmt: skip
"""Types of the events that these functions look at: the others need not be read."""

_DATED = VerdictChanged | HoldStarted | TrafficWithdrawn | RollbackStarted | InterventionRequired


def harm_began(events: Iterable[tuple[float, Occurrence]]) -> float | None:
    """Unix seconds; None where no harm to users is known. events: Unix seconds and event, in order."""
    found, exposed = list[float](), False
    for at, what in events:
        exposed = exposed or (isinstance(what, StepStarted) and what.weight_percent > 0)
        dated = moment(what.harm_started_at) if isinstance(what, _DATED) else None
        if dated is not None:
            found.append(min(dated, at))
        elif exposed and tells_of_harm(what):
            found.append(at)
    return min(found, default=None)


def tells_of_harm(what: Occurrence) -> bool:
    """Whether users of the new version are worse off, as this event says."""
    match what:
        case VerdictChanged(verdict=VerdictKind.FAIL) | TrafficWithdrawn() | InstanceExited():
            return True
        case HoldStarted(cause=cause, harm_started_at=dated):
            return bool(dated) or cause is HoldCause.DEGRADED
        case RollbackStarted(cause=cause) | InterventionRequired(cause=cause):
            return cause not in NO_HARM
        case _:
            return False


def well_again(events: Iterable[tuple[float, Occurrence]]) -> float | None:
    """Since when no user has reached the bad version, Unix seconds; None while some may."""
    found: float | None = None
    for at, what in events:
        match what:
            case TrafficRestored() | RolledBack():
                found = at if found is None else found
            case RetryStarted() | Promoted() | StepRestarted(traffic_restored=True):
                found = None
            case _:
                pass
    return found


def exposure(events: Iterable[tuple[float, Occurrence]], end: float, *, since: float = 0.0) -> float:
    """Seconds after `since` in which users could reach the new version. end: of the events, where they still can."""
    total, began = 0.0, None
    for at, what in events:
        match what:
            case StepStarted(weight_percent=weight) if weight > 0 and began is None:
                began = at
            case RetryStarted() | Promoted() | StepRestarted(traffic_restored=True) if began is None and total:
                began = at
            case TrafficRestored() | RolledBack() if began is not None:
                total, began = total + max(0.0, at - max(began, since)), None
            case _:
                pass
    return total + (0.0 if began is None else max(0.0, end - max(began, since)))
