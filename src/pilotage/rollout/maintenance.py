"""A service that is closed for a big-bang release: what its router shows, and for how long it may stay so."""

from __future__ import annotations

from pilotage.model.maintenance import way_forward
from pilotage.model.quantity import format_duration
from pilotage.model.rollout import Observed
from pilotage.model.traffic import WHOLE, Split
from pilotage.rollout.turn import Tick


def is_shut(seen: Observed) -> bool:
    return seen.split is not None and seen.split.closed


def open_for(version: str) -> Split:
    return Split(((version, WHOLE),))


def closed_for(version: str) -> Split:
    return Split(((version, WHOLE),), closed=True)


def what_router_shows(turn: Tick) -> str:
    return f"the router shows {'the maintenance page' if is_shut(turn.seen) else 'the service'}"


def over_window(turn: Tick, closed: float) -> str:
    """Why the way forward must end, in words; empty while it may take longer. closed: seconds so far.

    The window must leave the way back its time: what is closed may end in a restore.
    """
    window = turn.plan.number("big_bang.maintenance_window")
    if closed < way_forward(window, turn.plan.rollback.timeout):
        return ""
    left = format_duration(max(0, round(window - closed)))
    return (
        f"the service is closed for {format_duration(round(closed, 1))} of the {format_duration(window)} of "
        f"big_bang.maintenance_window, and the {left} that are left belong to the way back"
    )
