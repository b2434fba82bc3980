"""What a worker answers to a command: the command's outcome, and a row of the audit log beside that of who asked.

A command is only asked when its first row is written, so that row says `allowed`. The second one says whether it was
done or refused, and why.
"""

from __future__ import annotations

from sqlalchemy import Connection, Table, func, select, update

from pilotage.engine.records import audit
from pilotage.engine.records.tables_identity import audit as log
from pilotage.model.access import Proof
from pilotage.model.audit import Act, Outcome

TOO_LATE = "too late"
"""Start of the outcome of a command that was not handled before its rollout ended."""
_NOT_DONE = ("refused", TOO_LATE)
_NEAR = 5_000
"""Rows of the log among which that of who asked is looked for: a worker answers within seconds."""


def reply(connection: Connection, commands: Table, identity: int, outcome: str, now: float) -> None:
    """Answer a command. commands: those of rollouts or of ways."""
    connection.execute(update(commands).where(commands.c.id == identity).values(outcome=outcome))
    _note(connection, commands, identity, outcome, now)


def reply_to_rest(connection: Connection, commands: Table, of: str, outcome: str, now: float) -> None:
    """Answer the open commands of a rollout or a way that has ended."""
    still_open = (commands.c[_owner(commands)] == of, commands.c.outcome.is_(None))
    for identity in connection.scalars(select(commands.c.id).where(*still_open)).all():
        reply(connection, commands, identity, outcome, now)


def _owner(commands: Table) -> str:
    return "way" if commands.name == "way_commands" else "rollout"


def _note(connection: Connection, commands: Table, identity: int, outcome: str, now: float) -> None:
    """Nothing for a command that no person and no program asked, such as one of the rescue."""
    command = connection.execute(select(commands).where(commands.c.id == identity)).mappings().one()
    about = f"{command[_owner(commands)]} {command['kind']}"
    newest = connection.scalar(select(func.max(log.c.number))) or 0
    near = (log.c.object == about, log.c.number > newest - _NEAR, log.c.at >= command["at"])
    asked = connection.execute(select(log).where(*near).order_by(log.c.number).limit(1)).first()
    if asked is None:
        return
    act = Act(
        actor=asked.actor, kind=asked.kind, proof=Proof.ORDER, action=asked.action, object=about,
        service=asked.service, environment=asked.environment, reason=outcome,
    )  # fmt: skip
    done = Outcome.REFUSED if outcome.startswith(_NOT_DONE) else Outcome.DONE
    audit.append(connection, act, now, outcome=done)
