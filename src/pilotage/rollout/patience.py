"""How long trouble is tolerated: it adds up, good time pays it back slowly, and a hold ends only once things stay good.

A canary that is unhealthy every other second is unhealthy half of the time. Its hold neither ends between two such
seconds nor starts to wait from zero. Each cause has its own account, so alternating causes cannot wait for ever either.
"""

from __future__ import annotations

from dataclasses import replace

from pilotage.model.rollout import HoldCause, RolloutState, Status, Trouble

LEAST_CALM = 5.0
"""Seconds for which health must be good before a hold for it ends: several looks, and several health checks, agree."""
MOST_CALM = 60.0
"""Seconds after which it counts as recovered, however long it was bad before."""
PAID_BACK = 1 / 9
"""Seconds of trouble that a good second pays back. Trouble for more than a tenth of the time uses up the patience,
whatever its rhythm; a restart a week leaves no trace."""

COMES_AND_GOES = (
    HoldCause.CANARY_UNHEALTHY,
    HoldCause.STABLE_UNHEALTHY,
    HoldCause.ROUTER_UNREACHABLE,
    HoldCause.FLAGS_UNREACHABLE,
    HoldCause.SOURCE_ERROR,
)
"""What can be good for a second and bad again. It must stay good, and what it cost is remembered in later steps; of
other causes each step has its own account, because the end of one is an answer."""

_SIGHT = (HoldCause.ROUTER_UNREACHABLE, HoldCause.FLAGS_UNREACHABLE, HoldCause.SOURCE_ERROR)
"""Causes that say nothing about the release. Before the first user has it, such a hold ends immediately: a fleet and a
router that are starting answer when they can."""


def attended(state: RolloutState, passed: float) -> tuple[Trouble, ...]:
    """The accounts after `passed` more seconds; time in a pause does not count."""
    if state.status not in (Status.PROGRESSING, Status.HOLDING):
        return state.troubles
    aged = (_aged(one, passed) for one in state.troubles)
    return tuple(one for one in aged if one.here or one.told or one.spent > 0)


def _aged(one: Trouble, passed: float) -> Trouble:
    if one.here:
        return replace(one, spent=one.spent + passed)
    return replace(one, calm=one.calm + passed, spent=max(0.0, one.spent - passed * PAID_BACK))


def of(state: RolloutState, cause: HoldCause) -> Trouble | None:
    return next((one for one in state.troubles if one.cause is cause), None)


def met(state: RolloutState, cause: HoldCause | None) -> tuple[Trouble, ...]:
    """The accounts at a look with this cause; None: at a look without trouble."""
    found = of(state, cause) if cause else None
    others = tuple(replace(one, here=False) for one in state.troubles if one.cause is not cause)
    if cause is None:
        return others
    return (*others, replace(found, here=True, calm=0.0) if found else _opened(state, cause))


def _opened(state: RolloutState, cause: HoldCause) -> Trouble:
    """A new account. A hold that an earlier version of Pilotage began has none yet, and continues as long as it
    would."""
    hold = state.hold if state.status is Status.HOLDING else None
    if hold is None or hold.cause is not cause:
        return Trouble(cause=cause)
    return Trouble(cause=cause, spent=hold.held, told=True)


def told(state: RolloutState, cause: HoldCause) -> tuple[Trouble, ...]:
    """The accounts once people know this cause."""
    return tuple(replace(one, told=True) if one.cause is cause else one for one in state.troubles)


def settled(state: RolloutState) -> bool:
    """Whether a hold's cause has been gone for as long as it lasted, within the bounds above."""
    open_ = (one for one in state.troubles if one.told and one.cause in COMES_AND_GOES)
    return all(one.calm >= _wanted(state, one) for one in open_)


def _wanted(state: RolloutState, one: Trouble) -> float:
    if one.cause in _SIGHT and not state.reached:
        return 0.0
    return min(MOST_CALM, max(LEAST_CALM, one.spent))


def closed(state: RolloutState) -> tuple[Trouble, ...]:
    """The accounts when the hold is over."""
    return tuple(replace(one, told=False, here=False) for one in state.troubles)


def carried_on(state: RolloutState) -> tuple[Trouble, ...]:
    """The accounts with which the next step starts."""
    return tuple(one for one in closed(state) if one.cause in COMES_AND_GOES)
