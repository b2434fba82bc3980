"""Stored announcements: their state, edited texts, and reminders of overdue ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Engine, RowMapping, and_, insert, select, update
from sqlalchemy.exc import IntegrityError

from pilotage.engine.records import outbox
from pilotage.engine.records.store import StoreConflict
from pilotage.engine.records.tables import announcements
from pilotage.engine.records.zones import calendar_zones
from pilotage.model.announcement import Announced, State
from pilotage.model.clock import day_of
from pilotage.model.json import Json, JsonObject
from pilotage.model.message import Message, Severity
from pilotage.model.plan import Plan
from pilotage.model.quantity import format_duration


def known(engine: Engine, plan: Plan) -> dict[str, Announced]:
    """The stored state of the plan's announcements, by item."""
    with engine.connect() as connection:
        return {row["item"]: _of_row(row, connection, plan) for row in _rows(connection, plan)}


def items(connection: Connection, plan: Plan) -> frozenset[str]:
    """Those that are kept."""
    return frozenset(row["item"] for row in _rows(connection, plan))


def post(
    connection: Connection, message: Message, channels: Sequence[JsonObject], now: float, due: float | None
) -> int:
    """Hand a message to the outbox, now or at a time; returns through how many channels. Raises StoreConflict where
    that was done before."""
    try:
        return outbox.post(connection, message, channels, now, due=due)
    except IntegrityError:
        raise StoreConflict("it is already being sent") from None


def _rows(connection: Connection, plan: Plan) -> list[RowMapping]:
    query = select(announcements).where(_of(plan)).order_by(announcements.c.id)
    return list(connection.execute(query).mappings())


def _of(plan: Plan) -> ColumnElement[bool]:
    return and_(
        announcements.c.service == plan.service, announcements.c.environment == plan.environment,
        announcements.c.version == plan.version,
    )  # fmt: skip


def state_of(connection: Connection, plan: Plan, item: str) -> State:
    """Its state, locked until this transaction ends."""
    query = select(announcements.c.state).where(_of(plan), announcements.c.item == item).with_for_update()
    return State(connection.scalar(query) or State.DRAFT)


def _of_row(row: RowMapping, connection: Connection, plan: Plan) -> Announced:
    state = State(row["state"])
    if state is State.SCHEDULED and not outbox.waits(connection, key_of(plan, row["item"])):
        state = State.SENT
    return Announced(
        row["item"], row["title"], row["audience"], row["owner"], state, row["due"], row["text"], row["actor"],
        row["reason"],
    )  # fmt: skip


def key_of(plan: Plan, item: str) -> str:
    """The key of its message in the outbox."""
    return f"announcement/{plan.service}/{plan.environment}/{plan.version}/{item}"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An action on an item. channels: through which its owner is reminded · reason: of a skip · now: Unix seconds."""

    planned: Announced
    channels: Sequence[JsonObject]
    actor: str
    reason: str
    now: float


def keep(connection: Connection, plan: Plan, entry: Entry, **values: Json) -> None:
    """Keep what was done, and the item with it where that is the first time."""
    item = entry.planned.item
    if item not in items(connection, plan):
        create(connection, plan, entry.planned, entry.channels, entry.actor, entry.now)
    plain = {name: value.value if isinstance(value, State) else value for name, value in values.items()}
    change(connection, plan, item, actor=entry.actor, reason=entry.reason, at=entry.now, **plain)


def create(
    connection: Connection,
    plan: Plan,
    planned: Announced,
    channels: Sequence[JsonObject],
    actor: str,
    now: float,
) -> None:
    """Keep an item for the first time. channels: through which its owner is reminded."""
    connection.execute(
        insert(announcements).values(
            service=plan.service, environment=plan.environment, version=plan.version, item=planned.item,
            state=planned.state.value, title=planned.title, audience=planned.audience, owner=planned.owner,
            text=planned.text, due=planned.due, channels=list(channels), actor=actor, reason="", at=now,
        )
    )  # fmt: skip


def change(connection: Connection, plan: Plan, item: str, **values: Json) -> None:
    """Give columns of a kept item new values."""
    connection.execute(update(announcements).where(_of(plan), announcements.c.item == item).values(**values))


def remind(engine: Engine, now: float) -> int:
    """Nag the owners of what is overdue, once a day each; returns how many reminders went out."""
    query = select(announcements).where(
        announcements.c.state.in_((State.DRAFT.value, State.APPROVED.value)), announcements.c.due < now
    )
    with engine.connect() as connection:
        overdue = list(connection.execute(query).mappings())
        zones = calendar_zones(connection, {row["service"] for row in overdue})
    days = {service: day_of(now, zone).isoformat() for service, zone in zones.items()}
    return sum(
        outbox.post_once(engine, _nag(row, days[row["service"]], now), row["channels"], now) > 0 for row in overdue
    )


def _nag(row: RowMapping, day: str, now: float) -> Message:
    thread = f"overdue/{row['service']}/{row['environment']}/{row['version']}/{row['item']}"
    late = format_duration(int(now - row["due"]))
    do = "send" if row["state"] == State.APPROVED.value else "approve"
    return Message(
        f"{thread}/{day}", thread, "announcement-overdue", Severity.WARNING,
        f"{row['service']} {row['version']}: {row['title']} is overdue",
        f"Due since {late} for {row['audience']}, owned by the {row['owner']}. Run `pilotage announce {do} "
        f"{row['item']} {row['version']}`, or skip it with a reason.",
        now, row["service"], row["environment"], row["version"],
        (("owner", row["owner"]), ("audience", row["audience"])),
    )  # fmt: skip
