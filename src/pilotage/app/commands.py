"""Commands to a running rollout: each is recorded, handled by a worker within a second, and answered."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from pilotage.app.homes import Attended, attend
from pilotage.app.permissions import Permission
from pilotage.app.project import Project, Unclear
from pilotage.app.requests import CommandRequest
from pilotage.model.actor import Actor
from pilotage.model.errors import Invalid
from pilotage.model.record import RolloutSummary
from pilotage.model.rollout import CommandKind, Status

_ANSWER_DEADLINE = 15.0
_UNDOING = (CommandKind.ABORT, CommandKind.ROLLBACK, CommandKind.CONFIRM)


def permission_for(kind: CommandKind) -> Permission:
    """What a person needs to give such a command."""
    if kind in _UNDOING:
        return Permission.TAKE_BACK
    return Permission.APPROVE if kind in (CommandKind.APPROVE, CommandKind.REJECT) else Permission.COMMAND


class End(StrEnum):
    """What became of a command."""

    DONE = "done"
    REFUSED = "refused"
    TOO_LATE = "too-late"
    """The rollout had ended before."""
    UNANSWERED = "unanswered"
    UNATTENDED = "unattended"
    """No worker is there to take it up."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """version, status: of the rollout · sentence: the worker's; empty where it gave none."""

    version: str
    status: Status
    end: End
    sentence: str = ""


def submit(project: Project, actor: str, request: CommandRequest) -> Answer:
    """Record a command and wait until it is handled, for 15 s at most. Raises Unclear, ConfigError, Forbidden."""
    return submit_to(project, actor, meant(project, request.environment), request)


def submit_to(project: Project, actor: str, rollout: RolloutSummary, request: CommandRequest) -> Answer:
    """As `submit`, to a rollout that the person has seen."""
    from pilotage.engine.records.store import StoreConflict

    try:
        identity = ask(project, actor, rollout, request)
    except StoreConflict as late:
        status = project.store.look_up(rollout.id).status
        said = "" if status.final else str(late)
        return Answer(version=rollout.version, status=status, end=End.TOO_LATE, sentence=said)
    return outcome_of(project, rollout, identity)


def approver_of(project: Project, rollout: RolloutSummary, person: Actor) -> str:
    """Under which name somebody approves: the author's if they are the author, by any of their names as `people` has
    them now. So nobody approves their own rollout by a name that was added after it began."""
    known = project.store.get(rollout.id)
    author = known.state.author
    return author if project.people.identify(author).name == person.name else person.name


def outcome_of(project: Project, rollout: RolloutSummary, identity: int) -> Answer:
    """Wait until the command of this id is handled, for 15 s at most."""
    end, sentence = End.UNATTENDED, ""
    if attend(project, rollout.service, rollout.environment) is not Attended.NOBODY:
        end, sentence = _outcome(project, identity)
    return Answer(version=rollout.version, status=rollout.status, end=end, sentence=sentence)


def ask(project: Project, actor: str, rollout: RolloutSummary, request: CommandRequest) -> int:
    """Record a command for the worker that is at work; returns its id. Raises Forbidden, StoreConflict where the
    rollout is over or is no longer as the person saw it."""
    person = project.require(actor, permission_for(request.kind), rollout.environment)
    name = approver_of(project, rollout, person) if request.kind is CommandKind.APPROVE else actor
    return project.store.command(
        rollout.id, request.kind, name, request.reason, request.full, request.about, request.as_of
    )  # fmt: skip


def _outcome(project: Project, identity: int) -> tuple[End, str]:
    from pilotage.engine.records.entries import TOO_LATE

    until = time.monotonic() + _ANSWER_DEADLINE
    while time.monotonic() < until:
        if outcome := project.store.outcome(identity):
            refused = End.REFUSED if outcome.startswith("refused") else End.DONE
            return (End.TOO_LATE if outcome.startswith(TOO_LATE) else refused), outcome
        time.sleep(0.05)
    return End.UNANSWERED, f"no worker has handled it within {_ANSWER_DEADLINE:g} s"


def meant(project: Project, environment: str | None) -> RolloutSummary:
    """The rollout of the environment. If the configuration cannot be read, or has another name for what rolls out: the
    one in progress that is meant, if there is exactly one. So a rollout can be stopped whatever was edited meanwhile.
    Raises Unclear, ConfigError."""
    try:
        return project.newest(environment)
    except Unclear as unclear:
        found = list(_under_way(project, environment))
        unread = unclear.__cause__ is not None
        if len(found) != 1 or not (unread or _renamed(project, found[0])):
            raise
        return found[0]


def _renamed(project: Project, rollout: RolloutSummary) -> bool:
    """Whether the configuration knows no such service or environment any more."""
    try:
        return rollout.environment not in project.names.environments.get(rollout.service, ())
    except Invalid:
        return True


def _under_way(project: Project, environment: str | None) -> Iterator[RolloutSummary]:
    for one in project.store.active():
        if environment in (None, one.environment) and project.service in (None, one.service):
            yield one


def take_out(project: Project, actor: str, rollout: RolloutSummary) -> bool:
    """Cancel a rollout that waits its turn; False where it waits no more. Raises Forbidden."""
    project.require(actor, Permission.COMMAND, rollout.environment)
    return project.store.withdraw(rollout.id, actor, project.clock.now())


def take_back_offline(project: Project, actor: str, environment: str | None, to: str | None) -> tuple[str, str]:
    """All users back to `to`, or to stable, by the router's and the fleet's own files alone. Returns the place's name
    and the sentence. Raises AdapterError."""
    from pilotage.engine.rescue.take_back import find_place, take_back_at

    place = find_place(project.directory, project.service, environment)
    return place.name, take_back_at(place, to, actor)


def clean_up(project: Project, actor: str, environment: str | None) -> str:
    """Remove a failed environment that was kept for study. Returns its version; empty where none is kept."""
    rollout = project.rollout(environment)
    project.require(actor, Permission.CLEAN, rollout.environment)
    if not rollout.state.preserved or not rollout.state.status.final:
        return ""
    project.store.clean_up(rollout.id, actor, project.clock.now())
    attend(project, rollout.service, rollout.environment)
    return rollout.version
