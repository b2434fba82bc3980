"""The canary: `decide` looks at what was read back and says what is now, what should be and what happened.

Read it from the top: commands first, then safety, then holds, then the next step. Actions are the whole desired
state, every time, so that a controller that was killed between any two of them converges when it comes back.
The rules numbered here are those of docs/canary.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pilotage.model.observation import Health, Verdict, VerdictKind
from pilotage.model.plan import Plan, Step, StepKind
from pilotage.model.quantity import format_duration, format_share
from pilotage.model.rollout import (
    Command,
    CommandKind,
    Decision,
    Event,
    Hold,
    HoldCause,
    Pace,
    RolloutState,
    Seen,
    Status,
)
from pilotage.model.traffic import WHOLE
from pilotage.rollout.sight import healthy, present, reachable
from pilotage.rollout.wanted import desired, split_for

MOST_ATTENDED = 5.0
"""Seconds: the most that one look at the rollout can add to a watch. A jump of the clock, a laptop's sleep or a
controller that was away adds no more than this."""

_FORWARD = (Status.PROGRESSING, Status.HOLDING, Status.PAUSED)
_WATCHING = (StepKind.ANALYSE, StepKind.BAKE)


def decide(plan: Plan, state: RolloutState, seen: Seen, commands: Sequence[Command], now: float) -> Decision:
    """The next state, the desired state of the world, and the events of this look. Pure."""
    turn = _Turn(plan, _attended(state, now), seen, began_at=state.step)
    for command in sorted(commands, key=lambda c: c.kind not in (CommandKind.ABORT, CommandKind.ROLLBACK)):
        turn.answered.append((command.id, _obey(turn, command)))
    if turn.state.status in _FORWARD:
        _go_on(turn)
    if turn.state.status is Status.ROLLING_BACK:
        _go_back(turn)
    actions = desired(plan, turn.state, seen)
    return Decision(turn.state, actions, tuple(turn.events), tuple(turn.answered))


def begin(plan: Plan, old: str | None, pace: Pace) -> RolloutState:
    """The state of a rollout that has done nothing yet. Without an old version there is nothing to compare
    with and nothing to go back to: it starts at 100 % (as every peer's first deployment does)."""
    first = 0 if pace is Pace.FULL else next(i for i, s in enumerate(plan.steps) if s.weight == WHOLE)
    # The SCALE step stands just before the first step of its weight.
    return RolloutState(new=plan.version, old=old, pace=pace, step=max(0, first - 1) if first else 0)


@dataclass
class _Turn:
    """One look: the state as it changes, and what is told about it."""

    plan: Plan
    state: RolloutState
    seen: Seen
    began_at: int
    events: list[Event] = field(default_factory=list)
    answered: list[tuple[int, str]] = field(default_factory=list)

    @property
    def step(self) -> Step:
        return self.plan.steps[self.state.step]

    def tell(self, event_type: str, sentence: str, /, **data: Any) -> None:
        self.events.append(Event(event_type, sentence, data))

    def set(self, **changes: Any) -> None:
        self.state = replace(self.state, **changes)

    def enter(self, status: Status, **changes: Any) -> None:
        self.set(status=status, in_status=0.0, **changes)


def _attended(state: RolloutState, now: float) -> RolloutState:
    passed = min(max(now - state.at, 0.0), MOST_ATTENDED) if state.at else 0.0
    held = replace(state.hold, held=state.hold.held + passed) if state.hold else None
    return replace(
        state,
        at=now,
        waited=state.waited + (passed if state.status is Status.PROGRESSING else 0.0),
        in_status=state.in_status + passed,
        watched=state.watched + (passed if state.status in (Status.PROGRESSING, Status.PAUSED) else 0.0),
        drained=state.drained + passed,
        hold=held,
    )


def _go_on(turn: _Turn) -> None:
    if turn.state.old is not None and reachable(turn.seen, turn.state.old):
        turn.set(drained=0.0)
    _note_verdicts(turn)
    _guard(turn)
    if turn.state.status is Status.PAUSED:
        _mind_the_pause(turn)
    elif turn.state.status in _FORWARD and turn.state.step == turn.began_at:
        _progress(turn)


# ── commands ───────────────────────────────────────────────────────────────────────────────────────────────


def _obey(turn: _Turn, command: Command) -> str:
    """Take up a command; returns its outcome in a word or a sentence. Asking for what already is, is done."""
    status = turn.state.status
    by = f"by {command.actor}" + (f": {command.reason}" if command.reason else "")
    match command.kind:
        case CommandKind.ABORT | CommandKind.ROLLBACK:
            if status.final or status is Status.ROLLING_BACK:
                return f"nothing to do: already {status}"
            _roll_back(turn, f"{'aborted' if command.kind is CommandKind.ABORT else 'rolled back'} {by}", "command")
            return "done"
        case _ if status.final or status is Status.ROLLING_BACK:
            return _refuse(turn, command, f"the rollout is {status}")
        case CommandKind.PAUSE:
            if status is not Status.PAUSED:
                turn.enter(Status.PAUSED, hold=None, reason=f"paused {by}")
                turn.tell("paused", f"paused {by}; limits stay live")
            return "done"
        case CommandKind.RESUME | CommandKind.RETRY:
            if status is Status.PAUSED or (status is Status.HOLDING and command.kind is CommandKind.RETRY):
                turn.enter(Status.PROGRESSING, hold=None, reason="")
                turn.tell("resumed", f"resumed {by}")
            if command.kind is CommandKind.RETRY:
                turn.set(watched=0.0, waited=0.0)
                turn.tell("retried", f"this step's watch starts again, asked {by}")
            return "done"
        case CommandKind.PROMOTE:
            return _promote(turn, command, by)
        case CommandKind.APPROVE:
            if turn.step.kind is not StepKind.GATE:
                return _refuse(turn, command, "no approval is waited for")
            turn.set(approved=True)
            turn.tell("approved", f"{turn.step.title}: approved {by}")
            return "done"
        case CommandKind.REJECT:
            if turn.step.kind is not StepKind.GATE:
                return _refuse(turn, command, "no approval is waited for")
            _roll_back(turn, f"{turn.step.title}: rejected {by}", "command")
            return "done"


def _promote(turn: _Turn, command: Command, by: str) -> str:
    failing = tuple(v.metric for v in turn.seen.verdicts if v.kind is VerdictKind.FAIL and not v.critical)
    turn.tell("promoted", f"promoted {by}" + (" without the analyses that are left" if command.full else ""))
    turn.enter(Status.PROGRESSING, hold=None, reason="", accepted=(*turn.state.accepted, *failing))
    if command.full:
        turn.set(pace=Pace.FAST)
    elif turn.step.kind in _WATCHING:
        _next_step(turn)
    elif turn.step.kind is StepKind.GATE:
        turn.set(approved=True)
    return "done"


def _refuse(turn: _Turn, command: Command, why: str) -> str:
    turn.tell("command-refused", f"{command.kind} by {command.actor} refused: {why}")
    return f"refused: {why}"


# ── safety ─────────────────────────────────────────────────────────────────────────────────────────────────


def _note_verdicts(turn: _Turn) -> None:
    """Tell of verdicts that start or end trouble; the come and go of pass and inconclusive is no event."""
    before = dict(turn.state.verdicts)
    trouble = {VerdictKind.FAIL.value, VerdictKind.SOURCE_ERROR.value}
    for verdict in turn.seen.verdicts:
        was, now = before.get(verdict.metric), verdict.kind.value
        if was != now and {was, now} & trouble:
            sentence = f"{verdict.metric}: {now}: {verdict.sentence}"
            turn.tell("verdict", sentence, metric=verdict.metric, kind=now)
    turn.set(verdicts=tuple((v.metric, v.kind.value) for v in turn.seen.verdicts))


def _guard(turn: _Turn) -> None:
    """What ends a rollout at once, whatever it is doing: a dead canary, a critical limit, harm where the
    answers say so (C1)."""
    dead = [i for i in turn.seen.instances or () if i.version == turn.state.new and i.health is Health.EXITED]
    if dead:
        detail = f": {dead[0].detail}" if dead[0].detail else ""
        turn.tell("instance-died", f"canary instance {dead[0].id} died{detail}", instance=dead[0].id)
        _roll_back(turn, f"canary instance {dead[0].id} died{detail}", "instance")
        return
    failed = [v for v in turn.seen.verdicts if v.kind is VerdictKind.FAIL]
    by_itself = bool(turn.plan.setting("limits.rollback_auto").value)
    undo = [v for v in failed if v.critical or (by_itself and v.metric not in turn.state.accepted)]
    if undo:
        _roll_back(turn, f"{undo[0].metric}: {undo[0].sentence}", undo[0].metric)


def _mind_the_pause(turn: _Turn) -> None:
    if turn.state.in_status >= turn.plan.number("pause.deadline"):
        _roll_back(turn, f"{turn.state.reason}, and nobody ended the pause", "deadline")


def _roll_back(turn: _Turn, reason: str, cause: str) -> None:
    turn.enter(Status.ROLLING_BACK, hold=None, reason=reason, drained=0.0, returned=False)
    turn.tell("rollback-started", f"rolling back: {reason}", cause=cause, step=turn.step.id)


# ── progress ───────────────────────────────────────────────────────────────────────────────────────────────


def _progress(turn: _Turn) -> None:
    hold = _why_hold(turn)
    if hold is not None:
        _keep_holding(turn, hold)
        return
    if turn.state.status is Status.HOLDING:
        turn.tell(
            "hold-ended",
            "the reason to hold is gone",
            cause=turn.state.hold.cause.value if turn.state.hold else "",
        )
        turn.enter(Status.PROGRESSING, hold=None, reason="")
    if _done(turn):
        _next_step(turn)
    elif _overdue(turn):
        why = "; ".join(part for part in (_missing(turn), turn.seen.trouble) if part)
        late = f"{turn.step.title}: not so after {format_duration(turn.step.deadline)} ({why})"
        _roll_back(turn, late, "deadline")


def _why_hold(turn: _Turn) -> Hold | None:
    """The first reason not to go on, or None."""
    if turn.step.kind is StepKind.GATE and not turn.state.approved:
        return Hold(HoldCause.GATE, f"waiting for {turn.step.title}")
    unread = turn.seen.split is None and (turn.seen.trouble or turn.state.old is not None)
    if unread or turn.seen.instances is None:
        return Hold(HoldCause.ROUTER_UNREACHABLE, turn.seen.trouble or "router or fleet cannot be read")
    if turn.state.old and turn.step.kind is not StepKind.RETIRE and turn.step.weight < WHOLE:
        well = healthy(turn.seen, turn.state.old)
        if well < turn.plan.instances and turn.step.kind is not StepKind.SCALE:
            return Hold(HoldCause.STABLE_UNHEALTHY, f"{well} of {turn.plan.instances} stable instances are healthy")
    if turn.step.kind not in (StepKind.SCALE, StepKind.GATE):
        well = healthy(turn.seen, turn.state.new)
        if well < turn.step.instances:
            return Hold(HoldCause.CANARY_UNHEALTHY, f"{well} of {turn.step.instances} canary instances are healthy")
    if turn.step.kind in _WATCHING and turn.state.pace is Pace.FULL:
        return _why_hold_on_evidence(turn)
    return None


def _why_hold_on_evidence(turn: _Turn) -> Hold | None:
    open_verdicts = [v for v in turn.seen.verdicts if v.metric not in turn.state.accepted]
    by_kind = {kind: [v for v in open_verdicts if v.kind is kind] for kind in VerdictKind}

    def because(cause: HoldCause, verdicts: list[Verdict]) -> Hold:
        return Hold(cause, "; ".join(f"{v.metric}: {v.sentence}" for v in verdicts))

    if by_kind[VerdictKind.FAIL]:
        return because(HoldCause.DEGRADED, by_kind[VerdictKind.FAIL])
    if by_kind[VerdictKind.SOURCE_ERROR]:
        return because(HoldCause.SOURCE_ERROR, by_kind[VerdictKind.SOURCE_ERROR])
    if turn.state.watched < turn.step.duration:
        return None
    if not turn.seen.verdicts:
        return Hold(HoldCause.INSUFFICIENT_DATA, "no verdict yet")
    if by_kind[VerdictKind.INSUFFICIENT_DATA]:
        return because(HoldCause.INSUFFICIENT_DATA, by_kind[VerdictKind.INSUFFICIENT_DATA])
    if by_kind[VerdictKind.INCONCLUSIVE]:
        return because(HoldCause.INCONCLUSIVE, by_kind[VerdictKind.INCONCLUSIVE])
    return None


def _keep_holding(turn: _Turn, hold: Hold) -> None:
    before = turn.state.hold
    if turn.state.status is not Status.HOLDING or before is None or before.cause is not hold.cause:
        turn.enter(Status.HOLDING, hold=hold, reason=hold.sentence)
        limit, then = _patience(turn.plan, hold.cause)
        share = format_share(turn.step.weight / WHOLE)
        sentence = f"holding at {share}: {hold.sentence}; {then} after {format_duration(limit)}"
        turn.tell("hold-started", sentence, cause=hold.cause.value)
        return
    turn.set(hold=replace(hold, held=before.held), reason=hold.sentence)
    limit, then = _patience(turn.plan, hold.cause)
    if before.held < limit:
        return
    if then == "pause":
        turn.enter(Status.PAUSED, hold=None, reason=f"held for {format_duration(limit)}: {hold.sentence}")
        turn.tell("paused", f"paused for a person: {hold.sentence}", cause=hold.cause.value)
    else:
        _roll_back(turn, f"held for {format_duration(limit)} and it did not clear up: {hold.sentence}", "deadline")


def _patience(plan: Plan, cause: HoldCause) -> tuple[float, str]:
    """How long a hold may last in seconds, and what ends it: every wait has a deadline (rule 6)."""
    match cause:
        case HoldCause.GATE:
            return plan.number("canary.approval_deadline"), "rollback"
        case HoldCause.DEGRADED:
            return plan.number("hold.answer_deadline"), "rollback"
        case HoldCause.CANARY_UNHEALTHY:
            return plan.number("canary.switch_deadline"), "rollback"
        case HoldCause.STABLE_UNHEALTHY:
            return plan.number("canary.start_deadline"), "rollback"
        case _:
            return plan.number("hold.duration"), str(plan.setting("hold.then").value)


def _done(turn: _Turn) -> bool:
    """Whether the step's end has been read back (rule 1: observed, not believed)."""
    state, step, seen = turn.state, turn.step, turn.seen
    match step.kind:
        case StepKind.GATE:
            return state.approved
        case StepKind.SCALE:
            return healthy(seen, state.new) >= step.instances
        case StepKind.SET_WEIGHT:
            return seen.split is not None and seen.split == split_for(turn.plan, state, step.weight)
        case StepKind.ANALYSE | StepKind.BAKE:
            return state.pace is not Pace.FULL or state.watched >= step.duration
        case StepKind.DRAIN:
            return state.old is None or (not reachable(seen, state.old) and state.drained >= step.duration)
        case StepKind.RETIRE:
            return state.old is None or not (present(seen, state.old) or reachable(seen, state.old))
        case kind:
            raise ValueError(f"a canary has no step of kind {kind}")


def _overdue(turn: _Turn) -> bool:
    return turn.step.kind not in (*_WATCHING, StepKind.GATE) and turn.state.waited >= turn.step.deadline


def _missing(turn: _Turn) -> str:
    match turn.step.kind:
        case StepKind.SCALE:
            unwell = [
                i for i in turn.seen.instances or () if i.version == turn.state.new and i.health is not Health.HEALTHY
            ]
            detail = f", {unwell[0].id} is {unwell[0].health}: {unwell[0].detail}" if unwell else ""
            return f"{healthy(turn.seen, turn.state.new)} of {turn.step.instances} are healthy{detail}"
        case StepKind.SET_WEIGHT:
            split = turn.seen.split
            weight = format_share(split.weight(turn.state.new) / WHOLE) if split else "nothing"
            return f"the router shows {weight}"
        case _:
            return "the old version is still there"


def _next_step(turn: _Turn) -> None:
    done = turn.step
    if turn.state.step + 1 == len(turn.plan.steps):
        turn.enter(Status.COMPLETED, reason="", hold=None)
        turn.tell("completed", f"{turn.state.new} serves all requests", step=done.id)
        return
    turn.set(step=turn.state.step + 1, watched=0.0, waited=0.0, in_status=0.0, approved=False)
    turn.tell("step-started", turn.step.title, step=turn.step.id, done=done.id, weight=turn.step.weight)


# ── the way back ───────────────────────────────────────────────────────────────────────────────────────────


def _go_back(turn: _Turn) -> None:
    """Traffic first, read back; then the old requests finish; then the canary stops (rules 1, 2 and 7)."""
    state, seen = turn.state, turn.seen
    if state.old is None:
        turn.enter(Status.FAILED, reason=f"{state.reason}; there is no earlier version to return to")
        turn.tell("failed", f"failed, a person is needed: {turn.state.reason}")
        return
    back = seen.split is not None and not seen.split.reaches(state.new)
    if back and not state.returned:
        turn.set(returned=True, drained=0.0)
        turn.tell("traffic-returned", f"all requests go to {state.old} again, read back from the router")
    elif state.returned and not back and seen.split is not None:
        turn.set(returned=False, drained=0.0)
    if turn.state.returned and not present(seen, state.new):
        turn.enter(Status.ROLLED_BACK)
        turn.tell("rolled-back", f"{state.new} is gone, {state.old} serves all requests: {state.reason}")
    elif state.in_status >= turn.plan.number("rollback.deadline"):
        left = f"{state.new} still runs" if turn.state.returned else f"requests may still reach {state.new}"
        turn.enter(Status.FAILED, reason=f"{state.reason}; the rollback is not complete: {left}")
        turn.tell("failed", f"a person is needed: {turn.state.reason}. {seen.trouble}".strip())
