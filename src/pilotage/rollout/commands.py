"""What people ask of a running rollout, taken up and answered. Asking for what already is, is done."""

from __future__ import annotations

from pilotage.model.observation import VerdictKind
from pilotage.model.plan import StepKind
from pilotage.model.rollout import Command, CommandKind, Pace, Status
from pilotage.rollout.turn import Turn, next_step, roll_back

_UNDOING = (CommandKind.ABORT, CommandKind.ROLLBACK)


def first_to_undo(command: Command) -> bool:
    """A sort key: whoever asks to undo is heard before whoever asks to go on (rule 7)."""
    return command.kind not in _UNDOING


def obey(turn: Turn, command: Command) -> str:
    """Take up a command; returns its outcome in a word or a sentence."""
    status = turn.state.status
    by = f"by {command.actor}" + (f": {command.reason}" if command.reason else "")
    if command.kind in _UNDOING:
        if status.final or status is Status.ROLLING_BACK:
            return f"nothing to do: already {status}"
        roll_back(turn, f"{'aborted' if command.kind is CommandKind.ABORT else 'rolled back'} {by}", "command")
        return "done"
    if status.final or status is Status.ROLLING_BACK:
        return _refuse(turn, command, f"the rollout is {status}")
    match command.kind:
        case CommandKind.PAUSE:
            if status is not Status.PAUSED:
                turn.enter(Status.PAUSED, hold=None, reason=f"paused {by}")
                turn.tell("paused", f"paused {by}; limits stay live")
            return "done"
        case CommandKind.RESUME | CommandKind.RETRY:
            return _go_on(turn, command.kind, by)
        case CommandKind.PROMOTE:
            return _promote(turn, command, by)
        case CommandKind.APPROVE:
            return _approve(turn, command, by)
        case _:
            return _reject(turn, command, by)


def _go_on(turn: Turn, kind: CommandKind, by: str) -> str:
    status = turn.state.status
    if status is Status.PAUSED or (status is Status.HOLDING and kind is CommandKind.RETRY):
        turn.enter(Status.PROGRESSING, hold=None, reason="")
        turn.tell("resumed", f"resumed {by}")
    if kind is CommandKind.RETRY:
        turn.set(watched=0.0, waited=0.0, attempt=turn.state.attempt + 1)
        turn.tell("retried", f"this step's watch and checks start again, asked {by}")
    return "done"


def _promote(turn: Turn, command: Command, by: str) -> str:
    if turn.step.kind is StepKind.GATE:
        return _refuse(turn, command, f"{turn.step.title} is waited for: `pilotage approve`")
    failing = tuple(v.metric for v in turn.seen.verdicts if v.kind is VerdictKind.FAIL and not v.critical)
    turn.tell("promoted", f"promoted {by}" + (" without the analyses that are left" if command.full else ""))
    turn.enter(Status.PROGRESSING, hold=None, reason="", accepted=(*turn.state.accepted, *failing))
    if command.full:
        turn.set(pace=Pace.FAST if turn.state.pace is not Pace.FIRST else Pace.FIRST)
    elif turn.step.kind in (StepKind.ANALYSE, StepKind.BAKE, StepKind.KEEP):
        next_step(turn)
    return "done"


def _approve(turn: Turn, command: Command, by: str) -> str:
    """One of the approvals that the step wants: of a person with the role, who is not the author (R13, C18)."""
    if turn.step.kind is not StepKind.GATE:
        return _refuse(turn, command, "no approval is waited for")
    if command.actor == turn.state.author and not turn.plan.setting("approval.author").value:
        return _refuse(turn, command, f"{command.actor} asked for this rollout: another person must approve it")
    role = str(turn.plan.setting("approval.role").value)
    if role and role not in command.roles:
        return _refuse(turn, command, f"{command.actor} is no {role}")
    if command.actor not in turn.state.approvals:
        turn.set(approvals=(*turn.state.approvals, command.actor))
    given, wanted = len(turn.state.approvals), int(turn.plan.number("approval.count"))
    turn.tell(
        "approved", f"{turn.step.title}: approved {by} ({given} of {wanted})", plan=turn.plan.hash, person=command.actor
    )
    return "done" if given >= wanted else f"approved, {wanted - given} more needed"


def _reject(turn: Turn, command: Command, by: str) -> str:
    if turn.step.kind is not StepKind.GATE:
        return _refuse(turn, command, "no approval is waited for")
    roll_back(turn, f"{turn.step.title}: rejected {by}", "command")
    return "done"


def _refuse(turn: Turn, command: Command, why: str) -> str:
    turn.tell("command-refused", f"{command.kind} by {command.actor} refused: {why}")
    return f"refused: {why}"
