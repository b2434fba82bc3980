"""Commands to a running rollout: how each is handled and answered. A command for a state that already holds is done."""

from __future__ import annotations

from pilotage.model.events import CommandRefused, Paused, Promoted, Resumed, StepRestarted
from pilotage.model.events.occurrence import by_whom
from pilotage.model.plan import StepKind
from pilotage.model.rollout import Command, CommandKind, HoldCause, Mode, Status
from pilotage.model.schedule import hyphened
from pilotage.rollout.checking import approved
from pilotage.rollout.harm import accept, begin_again
from pilotage.rollout.stepping import next_step
from pilotage.rollout.turn import Tick
from pilotage.rollout.undoing import roll_back
from pilotage.rollout.watching import JUDGED
from pilotage.rollout.waves import kept

_UNDOING = (CommandKind.ABORT, CommandKind.ROLLBACK, CommandKind.CONFIRM)

_UNDONE = {
    CommandKind.ABORT: "aborted",
    CommandKind.ROLLBACK: "requested",
    CommandKind.CONFIRM: "a problem that users reported is confirmed",
}

_IN_SPITE = (HoldCause.ALERT, HoldCause.COMPLAINTS)
"""Causes of holds that last as long as others say what they say: who resumes continues in spite of it."""
_ANSWERED = (HoldCause.REGRESSION, HoldCause.LOW_SUCCESS_RATE, *_IN_SPITE)
"""Causes of pauses that ask whether this may go on: who resumes has said yes."""


def first_to_undo(command: Command) -> bool:
    """A sort key: commands that roll back come before all others (rule 7)."""
    return command.kind not in _UNDOING


def handle(turn: Tick, command: Command) -> str:
    """Take up a command; returns its outcome in a word or a sentence."""
    status = turn.state.status
    by = by_whom(command.actor, command.reason)
    if command.kind in _UNDOING:
        if status.final or status is Status.ROLLING_BACK:
            return f"nothing to do: the rollout is already {status}"
        cause = "reported" if command.kind is CommandKind.CONFIRM else "command"
        roll_back(turn, f"{_UNDONE[command.kind]} {by}", cause)
        return "done"
    if status.final or status is Status.ROLLING_BACK:
        return _refuse(turn, command, f"the rollout is {status}")
    if status is Status.WITHDRAWN:
        return _answer_withdrawn(turn, command, by)
    match command.kind:
        case CommandKind.PAUSE:
            if status is not Status.PAUSED:
                turn.enter(Status.PAUSED, hold=None, troubles=(), reason=f"paused {by}")
                turn.tell(Paused(actor=command.actor, reason=command.reason))
            return "done"
        case CommandKind.RESUME | CommandKind.RETRY:
            return _go_on(turn, command)
        case CommandKind.PROMOTE:
            return _promote(turn, command)
        case CommandKind.APPROVE:
            return _approve(turn, command)
        case _:
            return _reject(turn, command, by)


def _answer_withdrawn(turn: Tick, command: Command, by: str) -> str:
    """The users are on stable already. A command decides whether the new version gets them back."""
    match command.kind:
        case CommandKind.PROMOTE:
            turn.tell(
                Promoted(
                    actor=command.actor,
                    reason=command.reason,
                    full=command.full,
                    step=turn.step.id,
                    title=turn.title,
                    withdrawal_reason=turn.state.reason,
                )
            )
            accept(turn)
            turn.enter(Status.PROGRESSING, reason="", watched=0.0, waited=0.0, returned=False, paused=False)
            turn.set(attempt=turn.state.attempt + 1)
            if command.full:
                turn.set(mode=_without_analyses(turn))
            return "done"
        case CommandKind.RETRY:
            turn.tell(StepRestarted(actor=command.actor, reason=command.reason, traffic_restored=True))
            turn.set(paused=False)
            begin_again(turn)
            return "done"
        case CommandKind.REJECT:
            roll_back(turn, f"rejected {by}: {turn.state.reason}", "command")
            return "done"
        case _:
            works = (
                "`pilotage promote` restores its traffic, `pilotage retry` restores it and judges fresh evidence, "
                "`pilotage abort` rolls back"
            )
            left = "is withdrawn from a wave" if kept(turn.state) else "is withdrawn and has no traffic"
            return _refuse(turn, command, f"{turn.state.new} {left}: {works}")


def _without_analyses(turn: Tick) -> Mode:
    return Mode.FAST_RETURN if turn.state.mode is not Mode.INITIAL else Mode.INITIAL


def _go_on(turn: Tick, command: Command) -> str:
    kind, status, hold = command.kind, turn.state.status, turn.state.hold
    paused, holding = status is Status.PAUSED, status is Status.HOLDING
    in_spite = holding and hold is not None and hold.cause in _IN_SPITE
    if in_spite or (paused and hold is not None and hold.cause in _ANSWERED):
        # The pause asked for this decision, or the hold would last as long as its cause.
        accept(turn)
    if paused or in_spite or (holding and kind is CommandKind.RETRY):
        turn.enter(Status.PROGRESSING, hold=None, troubles=(), reason="")
        turn.tell(Resumed(actor=command.actor, reason=command.reason))
    if kind is CommandKind.RETRY:
        turn.set(watched=0.0, waited=0.0, attempt=turn.state.attempt + 1)
        turn.tell(StepRestarted(actor=command.actor, reason=command.reason))
    return "done"


def _promote(turn: Tick, command: Command) -> str:
    if turn.step.kind is StepKind.GATE:
        return _refuse(turn, command, f"the rollout waits for {turn.title}; run `pilotage approve`")
    turn.tell(Promoted(actor=command.actor, reason=command.reason, full=command.full))
    accept(turn)
    turn.enter(Status.PROGRESSING, hold=None, troubles=(), reason="")
    if command.full:
        turn.set(mode=_without_analyses(turn))
    elif turn.step.kind in JUDGED and turn.strategy.did_its_part(turn):
        next_step(turn)
    return "done"


def _approve(turn: Tick, command: Command) -> str:
    """One of the approvals that the step needs: by a person with the role, who is not the author (R13, C18)."""
    if turn.step.kind is not StepKind.GATE:
        return _refuse(turn, command, "no step waits for an approval")
    if command.actor == turn.state.author and not turn.plan.setting("approval.allow_author").value:
        return _refuse(turn, command, f"{command.actor} started this rollout, so another person must approve it")
    role = str(turn.plan.setting("approval.role").value)
    # A setting has the role as one word, `people` as it is written in prose.
    if role and command.roles is not None and role not in {hyphened(held) for held in command.roles}:
        return _refuse(turn, command, f"{command.actor} does not have the role {role}")
    if command.actor not in turn.state.approvals:
        turn.set(approvals=(*turn.state.approvals, command.actor))
    given, wanted = len(turn.state.approvals), int(turn.plan.number("approval.count"))
    turn.tell(approved(turn, command.actor, command.reason))
    return "done" if given >= wanted else f"approved; {wanted - given} more needed"


def _reject(turn: Tick, command: Command, by: str) -> str:
    if turn.step.kind is not StepKind.GATE:
        return _refuse(turn, command, "no step waits for an approval")
    roll_back(turn, f"{turn.title} rejected {by}", "command")
    return "done"


def _refuse(turn: Tick, command: Command, why: str) -> str:
    turn.tell(CommandRefused(command=command.kind, actor=command.actor, reason=why))
    return f"refused: {why}"
