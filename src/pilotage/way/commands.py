"""What people ask of a way: how each is taken up and answered. A command for what already holds is done."""

from __future__ import annotations

from dataclasses import replace

from pilotage.model.actor import Actor, ActorKind
from pilotage.model.events.occurrence import by_whom
from pilotage.model.schedule import hyphened
from pilotage.model.way import Begins, StageStatus, Way, WayStage, WayState, WayStatus
from pilotage.model.way_command import WayCommand, WayCommandKind
from pilotage.model.way_events import (
    AbortRequested,
    StageApproved,
    StagePromoted,
    StageRetried,
    WayCommandRefused,
    WayHeld,
    WayResumed,
)
from pilotage.way.turn import Turn, touched

DONE = "done"


def first_to_end(command: WayCommand) -> bool:
    """A sort key: an abort comes before all others."""
    return command.kind is not WayCommandKind.ABORT


def refusal_of(way: Way, state: WayState, command: WayCommand) -> str:
    """Why a command cannot be executed, in a sentence; empty where it can, or where what it asks holds already."""
    if command.kind is WayCommandKind.ABORT:
        return ""
    if state.status.final or state.status is WayStatus.FAILING:
        return f"the way of {way.version} is {state.status}"
    index = state.current
    if index is None:
        return f"every stage of {way.version} has passed"
    stage, at = way.stages[index], state.stages[index]
    if command.stage and command.stage != stage.name:
        return f"the way is at {stage.name}, not at {command.stage}"
    match command.kind:
        case WayCommandKind.APPROVE:
            return _may_approve(way, state, command.actor)
        case WayCommandKind.PROMOTE if stage.entry.begins is Begins.BY_ITSELF:
            return f"{stage.name} begins by itself"
        case WayCommandKind.PROMOTE if at.status is not StageStatus.WAITING:
            return f"{stage.name} has begun"
        case WayCommandKind.RETRY if at.status is not StageStatus.CUT_OFF:
            return f"{stage.name} is {at.status}, not cut off"
        case _:
            return ""


def _may_approve(way: Way, state: WayState, actor: Actor) -> str:
    index = state.current
    assert index is not None
    stage, at = way.stages[index], state.stages[index]
    if not stage.entry.approvals:
        return f"{stage.name} needs no approval"
    if at.status is not StageStatus.WAITING:
        return f"{stage.name} has begun"
    return forbidden(way, stage, actor)


def forbidden(way: Way, stage: WayStage, actor: Actor) -> str:
    """Why this person's approval of the stage does not count; empty where it does."""
    if actor.kind is not ActorKind.PERSON:
        return f"{actor} is a {actor.kind}: only a person may approve"
    if way.author in actor.names:
        return f"{actor} started this way: somebody else has to approve it"
    roles = stage.entry.roles
    if roles and actor.roles is not None and not {hyphened(one) for one in roles} & {hyphened(r) for r in actor.roles}:
        return f"{actor} does not have the role {' or '.join(roles)}"
    return ""


def take(turn: Turn, command: WayCommand) -> None:
    """Take a command up, and answer it."""
    if why := refusal_of(turn.way, turn.state, command):
        turn.tell(WayCommandRefused(command=command.kind, actor=command.actor.name, reason=why))
        turn.answer(command.id, f"refused: {why}")
        return
    match command.kind:
        case WayCommandKind.ABORT:
            turn.answer(command.id, _abort(turn, command))
            return
        case WayCommandKind.HOLD:
            _hold(turn, command)
        case WayCommandKind.RESUME:
            _resume(turn, command)
        case WayCommandKind.APPROVE:
            _approve(turn, command)
        case WayCommandKind.PROMOTE:
            _promote(turn, command)
        case WayCommandKind.RETRY:
            _retry(turn, command)
    turn.answer(command.id, DONE)


def _abort(turn: Turn, command: WayCommand) -> str:
    state, index = turn.state, turn.state.current
    if state.status.final or state.status is WayStatus.FAILING:
        return f"nothing to do: the way is already {state.status}"
    if index is None:
        return "nothing to do: every stage has passed"
    undoing = touched(turn.way, state, index, turn.seen)
    stage = turn.way.stages[index]
    turn.tell(AbortRequested(actor=command.actor.name, reason=command.reason, stage=stage.name, undone=undoing))
    turn.state = replace(
        state, status=WayStatus.FAILING, reason=f"aborted {by_whom(command.actor.name, command.reason)}",
        failing=turn.now, undoing=undoing, aborted=True,
    )  # fmt: skip
    return DONE


def _hold(turn: Turn, command: WayCommand) -> None:
    if turn.held:
        return
    turn.state = replace(
        turn.state, status=WayStatus.HELD, reason=f"held {by_whom(command.actor.name, command.reason)}"
    )
    turn.tell(WayHeld(actor=command.actor.name, reason=command.reason))


def _resume(turn: Turn, command: WayCommand) -> None:
    if not turn.held:
        return
    turn.state = replace(turn.state, status=WayStatus.UNDER_WAY, reason="")
    turn.tell(WayResumed(actor=command.actor.name, reason=command.reason))


def _approve(turn: Turn, command: WayCommand) -> None:
    index = turn.state.current
    assert index is not None
    stage, state = turn.stage(index)
    if command.actor.name in state.approved:
        return
    state = replace(state, approved=(*state.approved, command.actor.name))
    turn.put(index, state)
    turn.tell(
        StageApproved(
            stage=stage.name, actor=command.actor.name, approvals=len(state.approved),
            approvals_required=stage.entry.approvals, reason=command.reason,
        )
    )  # fmt: skip


def _promote(turn: Turn, command: WayCommand) -> None:
    index = turn.state.current
    assert index is not None
    stage, state = turn.stage(index)
    if state.promoted:
        return
    turn.put(index, replace(state, promoted=command.actor.name))
    turn.tell(StagePromoted(stage=stage.name, actor=command.actor.name, reason=command.reason))


def _retry(turn: Turn, command: WayCommand) -> None:
    index = turn.state.current
    assert index is not None
    stage, state = turn.stage(index)
    turn.put(
        index,
        replace(
            state,
            status=StageStatus.RUNNING,
            attempt=state.attempt + 1,
            tried=turn.now,
            cut_offs=0,
            waiting="",
            detail="",
        ),
    )
    turn.tell(
        StageRetried(
            stage=stage.name, attempt=state.attempt + 1, actor=command.actor.name,
            reason=command.reason or "it was cut off",
        )
    )  # fmt: skip
