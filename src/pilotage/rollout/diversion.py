"""While no instance of the new version is healthy, stable serves its users, so they do not suffer from the wait.

The rollout holds and rolls back at the hold's timeout. Users get the same weight back once the new version stays
healthy. If some of its instances are healthy, these carry the weight. The judge is not asked.
"""

from __future__ import annotations

from dataclasses import replace

from pilotage.model.events import TrafficDiverted, TrafficResumed
from pilotage.model.rollout import Diversion, HoldCause, RolloutState
from pilotage.model.traffic import percent
from pilotage.rollout.patience import LEAST_CALM
from pilotage.rollout.sight import alive, healthy
from pilotage.rollout.turn import FORWARD, Tick


def attended(state: RolloutState, passed: float) -> Diversion | None:
    """The diversion after `passed` more seconds."""
    diverted = state.diverted
    return replace(diverted, calm=diverted.calm + passed) if diverted and diverted.well else diverted


def divert(turn: Tick) -> None:
    """Begin or end it, by what was seen."""
    state, seen = turn.state, turn.seen
    if state.status not in FORWARD or state.old is None:
        turn.set(diverted=None)
    elif seen.instances is None:
        return
    elif state.diverted is None:
        share = seen.split.weight(state.new) if seen.split else 0
        if share and not healthy(seen, state.new) and healthy(seen, state.old):
            turn.set(diverted=Diversion(share=share))
            turn.tell(TrafficDiverted(version=state.new, weight_percent=percent(share)))
    else:
        _mind(turn, state.diverted)


def _mind(turn: Tick, diverted: Diversion) -> None:
    state, seen = turn.state, turn.seen
    well = healthy(seen, state.new)
    if not well or well < len(alive(seen, state.new)):
        turn.set(diverted=Diversion(share=diverted.share))
    elif not diverted.well:
        turn.set(diverted=replace(diverted, well=True))
    if well and not healthy(seen, state.old):
        _end(turn, diverted)  # nothing else could serve
    elif diverted.well and diverted.calm >= LEAST_CALM and not _holds_for_it(state):
        _end(turn, diverted)


def _holds_for_it(state: RolloutState) -> bool:
    """The hold requires more than this if it was unhealthy for long."""
    return state.hold is not None and state.hold.cause is HoldCause.CANARY_UNHEALTHY


def _end(turn: Tick, diverted: Diversion) -> None:
    turn.set(diverted=None)
    turn.tell(TrafficResumed(version=turn.state.new, weight_percent=percent(diverted.share)))
