"""Waves of tenants (R33): which cohort a weight means, who keeps the version when one wave fails, and its day.

A weight of a plan with waves is what the members are expected to be of all users. Whatever works with weights keeps
working; here a weight becomes the cohort that a router is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from pilotage.model.observation import Verdict
from pilotage.model.plan import Plan
from pilotage.model.probe import PROBE
from pilotage.model.progress import CanaryProgress
from pilotage.model.rollout import Hold, HoldCause, Mode, Observed, RolloutState, Status
from pilotage.model.traffic import WHOLE, Cohort, Split, split_between
from pilotage.model.wave import Wave, WaveUndo, digest_of, levels
from pilotage.rollout.canaries import METRIC
from pilotage.rollout.sight import healthy
from pilotage.rollout.turn import FORWARD, Tick

# ── which cohort ───────────────────────────────────────────────────────────────────────────────────────────


def cohort_at(plan: Plan, version: str, weight: int) -> Cohort | None:
    """The members of the first waves that are at least `weight` per mille together; None for nobody and for everybody,
    and in a plan without waves."""
    if plan.tenancy is None or not 0 < weight < WHOLE:
        return None
    return _cohort(plan.tenancy.header, version, plan.waves, weight)


@lru_cache(maxsize=64)
def _cohort(header: str, version: str, waves: tuple[Wave, ...], weight: int) -> Cohort | None:
    """Kept, because a look of a rollout asks for it every second, and there may be thousands of members."""
    chosen = waves[: next(index for index, level in enumerate(levels(waves), 1) if level >= weight)]
    if any(wave.rest for wave in chosen):
        return None
    members = tuple(sorted(member for wave in chosen for member in wave.members))
    return Cohort(header=header, version=version, digest=digest_of(members), size=len(members), members=members)


def split_at(plan: Plan, state: RolloutState, seen: Observed, weight: int) -> Split:
    """Requests at a weight, between both versions.

    A weight between two waves comes about while stable cannot carry all of its users again. From a cohort the larger
    of the two is kept, so that no user gets what goes back; from everybody, users go back by chance.
    """
    cohort = cohort_at(plan, state.new, weight)
    if cohort is None or state.old is None:
        return split_between(state.new, weight, state.old)
    level = next(one for one in levels(plan.waves) if one >= weight)
    if level != weight and (seen.split is None or seen.split.cohort is None):
        return split_between(state.new, weight, state.old)
    return Split(((state.new, level), (state.old, WHOLE - level)), cohort=cohort)


# ── what one wave takes back ───────────────────────────────────────────────────────────────────────────────


def keeps(turn: Tick) -> int:
    """Per mille of users who keep the version when the users that came last go back to stable; 0 where all go back."""
    plan, state, split = turn.plan, turn.state, turn.seen.split
    alone = plan.tenancy is not None and plan.tenancy.undo is WaveUndo.FAILED and state.mode is Mode.FULL
    if not alone or split is None or state.status not in FORWARD or not plan.setting("rollback.enabled").value:
        return 0
    now = split.weight(state.new)
    return max((weight for weight in _steps(plan) if weight < now), default=0)


def _steps(plan: Plan) -> tuple[int, ...]:
    """Per mille of users at each step that sends waves: where a group of waves ends."""
    last = {wave.step: level for wave, level in zip(plan.waves, levels(plan.waves), strict=True)}
    return tuple(last.values())


def may_be_of_one_wave(failed: Sequence[Verdict]) -> bool:
    """Whether all of it may lie in what some users do. A probe asks what every user would meet, and an instance that is
    not ready serves all of them."""
    return not any(v.metric.startswith(PROBE) or v.metric == METRIC for v in failed)


def kept(state: RolloutState) -> int:
    """Per mille of users who have the version although it is withdrawn, from other waves than the one that failed."""
    return state.kept


def lose_them(turn: Tick) -> None:
    """Users who kept the version go back, too, while none of its instances is healthy."""
    seen, state = turn.seen, turn.state
    if kept(state) and seen.instances is not None and not healthy(seen, state.new) and healthy(seen, state.old):
        turn.set(progress=CanaryProgress(), returned=False)


# ── how far each is ────────────────────────────────────────────────────────────────────────────────────────


def state_of(plan: Plan, state: RolloutState, name: str) -> str:
    """What the users of a wave have in a rollout, in a few words."""
    wave, level = next((w, lev) for w, lev in zip(plan.waves, levels(plan.waves), strict=True) if w.name == name)
    sent = next(index for index, step in enumerate(plan.steps) if step.id == wave.step)
    match state.status:
        case Status.COMPLETED:
            return f"has {state.new}"
        case Status.ROLLING_BACK | Status.ROLLED_BACK | Status.FAILED:
            return f"back on {state.old}" if state.step >= sent else f"stays on {state.old}"
        case Status.WITHDRAWN if level > kept(state):
            return f"withdrawn to {state.old}" if state.step >= sent else "waits"
        case _ if state.step > sent:
            return f"has {state.new}"
        case _:
            return "starts" if state.step == sent else "waits"


# ── its day ────────────────────────────────────────────────────────────────────────────────────────────────


def hold_for_the_day(turn: Tick) -> Hold | None:
    """A wave does not start before the day that its users were told."""
    if turn.state.mode is not Mode.FULL or not turn.plan.waves:
        return None
    following = turn.plan.steps[turn.state.step + 1].id
    waves = [wave for wave in turn.plan.waves if wave.step == following and wave.not_before]
    late = max((wave.not_before for wave in waves if wave.not_before), default=None)
    if late is None or late.timestamp() <= turn.state.at:
        return None
    names = " and ".join(wave.name for wave in waves)
    return Hold(HoldCause.WAVE_DAY, f"its users were told that {names} starts on {late:%Y-%m-%d %H:%M %Z}")
