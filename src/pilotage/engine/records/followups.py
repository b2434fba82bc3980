"""Stored follow-up actions, and reminders of overdue ones (R26)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Engine, RowMapping, insert, select, update
from sqlalchemy.exc import IntegrityError

from pilotage.engine.records import outbox
from pilotage.engine.records.tables import followups
from pilotage.engine.records.zones import calendar_zones
from pilotage.model.clock import day_of
from pilotage.model.errors import Invalid
from pilotage.model.followup import FollowUp
from pilotage.model.json import JsonObject
from pilotage.model.message import Message, Severity

_EARLIEST = "Pacific/Kiritimati"
"""The zone in which each day starts first."""


AUTOMATIC = "pilotage"
"""The actor of what no person did."""


class UnknownAction(Invalid):
    """No follow-up action has this number."""


def add(
    engine: Engine, service: str, action: FollowUp, channels: Sequence[JsonObject], actor: str, now: float,
    origin: str | None = None,
) -> int:  # fmt: skip
    """Keep a new one; returns its number. channels: who is reminded of it · origin: what made it, once for ever."""
    with engine.begin() as connection:
        made = connection.execute(
            insert(followups).values(
                service=service, description=action.description, owner=action.owner, due=action.due,
                criterion=action.criterion, priority=action.priority, release=action.release, created_by=actor,
                created_at=now, channels=list(channels), figure=action.figure or None, origin=origin,
            )
        )  # fmt: skip
        assert made.inserted_primary_key is not None
        return int(made.inserted_primary_key[0])


def add_once(
    engine: Engine, service: str, action: FollowUp, channels: Sequence[JsonObject], now: float, origin: str
) -> bool:
    """Keep what Pilotage itself adds; False if that was done before."""
    with engine.connect() as connection:
        if connection.scalar(select(followups.c.id).where(followups.c.origin == origin)) is not None:
            return False
    try:
        add(engine, service, action, channels, AUTOMATIC, now, origin)
    except IntegrityError:
        return False  # another worker did
    return True


def done_by_itself(engine: Engine, origin: str, outcome: str, now: float) -> bool:
    """What Pilotage found out for itself; False where it was closed before, or never made."""
    with engine.begin() as connection:
        changed = connection.execute(
            update(followups)
            .where(followups.c.origin == origin, followups.c.done_at.is_(None))
            .values(done_at=now, done_by=AUTOMATIC, outcome=outcome)
        )
        return changed.rowcount == 1


def done(engine: Engine, service: str, identity: int, outcome: str, actor: str, now: float) -> None:
    """Raises UnknownAction for one that is not open."""
    with engine.begin() as connection:
        changed = connection.execute(
            update(followups)
            .where(followups.c.id == identity, followups.c.service == service, followups.c.done_at.is_(None))
            .values(done_at=now, done_by=actor, outcome=outcome)
        )
        if changed.rowcount != 1:
            raise UnknownAction(f"no open action has the number {identity}; list them with `pilotage followup list`")


def actions_of(engine: Engine, service: str, *, open_only: bool = False) -> tuple[FollowUp, ...]:
    """In the order in which they are due."""
    query = select(followups).where(followups.c.service == service)
    if open_only:
        query = query.where(followups.c.done_at.is_(None))
    with engine.connect() as connection:
        return tuple(
            of_row(row) for row in connection.execute(query.order_by(followups.c.due, followups.c.id)).mappings()
        )


def services(engine: Engine) -> tuple[str, ...]:
    """Those that ever had one."""
    with engine.connect() as connection:
        return tuple(connection.scalars(select(followups.c.service).distinct().order_by(followups.c.service)))


def of_row(row: RowMapping) -> FollowUp:
    ended = datetime.fromtimestamp(row["done_at"], UTC).date().isoformat() if row["done_at"] else ""
    return FollowUp(
        row["id"], row["description"], row["owner"], row["due"], row["criterion"], row["priority"], row["release"],
        ended, row["outcome"] or "", row["issue"] or "", row["figure"] or "",
        datetime.fromtimestamp(row["created_at"], UTC).date().isoformat(),
    )  # fmt: skip


def remind(engine: Engine, now: float) -> int:
    """Once for each that is overdue; returns how many reminders went out. The weekly digest names it from then on."""
    latest_day = day_of(now, _EARLIEST).isoformat()
    query = select(followups).where(followups.c.done_at.is_(None), followups.c.due < latest_day)
    with engine.connect() as connection:
        found = list(connection.execute(query).mappings())
        zones = calendar_zones(connection, {row["service"] for row in found})
    days = {service: day_of(now, zone) for service, zone in zones.items()}
    late = [row for row in found if row["due"] < days[row["service"]].isoformat()]
    return sum(outbox.post_once(engine, _nag(row, now), row["channels"], now) > 0 for row in late)


def _nag(row: RowMapping, now: float) -> Message:
    thread = f"action/{row['service']}/{row['id']}"
    return Message(
        f"{thread}/{row['due']}", thread, "action-overdue", Severity.WARNING,
        f"{row['service']}: action {row['id']} is overdue",
        f"Due since {row['due']}, owned by {row['owner']}: {row['description']}. Done when: {row['criterion']}.",
        now, row["service"], "", "", (("owner", row["owner"]), ("priority", row["priority"])),
    )  # fmt: skip


def exported(engine: Engine, identity: int, issue: str) -> None:
    with engine.begin() as connection:
        connection.execute(update(followups).where(followups.c.id == identity).values(issue=issue))
