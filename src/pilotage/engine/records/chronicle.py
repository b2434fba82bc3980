"""Events of a rollout and the messages about them, in the transaction of what happened (rule 12)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, select

from pilotage.engine.integrity.chain import append
from pilotage.engine.integrity.sealing import NOTHING, Seal, told, with_sealed
from pilotage.engine.records.moments import follow
from pilotage.engine.records.outbox import name_of, post
from pilotage.engine.records.tables import events
from pilotage.model.events import RolloutQueued, RolloutStarted
from pilotage.model.json import JsonObject
from pilotage.model.message import Incident
from pilotage.model.plan import Plan
from pilotage.model.record import Rollout
from pilotage.model.rollout import Event, Mode, RolloutState
from pilotage.model.snapshot import Snapshot
from pilotage.model.text import clean
from pilotage.report.telling import Happened, Subject, channels_for, incident_of, message_of


@dataclass(frozen=True)
class Told:
    """How far the chronicle of a rollout is: the chain's head, its length, and whether an incident is open (None:
    only the events know)."""

    head: str
    count: int
    paged: bool | None

    def columns(self) -> JsonObject:
        return {"head": self.head, "events": self.count, "paged": None if self.paged is None else int(self.paged)}


def subject_of(rollout: Rollout) -> Subject:
    return Subject(
        rollout.id, rollout.service, rollout.environment, rollout.version, rollout.old or "", rollout.actor,
        rollout.plan_hash, started_at=rollout.started_at,
    )  # fmt: skip


def so_far(rollout: Rollout) -> Told:
    return Told(rollout.head, rollout.events, rollout.paged)


def tell(
    connection: Connection,
    subject: Subject,
    snapshot: Snapshot,
    before: Told,
    new: Sequence[Event],
    now: float,
    seal: Seal = NOTHING,
) -> Told:
    """Record events, and post a message about each to the channels of `snapshot`. seal: what the events seal in
    addition."""
    if not new:
        return before
    head, count = before.head, before.count
    paged = _is_paged(connection, subject.id, before.count) if before.paged is None else before.paged
    channels = snapshot.notify
    for event in seal.around(new):
        count += 1
        happened = Happened(count, now, event.type, clean(event.sentence), event.data)
        if channels:
            message = message_of(replace(subject, paged=paged, server=snapshot.server), happened)
            receivers = [name_of(section) for section, _ in channels_for(message, channels)]
            event = with_sealed(event, told(message, receivers)) if receivers else event
            post(connection, message, channels, now)
        head = append(connection, subject.id, head, count, event, now).hash
        follow(connection, subject, snapshot, happened.what, now)
        paged = _next(paged, happened)
    return Told(head, count, paged)


def _next(paged: bool, happened: Happened) -> bool:
    match incident_of(paged, happened.what):
        case Incident.TRIGGER:
            return True
        case Incident.RESOLVE:
            return False
        case _:
            return paged


def _is_paged(connection: Connection, rollout: str, count: int) -> bool:
    """From its first `count` events: where they were written by a version that kept no column for it."""
    query = select(events).where(events.c.rollout == rollout, events.c.number <= count).order_by(events.c.number)
    paged = False
    for row in connection.execute(query).mappings().all():
        paged = _next(paged, Happened(row["number"], row["at"], row["type"], row["sentence"], row["data"]))
    return paged


_ASKS = "hold-started"
_ANSWERED = ("hold-ended", "rollback-started", "step-started", "completed")


def open_question(connection: Connection, rollout: str) -> int | None:
    """The number of the event with the question that a person has to answer now; None if there is none."""
    said = events.c.type.in_((_ASKS, *_ANSWERED))
    query = select(events.c.number, events.c.type).where(events.c.rollout == rollout, said)
    last = connection.execute(query.order_by(events.c.number.desc()).limit(1)).first()
    return int(last.number) if last is not None and last.type == _ASKS else None


def queued(plan: Plan, actor: str) -> Event:
    return RolloutQueued(version=plan.version, environment=plan.environment, actor=actor).record()


def started(plan: Plan, state: RolloutState, actor: str) -> Event:
    return RolloutStarted(
        plan_hash=plan.hash,
        mode=state.mode,
        version=plan.version,
        stable_version=state.old or "",
        environment=plan.environment,
        actor=actor,
        emergency_reason=state.reason if state.mode is Mode.EMERGENCY else "",
    ).record()
