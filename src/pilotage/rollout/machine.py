"""`decide` looks at what was read back and says what is now, what should be and what happened: for every strategy.

Read it from the top: commands first, then safety, then holds, then the next step. Actions are the whole desired
state, every time, so that a controller that was killed between any two of them converges when it comes back.
The rules numbered here are those of docs/canary.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pilotage.model.answers import DeploymentStrategy, RiskTolerance
from pilotage.model.events import (
    HoldEnded,
    HoldStarted,
    InstanceDied,
    Paused,
    Unwatched,
    VerdictChanged,
    WorseThanThePast,
)
from pilotage.model.observation import CheckStatus, Health, Verdict, VerdictKind
from pilotage.model.plan import Plan, StepKind
from pilotage.model.quantity import format_duration
from pilotage.model.rollout import (
    Action,
    Apply,
    Check,
    Command,
    Decision,
    Ensure,
    Event,
    Hold,
    HoldCause,
    Pace,
    RolloutState,
    Seen,
    Status,
    Trouble,
)
from pilotage.model.step_ids import OPEN
from pilotage.model.traffic import WHOLE
from pilotage.rollout import diversion, patience
from pilotage.rollout.checking import checked, unchecked
from pilotage.rollout.commands import first_to_undo, obey
from pilotage.rollout.harm import (
    begin_again,
    being_replaced,
    guard_against_harm,
    hold_for_second_try,
    left_on_purpose,
    mind_the_withdrawal,
    note_replaced,
    replacing,
    second_try_is_ready,
    second_try_limit,
    sentence_of,
    worse_than_the_past,
)
from pilotage.rollout.strategies.big_bang import BIG_BANG
from pilotage.rollout.strategies.blue_green import BLUE_GREEN
from pilotage.rollout.strategies.canary import CANARY
from pilotage.rollout.strategies.feature_toggle import FEATURE_TOGGLE
from pilotage.rollout.strategies.rolling import ROLLING, restored
from pilotage.rollout.turn import FORWARD, UNDER_WAY, Strategy, Turn, next_step, roll_back, switch

_ROLL_BACK, _PAUSE, _UNWATCHED = "rollback", "pause", "goes on unwatched"

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
_TROUBLE = (VerdictKind.FAIL.value, VerdictKind.SOURCE_ERROR.value)
_NO_DATA = (HoldCause.INSUFFICIENT_DATA, HoldCause.SOURCE_ERROR)
_REMEDY = "add `synthetic:`, or lower judge.min_requests where there are some requests"
STRONG_EVIDENCE = math.log(20)
"""The natural logarithm of an e-value that chance alone reaches once in 20 releases: the ramp waits."""

_EXPOSING = (StepKind.SET_WEIGHT, StepKind.SWITCH, StepKind.BATCH, StepKind.FLAG_RAMP, StepKind.MAINTENANCE)
"""Steps that bring the release to more users, or close the service: none of them begins in a freeze."""
_FIRST_REACHED = (StepKind.SET_WEIGHT, StepKind.SWITCH, StepKind.BATCH, StepKind.FLAG_RAMP)


def decide(
    plan: Plan,
    state: RolloutState,
    seen: Seen,
    commands: Sequence[Command],
    now: float,
    passed: float | None = None,
) -> Decision:
    """The next state, the desired state of the world, and the events of this look. Pure.

    now: Unix seconds · passed: seconds since the look before, by a clock that nobody sets; None where this process
    did not make that look, then the difference of `now`. Neither adds more than `MOST_ATTENDED` to any watch.
    """
    strategy = STRATEGIES[plan.answers.deployment_strategy]
    turn = Turn(plan, _attended(state, now, passed), seen, strategy, began_at=state.step)
    strategy.note(turn)
    for command in sorted(commands, key=first_to_undo):
        turn.answered.append((command.id, obey(turn, command)))
    if turn.state.status in UNDER_WAY:
        _go_on(turn)
    if turn.state.status is Status.ROLLING_BACK:
        strategy.go_back(turn)
    strategy.divert(turn)
    return Decision(turn.state, desired(plan, turn.state, seen), tuple(turn.events), tuple(turn.answered))


def desired(plan: Plan, state: RolloutState, seen: Seen) -> tuple[Action, ...]:
    """Everything that should be so now, whatever the strategy."""
    actions = list(STRATEGIES[plan.answers.deployment_strategy].desired(plan, state, seen))
    step = plan.steps[state.step]
    if state.status in FORWARD and step.kind is StepKind.CHECK and step.id in seen.hooks:
        actions.append(Check(step.id, state.attempt, state.new))
    if ill := being_replaced(state):
        actions = [replace(a, without=(ill,)) if isinstance(a, Apply) else a for a in actions]
    actions.extend(replacing(state, seen))
    actions.extend(Ensure(version, 0) for version in _strays(state, seen))
    return tuple(actions)


def begin(plan: Plan, old: str | None, pace: Pace, author: str = "") -> RolloutState:
    """The state of a rollout that has done nothing yet. Without an old version there is nothing to compare
    with and nothing to go back to: it starts at 100 % (as every peer's first deployment does)."""
    step = 0
    if pace in (Pace.FIRST, Pace.FAST):
        match plan.answers.deployment_strategy:
            case DeploymentStrategy.CANARY:
                # The last SCALE step before everyone has it; with a holdback, that of the weight before.
                first = next(i for i, s in enumerate(plan.steps) if s.weight == WHOLE)
                step = max(i for i, s in enumerate(plan.steps[: first + 1]) if s.kind is StepKind.SCALE)
            case DeploymentStrategy.ROLLING if pace is Pace.FIRST:
                step = max(i for i, s in enumerate(plan.steps) if s.kind is StepKind.BATCH)
            case DeploymentStrategy.BIG_BANG if pace is Pace.FIRST:
                step = next(i for i, s in enumerate(plan.steps) if s.kind is StepKind.REPLACE)
            case _:
                step = 0
    progress = STRATEGIES[plan.answers.deployment_strategy].progress
    return RolloutState(new=plan.version, old=old, pace=pace, step=step, author=author, progress=progress)


def turned_back(plan: Plan, state: RolloutState, reason: str) -> tuple[RolloutState, tuple[Event, ...]]:
    """The state at the beginning of the way back, and what is told of it, of a rollout whose users were taken back
    already by somebody else's decision."""
    strategy = STRATEGIES[plan.answers.deployment_strategy]
    turn = Turn(plan, state, Seen(None, None), strategy, began_at=state.step)
    roll_back(turn, reason, "command")
    return turn.state, tuple(turn.events)


def wants_traffic(plan: Plan, state: RolloutState) -> bool:
    """Whether synthetic requests should flow: from when users can reach the new version until its last watch ends,
    also while it is held or paused, and at 100 %. Not while it is withdrawn, when its users are gone on purpose; in
    rolling, some may have to stay."""
    if state.status is Status.WITHDRAWN and plan.answers.deployment_strategy is not DeploymentStrategy.ROLLING:
        return False
    if state.status not in UNDER_WAY:
        return False
    if plan.answers.deployment_strategy is DeploymentStrategy.CANARY and not state.reached:
        # A quick return starts behind the first weight.
        return False
    exposing = [i for i, s in enumerate(plan.steps) if s.kind in _FIRST_REACHED or s.id == OPEN]
    watched = [i for i, s in enumerate(plan.steps) if s.kind in _JUDGED]
    return bool(exposing and watched) and exposing[0] <= state.step <= watched[-1]


def _strays(state: RolloutState, seen: Seen) -> list[str]:
    """Versions that neither this rollout nor the one before it knows, such as what a failed rollback left behind.
    They stop when this rollout is over: no request has reached them for all of it."""
    if not state.status.final or seen.split is None:
        return []
    running = {i.version for i in seen.instances or ()} - {state.new, state.old}
    return sorted(version for version in running if not seen.split.reaches(version))


def _attended(state: RolloutState, now: float, advance: float | None) -> RolloutState:
    since = now - state.at if advance is None else advance
    passed = min(max(since, 0.0), MOST_ATTENDED) if state.at else 0.0
    return replace(
        state,
        at=now,
        waited=state.waited + (passed if state.status is Status.PROGRESSING else 0.0),
        in_status=state.in_status + passed,
        watched=state.watched + (passed if state.status in (Status.PROGRESSING, Status.PAUSED) else 0.0),
        drained=state.drained + (passed if state.out else 0.0),
        troubles=patience.attended(state, passed),
        diverted=diversion.attended(state, passed),
    )


def _go_on(turn: Turn) -> None:
    _note_verdicts(turn)
    note_replaced(turn)
    _guard(turn)
    if turn.state.status is Status.WITHDRAWN:
        mind_the_withdrawal(turn, _wanted_new(turn))
        return
    if turn.state.excuse and turn.state.status in FORWARD and second_try_is_ready(turn, _wanted_new(turn)):
        begin_again(turn)
    if turn.stale:
        # The verdicts of this look are of evidence that was thrown away.
        return
    if turn.state.status is Status.PAUSED:
        _mind_the_pause(turn)
    elif turn.state.status in FORWARD and turn.state.step == turn.began_at:
        _progress(turn)


# ── safety ─────────────────────────────────────────────────────────────────────────────────────────────────


def _note_verdicts(turn: Turn) -> None:
    """Tell of verdicts that start trouble, and of its end once that lasts: a source that fails every other second is
    one event. The come and go of pass and inconclusive is none."""
    before, since = dict(turn.state.verdicts), dict(turn.state.recovering)
    known, recovering = [], []
    for verdict in turn.seen.verdicts:
        metric, was, now = verdict.metric, before.get(verdict.metric), verdict.kind.value
        began = since.get(metric, turn.state.at)
        if was in _TROUBLE and now not in _TROUBLE and abs(turn.state.at - began) < patience.LEAST_CALM:
            known.append((metric, was))
            recovering.append((metric, began))
            continue
        known.append((metric, now))
        if was != now and (was in _TROUBLE or now in _TROUBLE):
            turn.tell(VerdictChanged(metric=metric, kind=verdict.kind, reason=verdict.sentence))
    turn.set(verdicts=tuple(known), recovering=tuple(recovering))


def _guard(turn: Turn) -> None:
    """What ends a rollout or takes its users back at once, whatever it is doing: a dead canary, and harm (C1)."""
    dead = [
        i
        for i in turn.seen.instances or ()
        if i.version == turn.state.new and i.health is Health.EXITED and not left_on_purpose(turn.state, i.host, i.port)
    ]
    if dead:
        died = InstanceDied(instance=dead[0].id, last=dead[0].detail)
        turn.tell(died)
        roll_back(turn, died.sentence, "instance")
        return
    guard_against_harm(turn)


def _wanted_new(turn: Turn) -> int:
    """So many instances of the new version should run."""
    actions = turn.strategy.desired(turn.plan, turn.state, turn.seen)
    return max((a.count for a in actions if isinstance(a, Ensure) and a.version == turn.state.new), default=1)


def _mind_the_pause(turn: Turn) -> None:
    if turn.state.in_status < turn.plan.number("pause.deadline"):
        return
    cause = turn.state.hold.cause if turn.state.hold else None
    if cause is HoldCause.PAST:
        _go_on_although_worse(turn)
    elif cause in _NO_DATA and _undone_only_for_harm(turn):
        if _served(turn):
            _go_on_unwatched(turn, turn.state.reason)
    else:
        roll_back(turn, f"{turn.state.reason}, and nobody ended the pause", "deadline")


def _go_on_although_worse(turn: Turn) -> None:
    """Nobody said no, and the past is no control: the release goes on, and says so."""
    sure, unclear = worse_than_the_past(turn, sure=True), worse_than_the_past(turn, sure=False)
    worse = sentence_of([*sure, *unclear]) or turn.state.worse
    accepted = tuple(dict.fromkeys((*turn.state.accepted, *(v.metric for v in (*sure, *unclear)))))
    turn.enter(Status.PROGRESSING, hold=None, troubles=(), reason="", worse=worse, accepted=accepted)
    turn.tell(WorseThanThePast(worse=worse))


def _go_on_unwatched(turn: Turn, why: str) -> None:
    """All that was seen passed; what nobody could see undoes nothing."""
    turn.enter(Status.PROGRESSING, hold=None, troubles=(), reason="", unwatched=turn.state.unwatched or why)
    turn.tell(Unwatched(step=turn.step.id, title=turn.step.title, reason=why))
    next_step(turn)


def _undone_only_for_harm(turn: Turn) -> bool:
    """Whether everything that could be seen passed before: full exposure, the last watch, a batch that serves."""
    step = turn.step
    if step.kind is StepKind.BATCH:
        return restored(turn.state)
    return step.kind in (StepKind.BAKE, StepKind.KEEP) or step.weight == WHOLE


def _served(turn: Turn) -> bool:
    """Whether the step did what it is for, its watch apart."""
    return turn.step.kind is not StepKind.BATCH or turn.strategy.done(turn)


# ── progress ───────────────────────────────────────────────────────────────────────────────────────────────


def _progress(turn: Turn) -> None:
    if _failed_check(turn):
        return
    hold = _why_hold(turn)
    turn.set(troubles=patience.met(turn.state, hold.cause if hold else None))
    settled = turn.state.status is not Status.HOLDING or patience.settled(turn.state)
    if hold is None and settled and _done(turn):
        hold = _why_not_begin_the_next(turn)
        if hold is None:
            _end_hold(turn)
            next_step(turn)
            return
        turn.set(troubles=patience.met(turn.state, hold.cause))
    if hold is not None:
        _keep_holding(turn, hold)
        return
    if not settled:
        turn.set(reason=_good_for_now(turn.state))
        return
    _end_hold(turn)
    if _overdue(turn):
        why = "; ".join(part for part in (_missing(turn), turn.seen.trouble) if part)
        late = f"{turn.step.title}: not so after {format_duration(turn.step.deadline)} ({why})"
        roll_back(turn, late, "deadline")


def _end_hold(turn: Turn) -> None:
    if turn.state.status is Status.HOLDING:
        cause = turn.state.hold.cause if turn.state.hold else None
        earlier = tuple(one.cause for one in turn.state.troubles if one.told and one.cause is not cause)
        turn.tell(HoldEnded(cause=cause, earlier=earlier))
        turn.enter(Status.PROGRESSING, hold=None, reason="", troubles=patience.closed(turn.state))


def _good_for_now(state: RolloutState) -> str:
    was = state.hold.sentence if state.hold else state.reason
    return f"{was}; good again, and watched until it stays so"


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
    if turn.seen.barrier:
        return Hold(HoldCause.BARRIER, turn.seen.barrier)
    return _why_ramp_waits(turn) if following[0].kind is StepKind.SET_WEIGHT else None


def _why_ramp_waits(turn: Turn) -> Hold | None:
    """With `canary.weights: auto` more users come only while nothing speaks against the release."""
    if turn.state.pace is not Pace.FULL or not switch(turn.plan, "canary.ramp", False):
        return None
    against = [
        v
        for v in turn.seen.verdicts
        if v.evidence >= STRONG_EVIDENCE
        and v.kind is not VerdictKind.FAIL
        and not v.past
        and v.metric not in turn.state.accepted
    ]
    return Hold(HoldCause.EVIDENCE, f"evidence of harm grows: {sentence_of(against)}") if against else None


def _why_hold(turn: Turn) -> Hold | None:
    """The first reason not to go on, or None."""
    state, seen = turn.state, turn.seen
    if turn.step.kind is StepKind.GATE and not _approved(turn):
        given, wanted = len(state.approvals), int(turn.plan.number("approval.count"))
        return Hold(HoldCause.GATE, f"waiting for {turn.step.title}" + (f" ({given} of {wanted})" if given else ""))
    unread = seen.split is None and (seen.trouble or state.old is not None)
    if unread or seen.instances is None:
        return Hold(HoldCause.ROUTER_UNREACHABLE, seen.trouble or "router or fleet cannot be read")
    if (second := hold_for_second_try(turn)) is not None:
        return second
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
        remedy = f" ({_REMEDY})" if cause is HoldCause.INSUFFICIENT_DATA else ""
        return Hold(cause, sentence_of(verdicts) + remedy)

    if sure := [v for v in by_kind[VerdictKind.FAIL] if not v.past]:
        return because(HoldCause.DEGRADED, sure)
    if worse := worse_than_the_past(turn, sure=True):
        return because(HoldCause.PAST, worse)
    if by_kind[VerdictKind.SOURCE_ERROR]:
        return because(HoldCause.SOURCE_ERROR, by_kind[VerdictKind.SOURCE_ERROR])
    if turn.state.watched < watch_of(turn) or turn.step.kind is StepKind.KEEP or _ramps(turn):
        return None
    if not turn.seen.verdicts:
        return Hold(HoldCause.INSUFFICIENT_DATA, f"no verdict yet ({_REMEDY})")
    if by_kind[VerdictKind.INSUFFICIENT_DATA]:
        return because(HoldCause.INSUFFICIENT_DATA, by_kind[VerdictKind.INSUFFICIENT_DATA])
    if worse := worse_than_the_past(turn, sure=False):
        return because(HoldCause.PAST, worse)
    if by_kind[VerdictKind.INCONCLUSIVE]:
        return because(HoldCause.INCONCLUSIVE, by_kind[VerdictKind.INCONCLUSIVE])
    return None


def _ramps(turn: Turn) -> bool:
    """A short step of `canary.weights: auto`: too short for a pass, and left while nothing speaks against it."""
    return turn.step.ramp


def watch_of(turn: Turn) -> float:
    """Seconds that this step is watched."""
    if turn.state.pace is Pace.URGENT:
        return min(turn.step.duration, turn.plan.number("urgent.watch"))
    return turn.step.duration


def _keep_holding(turn: Turn, hold: Hold) -> None:
    limit, then = _patience(turn, hold.cause)
    account = patience.of(turn.state, hold.cause) or Trouble(cause=hold.cause)
    hold = replace(hold, held=account.spent)
    if turn.state.status is not Status.HOLDING or not account.told:
        turn.enter(Status.HOLDING, hold=hold, reason=hold.sentence, troubles=patience.told(turn.state, hold.cause))
        turn.tell(
            HoldStarted(
                cause=hold.cause,
                share=turn.step.weight,
                reason=hold.sentence,
                then=then,
                limit=limit if math.isfinite(limit) else None,
                detail=_behind(turn, hold),
            )
        )
    turn.set(hold=hold, reason=hold.sentence)
    if account.spent < limit:
        return
    if then == _PAUSE:
        # The cause stays: it says what a pause that nobody ends comes to.
        turn.enter(Status.PAUSED, reason=f"held for {format_duration(limit)}: {hold.sentence}")
        turn.tell(Paused(cause=hold.cause, reason=hold.sentence))
    elif then == _UNWATCHED:
        if _served(turn):
            _go_on_unwatched(turn, hold.sentence)
    else:
        why = f"held for {format_duration(limit)} and it did not clear up: {hold.sentence}"
        roll_back(turn, why, "deadline", _behind(turn, hold))


def _behind(turn: Turn, hold: Hold) -> tuple[str, ...]:
    """Routes, statuses and lines of a log behind the verdicts that a hold is about."""
    about = [v for v in turn.seen.verdicts if v.kind is not VerdictKind.PASS and v.sentence in hold.sentence]
    return tuple(line for v in about for line in v.detail)


def _patience(turn: Turn, cause: HoldCause) -> tuple[float, str]:
    """How long a hold may last in seconds, and what ends it: every wait has an end (rule 6); a freeze is its own."""
    plan = turn.plan
    if turn.state.excuse:
        return second_try_limit(plan), _ROLL_BACK
    if cause in _NO_DATA and _undone_only_for_harm(turn):
        asks = plan.answers.risk_tolerance in (RiskTolerance.LOW, RiskTolerance.ZERO_DOWNTIME)
        return plan.number("hold.duration"), _PAUSE if asks else _UNWATCHED
    match cause:
        case HoldCause.GATE:
            return turn.step.deadline, _ROLL_BACK
        case HoldCause.FREEZE | HoldCause.BARRIER:
            # Whom it waits for has deadlines of its own.
            return math.inf, "its end"
        case HoldCause.PAST:
            return plan.number("hold.duration"), _PAUSE
        case HoldCause.DEGRADED:
            return plan.number("hold.answer_deadline"), _ROLL_BACK
        case HoldCause.CANARY_UNHEALTHY:
            return plan.number(turn.strategy.unwell), _ROLL_BACK
        case HoldCause.STABLE_UNHEALTHY:
            return plan.number(turn.strategy.stable_unwell), _ROLL_BACK
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
            return not restored(turn.state) and turn.state.waited >= turn.step.deadline - turn.step.duration
        case _:
            return turn.state.waited >= turn.step.deadline


def _missing(turn: Turn) -> str:
    return unchecked(turn) if turn.step.kind is StepKind.CHECK else turn.strategy.missing(turn)
