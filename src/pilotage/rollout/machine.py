"""`decide` looks at what was read back and says what is now, what should be and what happened: for every strategy.

Read it from the top: commands first, then safety, then holds, then the next step. Actions are the whole desired
state, every time, so that a controller that was killed between any two of them converges when it comes back.
The rules numbered here are those of docs/canary.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pilotage.model.answers import DeploymentStrategy
from pilotage.model.observation import CheckStatus, Health, Verdict, VerdictKind
from pilotage.model.plan import Plan, StepKind
from pilotage.model.quantity import format_duration, format_share
from pilotage.model.rollout import (
    Action,
    Check,
    Command,
    Decision,
    Ensure,
    Hold,
    HoldCause,
    Pace,
    RolloutState,
    Seen,
    Status,
)
from pilotage.model.traffic import WHOLE
from pilotage.rollout.big_bang import BIG_BANG
from pilotage.rollout.blue_green import BLUE_GREEN
from pilotage.rollout.canary import CANARY
from pilotage.rollout.checking import checked, unchecked
from pilotage.rollout.commands import first_to_undo, obey
from pilotage.rollout.feature_toggle import FEATURE_TOGGLE
from pilotage.rollout.rolling import ROLLING
from pilotage.rollout.turn import FORWARD, Strategy, Turn, next_step, roll_back

MOST_ATTENDED = 5.0
"""Seconds: the most that one look at the rollout can add to a watch. A jump of the clock, a laptop's sleep or a
controller that was away adds no more than this."""

STRATEGIES: Mapping[DeploymentStrategy, Strategy] = {
    DeploymentStrategy.CANARY: CANARY,
    DeploymentStrategy.BLUE_GREEN: BLUE_GREEN,
    DeploymentStrategy.ROLLING: ROLLING,
    DeploymentStrategy.BIG_BANG: BIG_BANG,
    DeploymentStrategy.FEATURE_TOGGLE: FEATURE_TOGGLE,
}

_JUDGED = (StepKind.ANALYSE, StepKind.BAKE, StepKind.KEEP, StepKind.BATCH)
_EXPOSING = (StepKind.SET_WEIGHT, StepKind.SWITCH, StepKind.BATCH, StepKind.FLAG_RAMP, StepKind.MAINTENANCE)
"""Steps that bring the release to more users, or close the service: none of them begins in a freeze."""


def decide(plan: Plan, state: RolloutState, seen: Seen, commands: Sequence[Command], now: float) -> Decision:
    """The next state, the desired state of the world, and the events of this look. Pure."""
    strategy = STRATEGIES[plan.answers.deployment_strategy]
    turn = Turn(plan, _attended(state, now), seen, strategy, began_at=state.step)
    strategy.note(turn)
    for command in sorted(commands, key=first_to_undo):
        turn.answered.append((command.id, obey(turn, command)))
    if turn.state.status in FORWARD:
        _go_on(turn)
    if turn.state.status is Status.ROLLING_BACK:
        strategy.go_back(turn)
    return Decision(turn.state, desired(plan, turn.state, seen), tuple(turn.events), tuple(turn.answered))


def desired(plan: Plan, state: RolloutState, seen: Seen) -> tuple[Action, ...]:
    """Everything that should be so now, whatever the strategy."""
    actions = list(STRATEGIES[plan.answers.deployment_strategy].desired(plan, state, seen))
    step = plan.steps[state.step]
    if state.status in FORWARD and step.kind is StepKind.CHECK and step.id in seen.hooks:
        actions.append(Check(step.id, state.attempt, state.new))
    actions.extend(Ensure(version, 0) for version in _strays(state, seen))
    return tuple(actions)


def begin(plan: Plan, old: str | None, pace: Pace, author: str = "") -> RolloutState:
    """The state of a rollout that has done nothing yet. Without an old version there is nothing to compare
    with and nothing to go back to: it starts at 100 % (as every peer's first deployment does)."""
    step = 0
    if pace in (Pace.FIRST, Pace.FAST):
        match plan.answers.deployment_strategy:
            case DeploymentStrategy.CANARY:
                # The SCALE step stands just before the first step of its weight.
                first = next(i for i, s in enumerate(plan.steps) if s.weight == WHOLE)
                step = max(0, first - 1)
            case DeploymentStrategy.ROLLING if pace is Pace.FIRST:
                step = max(i for i, s in enumerate(plan.steps) if s.kind is StepKind.BATCH)
            case DeploymentStrategy.BIG_BANG if pace is Pace.FIRST:
                step = next(i for i, s in enumerate(plan.steps) if s.kind is StepKind.REPLACE)
            case _:
                step = 0
    return RolloutState(new=plan.version, old=old, pace=pace, step=step, author=author)


def _strays(state: RolloutState, seen: Seen) -> list[str]:
    """Versions that neither this rollout nor the one before it knows, such as what a failed rollback left behind.
    They stop when this rollout is over: no request has reached them for all of it."""
    if not state.status.final or seen.split is None:
        return []
    running = {i.version for i in seen.instances or ()} - {state.new, state.old}
    return sorted(version for version in running if not seen.split.reaches(version))


def _attended(state: RolloutState, now: float) -> RolloutState:
    passed = min(max(now - state.at, 0.0), MOST_ATTENDED) if state.at else 0.0
    held = replace(state.hold, held=state.hold.held + passed) if state.hold else None
    return replace(
        state,
        at=now,
        waited=state.waited + (passed if state.status is Status.PROGRESSING else 0.0),
        in_status=state.in_status + passed,
        watched=state.watched + (passed if state.status in (Status.PROGRESSING, Status.PAUSED) else 0.0),
        drained=state.drained + (passed if state.out else 0.0),
        hold=held,
    )


def _go_on(turn: Turn) -> None:
    _note_verdicts(turn)
    _guard(turn)
    if turn.state.status is Status.PAUSED:
        _mind_the_pause(turn)
    elif turn.state.status in FORWARD and turn.state.step == turn.began_at:
        _progress(turn)


# ── safety ─────────────────────────────────────────────────────────────────────────────────────────────────


def _note_verdicts(turn: Turn) -> None:
    """Tell of verdicts that start or end trouble; the come and go of pass and inconclusive is no event."""
    before = dict(turn.state.verdicts)
    trouble = {VerdictKind.FAIL.value, VerdictKind.SOURCE_ERROR.value}
    for verdict in turn.seen.verdicts:
        was, now = before.get(verdict.metric), verdict.kind.value
        if was != now and {was, now} & trouble:
            sentence = f"{verdict.metric}: {now}: {verdict.sentence}"
            turn.tell("verdict", sentence, metric=verdict.metric, kind=now)
    turn.set(verdicts=tuple((v.metric, v.kind.value) for v in turn.seen.verdicts))


def _guard(turn: Turn) -> None:
    """What ends a rollout at once, whatever it is doing: a dead canary, a critical limit, harm where the
    answers say so (C1)."""
    dead = [i for i in turn.seen.instances or () if i.version == turn.state.new and i.health is Health.EXITED]
    if dead:
        detail = f": {dead[0].detail}" if dead[0].detail else ""
        turn.tell("instance-died", f"canary instance {dead[0].id} died{detail}", instance=dead[0].id)
        roll_back(turn, f"canary instance {dead[0].id} died{detail}", "instance")
        return
    failed = [v for v in turn.seen.verdicts if v.kind is VerdictKind.FAIL]
    by_itself = bool(turn.plan.setting("limits.rollback_auto").value)
    undo = [v for v in failed if v.critical or (by_itself and v.metric not in turn.state.accepted)]
    if undo:
        roll_back(turn, f"{undo[0].metric}: {undo[0].sentence}", undo[0].metric)


def _mind_the_pause(turn: Turn) -> None:
    if turn.state.in_status >= turn.plan.number("pause.deadline"):
        roll_back(turn, f"{turn.state.reason}, and nobody ended the pause", "deadline")


# ── progress ───────────────────────────────────────────────────────────────────────────────────────────────


def _progress(turn: Turn) -> None:
    if _failed_check(turn):
        return
    hold = _why_hold(turn)
    if hold is None and _done(turn):
        hold = _why_not_begin_the_next(turn)
        if hold is None:
            _end_hold(turn)
            next_step(turn)
            return
    if hold is not None:
        _keep_holding(turn, hold)
        return
    _end_hold(turn)
    if _overdue(turn):
        why = "; ".join(part for part in (_missing(turn), turn.seen.trouble) if part)
        late = f"{turn.step.title}: not so after {format_duration(turn.step.deadline)} ({why})"
        roll_back(turn, late, "deadline")


def _end_hold(turn: Turn) -> None:
    if turn.state.status is Status.HOLDING:
        cause = turn.state.hold.cause.value if turn.state.hold else ""
        turn.tell("hold-ended", "the reason to hold is gone", cause=cause)
        turn.enter(Status.PROGRESSING, hold=None, reason="")


def _failed_check(turn: Turn) -> bool:
    """A check that failed is an answer, not a wait: the release goes back."""
    result = turn.seen.check(turn.step.id, turn.state.attempt)
    if turn.step.kind is not StepKind.CHECK or result is None or result.status is not CheckStatus.FAILED:
        return False
    roll_back(turn, f"{turn.step.title}: the check failed: {result.detail}", "check")
    return True


def _why_not_begin_the_next(turn: Turn) -> Hold | None:
    """A freeze that opened meanwhile, or another service of the release that is behind: nobody else gets it until that
    is over; the way back stays open."""
    following = turn.plan.steps[turn.state.step + 1 : turn.state.step + 2]
    if turn.state.pace is Pace.URGENT or not following or following[0].kind not in _EXPOSING:
        return None
    if turn.seen.freeze:
        return Hold(HoldCause.FREEZE, turn.seen.freeze)
    return Hold(HoldCause.BARRIER, turn.seen.barrier) if turn.seen.barrier else None


def _why_hold(turn: Turn) -> Hold | None:
    """The first reason not to go on, or None."""
    state, seen = turn.state, turn.seen
    if turn.step.kind is StepKind.GATE and not _approved(turn):
        given, wanted = len(state.approvals), int(turn.plan.number("approval.count"))
        return Hold(HoldCause.GATE, f"waiting for {turn.step.title}" + (f" ({given} of {wanted})" if given else ""))
    unread = seen.split is None and (seen.trouble or state.old is not None)
    if unread or seen.instances is None:
        return Hold(HoldCause.ROUTER_UNREACHABLE, seen.trouble or "router or fleet cannot be read")
    if (own := turn.strategy.hold(turn)) is not None:
        return own
    if turn.step.kind in _JUDGED and is_watched(turn.plan, state):
        return _why_hold_on_evidence(turn)
    return None


def _approved(turn: Turn) -> bool:
    return turn.state.pace is not Pace.FULL or len(turn.state.approvals) >= turn.plan.number("approval.count")


def is_watched(plan: Plan, state: RolloutState) -> bool:
    """Whether evidence is waited for here. With the glass broken, only where the fewest users are."""
    if state.pace is Pace.URGENT:
        least = min((s.weight for s in plan.steps if 0 < s.weight < WHOLE), default=0)
        return plan.steps[state.step].weight == least
    return state.pace is Pace.FULL


def _why_hold_on_evidence(turn: Turn) -> Hold | None:
    open_verdicts = [v for v in turn.seen.verdicts if v.metric not in turn.state.accepted]
    by_kind = {kind: [v for v in open_verdicts if v.kind is kind] for kind in VerdictKind}

    def because(cause: HoldCause, verdicts: list[Verdict]) -> Hold:
        return Hold(cause, "; ".join(f"{v.metric}: {v.sentence}" for v in verdicts))

    if by_kind[VerdictKind.FAIL]:
        return because(HoldCause.DEGRADED, by_kind[VerdictKind.FAIL])
    if by_kind[VerdictKind.SOURCE_ERROR]:
        return because(HoldCause.SOURCE_ERROR, by_kind[VerdictKind.SOURCE_ERROR])
    if turn.state.watched < watch_of(turn) or turn.step.kind is StepKind.KEEP:
        return None
    if not turn.seen.verdicts:
        return Hold(HoldCause.INSUFFICIENT_DATA, "no verdict yet")
    if by_kind[VerdictKind.INSUFFICIENT_DATA]:
        return because(HoldCause.INSUFFICIENT_DATA, by_kind[VerdictKind.INSUFFICIENT_DATA])
    if by_kind[VerdictKind.INCONCLUSIVE]:
        return because(HoldCause.INCONCLUSIVE, by_kind[VerdictKind.INCONCLUSIVE])
    return None


def watch_of(turn: Turn) -> float:
    """Seconds that this step is watched."""
    if turn.state.pace is Pace.URGENT:
        return min(turn.step.duration, turn.plan.number("urgent.watch"))
    return turn.step.duration


def _keep_holding(turn: Turn, hold: Hold) -> None:
    before = turn.state.hold
    limit, then = _patience(turn, hold.cause)
    if turn.state.status is not Status.HOLDING or before is None or before.cause is not hold.cause:
        turn.enter(Status.HOLDING, hold=hold, reason=hold.sentence)
        after = f"; {then} after {format_duration(limit)}" if math.isfinite(limit) else ""
        share = format_share(turn.step.weight / WHOLE)
        turn.tell("hold-started", f"holding at {share}: {hold.sentence}{after}", cause=hold.cause.value)
        return
    turn.set(hold=replace(hold, held=before.held), reason=hold.sentence)
    if before.held < limit:
        return
    if then == "pause":
        turn.enter(Status.PAUSED, hold=None, reason=f"held for {format_duration(limit)}: {hold.sentence}")
        turn.tell("paused", f"paused for a person: {hold.sentence}", cause=hold.cause.value)
    else:
        roll_back(turn, f"held for {format_duration(limit)} and it did not clear up: {hold.sentence}", "deadline")


def _patience(turn: Turn, cause: HoldCause) -> tuple[float, str]:
    """How long a hold may last in seconds, and what ends it: every wait has an end (rule 6); a freeze is its own."""
    plan = turn.plan
    match cause:
        case HoldCause.GATE:
            return turn.step.deadline, "rollback"
        case HoldCause.FREEZE | HoldCause.BARRIER:
            # Whom it waits for has deadlines of its own.
            return math.inf, "its end"
        case HoldCause.DEGRADED:
            return plan.number("hold.answer_deadline"), "rollback"
        case HoldCause.CANARY_UNHEALTHY:
            return plan.number(turn.strategy.unwell), "rollback"
        case HoldCause.STABLE_UNHEALTHY:
            return plan.number(turn.strategy.stable_unwell), "rollback"
        case _:
            return plan.number("hold.duration"), str(plan.setting("hold.then").value)


def _done(turn: Turn) -> bool:
    """Whether the step's end has been read back (rule 1: observed, not believed)."""
    match turn.step.kind:
        case StepKind.GATE:
            return _approved(turn)
        case StepKind.CHECK:
            return checked(turn)
        case StepKind.ANALYSE | StepKind.BAKE:
            return not is_watched(turn.plan, turn.state) or turn.state.watched >= watch_of(turn)
        case StepKind.BATCH:
            watched = not is_watched(turn.plan, turn.state) or turn.state.watched >= watch_of(turn)
            return turn.strategy.done(turn) and watched
        case _:
            return turn.strategy.done(turn)


def _overdue(turn: Turn) -> bool:
    match turn.step.kind:
        case StepKind.ANALYSE | StepKind.BAKE | StepKind.GATE:
            return False
        case StepKind.BATCH:
            return turn.state.moves == 0 and turn.state.waited >= turn.step.deadline - turn.step.duration
        case _:
            return turn.state.waited >= turn.step.deadline


def _missing(turn: Turn) -> str:
    return unchecked(turn) if turn.step.kind is StepKind.CHECK else turn.strategy.missing(turn)
