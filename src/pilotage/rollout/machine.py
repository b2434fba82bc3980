"""`decide` takes the observed world and returns the next state, the desired state and the events, for every strategy.

Read it from the top: commands first, then safety, then holds, then the next step. Actions are the complete desired
state every time, so a controller that died between two of them converges after a restart. Rule numbers are those of
docs/explanation/guarantees.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pilotage.model.action import Action, Apply, Check, Ensure
from pilotage.model.events import InstanceExited
from pilotage.model.observation import Health
from pilotage.model.plan import Plan, StepKind
from pilotage.model.quantity import format_duration
from pilotage.model.rollout import Command, Decision, Event, Mode, Observed, RolloutState, Status
from pilotage.model.step_ids import PREPARE
from pilotage.rollout import diversion, patience
from pilotage.rollout.checking import failed_check, note_skipped, take_earlier_approvals
from pilotage.rollout.commands import first_to_undo, handle
from pilotage.rollout.harm import (
    begin_again,
    being_replaced,
    guard_against_harm,
    left_on_purpose,
    mind_the_withdrawal,
    note_harm,
    note_replaced,
    replacing,
    second_try_is_ready,
)
from pilotage.rollout.holds import (
    end_hold,
    good_for_now,
    keep_holding,
    mind_the_pause,
    pause_on_verdict,
    why_hold,
    why_not_begin_the_next,
)
from pilotage.rollout.sight import instance_that_refuses, reachable
from pilotage.rollout.stepping import first_step, next_step
from pilotage.rollout.strategies import strategy_of
from pilotage.rollout.turn import FORWARD, UNDER_WAY, Strategy, Tick
from pilotage.rollout.undoing import roll_back
from pilotage.rollout.watching import JUDGED, note_verdicts
from pilotage.rollout.waves import kept

MOST_ATTENDED = 5.0
"""Seconds: the most that one look at the rollout can add to a watch. A jump of the clock, a laptop's sleep or a
controller that was away adds no more than this."""


def decide(
    plan: Plan,
    state: RolloutState,
    seen: Observed,
    commands: Sequence[Command],
    now: float,
    passed: float | None = None,
) -> Decision:
    """The next state, the desired state of the world, and the events of this look. Pure.

    now: Unix seconds · passed: seconds since the previous look, by a clock that nobody sets; None if this process did
    not make that look, then the difference of `now`. Neither adds more than `MOST_ATTENDED` to any wait.
    """
    strategy = strategy_of(plan)
    turn = Tick(plan, _attended(strategy, state, now, passed), seen, strategy, began_at=state.step)
    strategy.note(turn)
    for command in sorted(commands, key=first_to_undo):
        turn.answered.append((command.id, handle(turn, command)))
    if turn.state.status in UNDER_WAY:
        _go_on(turn)
    if turn.state.status is Status.ROLLING_BACK:
        strategy.undo(turn)
    if strategy.diverts:
        diversion.divert(turn)
    wanted = (*desired(plan, turn.state, seen), *turn.asked)
    return Decision(turn.state, wanted, tuple(turn.events), tuple(turn.answered))


def desired(plan: Plan, state: RolloutState, seen: Observed) -> tuple[Action, ...]:
    """The complete desired state, for any strategy."""
    step = plan.steps[state.step]
    actions = list(_before(plan, state, seen) if step.id == PREPARE else strategy_of(plan).desired(plan, state, seen))
    if state.status in FORWARD and step.kind is StepKind.CHECK and step.id in seen.hooks:
        actions.append(Check(step.id, state.attempt, state.new))
    if ill := being_replaced(state):
        actions = [replace(a, without=(ill,)) if isinstance(a, Apply) else a for a in actions]
    actions.extend(replacing(state, seen))
    actions.extend(Ensure(version, 0) for version in _strays(plan, state, seen))
    return tuple(actions)


def begin(plan: Plan, old: str | None, mode: Mode, author: str = "", signed: tuple[str, ...] = ()) -> RolloutState:
    """The state of a rollout that has done nothing yet. Without an old version there is nothing to compare
    with and nothing to go back to: it starts at 100 % (as every peer's first deployment does).

    signed: who approved the plan for production before. Raises ValueError for the plan of a first deployment with an
    old version, which it would replace unwatched."""
    if plan.first and old is not None:
        raise ValueError(f"the plan is of a first deployment, and {old} serves")
    strategy = strategy_of(plan)
    step = 0 if plan.steps[0].id == PREPARE else first_step(strategy, plan, mode)
    return RolloutState(
        new=plan.version, old=old, mode=mode, step=step, author=author, signed=signed, progress=strategy.progress
    )


def turned_back(plan: Plan, state: RolloutState, reason: str) -> tuple[RolloutState, tuple[Event, ...]]:
    """The state at the start of a rollback, and its events, for a rollout whose users were already returned by another
    decision."""
    strategy = strategy_of(plan)
    turn = Tick(plan, state, Observed(None, None), strategy, began_at=state.step)
    roll_back(turn, reason, "command")
    return turn.state, tuple(turn.events)


def wants_traffic(plan: Plan, state: RolloutState) -> bool:
    """Whether synthetic requests should flow: from when users can reach the new version until its last watch ends,
    also while it is held or paused, and at 100 %. Not while it is withdrawn, when its users are gone on purpose; in
    rolling, some may have to stay."""
    return strategy_of(plan).exposed(plan, state) and _may_be_watched(plan, state)


def wants_probes(plan: Plan, state: RolloutState) -> bool:
    """Whether critical functions should be probed: from when users can meet the new code until the last watch ends."""
    return strategy_of(plan).probed(plan, state) and _may_be_watched(plan, state)


def _may_be_watched(plan: Plan, state: RolloutState) -> bool:
    left = state.status is Status.WITHDRAWN and not (strategy_of(plan).serves_withdrawn or kept(state))
    last_watch = max((i for i, s in enumerate(plan.steps) if s.kind in JUDGED), default=-1)
    return state.status in UNDER_WAY and not left and state.step <= last_watch


def _before(plan: Plan, state: RolloutState, seen: Observed) -> tuple[Action, ...]:
    """While the version is brought to where it runs, all stays as it was: nothing of it is started, in no mode."""
    if state.old is None:
        return ()
    return strategy_of(plan).desired(plan, state.changed({"mode": Mode.FULL}), seen)


def _strays(plan: Plan, state: RolloutState, seen: Observed) -> list[str]:
    """Versions that are no part of this rollout and that no request reaches: leftovers of a failed rollback, which stop
    at its end, and what the release before kept warm, which stops at its start, so that never three versions run."""
    if seen.split is None or not (state.status.final or state.status in FORWARD):
        return []
    mine = {state.new, state.old}
    if not state.status.final:
        mine.add(strategy_of(plan).baseline(plan, state.old))
    running = {i.version for i in seen.instances or ()} - mine
    return sorted(version for version in running if not reachable(seen, version))


def _attended(strategy: Strategy, state: RolloutState, now: float, advance: float | None) -> RolloutState:
    since = now - state.at if advance is None else advance
    passed = min(max(since, 0.0), MOST_ATTENDED) if state.at else 0.0
    return state.changed(
        {
            "at": now,
            "waited": state.waited + (passed if state.status is Status.PROGRESSING else 0.0),
            "in_status": state.in_status + passed,
            "watched": state.watched + (passed if state.status in (Status.PROGRESSING, Status.PAUSED) else 0.0),
            "drained": state.drained + (passed if state.out else 0.0),
            "troubles": patience.attended(state, passed),
            "diverted": diversion.attended(state, passed),
            "progress": strategy.attended(state, passed),
        }
    )


# ── forward ────────────────────────────────────────────────────────────────────────────────────────────────


def _go_on(turn: Tick) -> None:
    note_harm(turn)
    note_verdicts(turn)
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
    pause_on_verdict(turn)
    if turn.state.status is Status.PAUSED:
        mind_the_pause(turn)
    elif turn.state.status in FORWARD and turn.state.step == turn.began_at:
        _progress(turn)


def _guard(turn: Tick) -> None:
    """What ends a rollout or returns its users immediately, in any status: a dead canary, and harm (C1)."""
    dead = [
        i
        for i in turn.seen.instances or ()
        if i.version == turn.state.new and i.health is Health.EXITED and not left_on_purpose(turn.state, i.host, i.port)
    ]
    if dead:
        died = InstanceExited(instance=dead[0].id, log_tail=dead[0].detail)
        turn.tell(died)
        roll_back(turn, died.sentence, "instance")
        return
    guard_against_harm(turn)
    if turn.state.status in UNDER_WAY and (why := turn.strategy.overrun(turn)):
        roll_back(turn, why, "timeout")


def _wanted_new(turn: Tick) -> int:
    """So many instances of the new version should run."""
    actions = turn.strategy.desired(turn.plan, turn.state, turn.seen)
    return max((a.count for a in actions if isinstance(a, Ensure) and a.version == turn.state.new), default=1)


def _progress(turn: Tick) -> None:
    """The next step once this one's end was read back and nothing speaks against it; a hold, or the way back."""
    if failed_check(turn):
        return
    take_earlier_approvals(turn)
    hold = why_hold(turn)
    turn.set(troubles=patience.met(turn.state, hold.cause if hold else None))
    settled = turn.state.status is not Status.HOLDING or patience.settled(turn.state)
    if hold is None and settled and not turn.strategy.awaits(turn):
        hold = why_not_begin_the_next(turn)
        if hold is None:
            note_skipped(turn)
            end_hold(turn)
            next_step(turn)
            return
        turn.set(troubles=patience.met(turn.state, hold.cause))
    if hold is not None:
        keep_holding(turn, hold)
        return
    if not settled:
        turn.set(reason=good_for_now(turn.state))
        return
    end_hold(turn)
    if turn.strategy.awaits(turn) and (refusing := instance_that_refuses(turn.seen, turn.state.new)):
        roll_back(turn, f"instance {refusing.id} of the new version is not healthy: {refusing.detail}", "instance")
        return
    if turn.strategy.overdue(turn):
        why = "; ".join(part for part in (turn.strategy.awaits(turn), turn.seen.trouble) if part)
        late = f"timed out after {format_duration(turn.step.timeout)}: {turn.title} ({why})"
        roll_back(turn, late, "timeout")
