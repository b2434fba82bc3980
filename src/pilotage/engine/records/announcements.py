"""Stored announcements: their state, edited texts, what waits to go out, and reminders of overdue ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

import msgspec
from sqlalchemy import Connection, Engine, RowMapping, and_, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from pilotage.engine.execution.failpoints import reach
from pilotage.engine.records import outbox, told
from pilotage.engine.records.moments import key_of, moment_of, of, prefix_of
from pilotage.engine.records.store import StoreConflict
from pilotage.engine.records.tables_beside import announcements
from pilotage.engine.records.zones import calendar_zones
from pilotage.model.announcement import OPEN, Announced, Place, Released, State
from pilotage.model.clock import day_of
from pilotage.model.converting import convert
from pilotage.model.json import Json, JsonObject
from pilotage.model.message import Message, Severity
from pilotage.model.quantity import format_duration
from pilotage.model.schedule import After, Lead


def known(engine: Engine, release: Released) -> dict[str, Announced]:
    """The stored state of the release's announcements, by item."""
    with engine.connect() as connection:
        has = told.channels_told(connection, prefix_of(release))
        return {row["item"]: _of_row(row, connection, release, has) for row in rows_of(connection, release)}


def post(
    connection: Connection, message: Message, channels: Sequence[JsonObject], now: float, due: float | None = None
) -> int:
    """Hand a message to the outbox, now or at a time; returns through how many channels. Raises StoreConflict where
    that was done before."""
    try:
        return outbox.post(connection, message, channels, now, due=due)
    except IntegrityError:
        raise StoreConflict("it is already being sent") from None


def rows_of(connection: Connection, release: Released) -> list[RowMapping]:
    query = select(announcements).where(of(release)).order_by(announcements.c.id)
    return list(connection.execute(query).mappings())


def row_of(connection: Connection, release: Released, item: str) -> RowMapping | None:
    """Its row, locked until this transaction ends."""
    query = select(announcements).where(of(release), announcements.c.item == item).with_for_update()
    return connection.execute(query).mappings().first()


def _of_row(row: RowMapping, connection: Connection, release: Released, has: dict[str, tuple[str, ...]]) -> Announced:
    state, key = State(row["state"]), key_of(release, row["item"], row["issue"])
    # Earlier versions handed what was scheduled to the outbox at once.
    if state is State.SCHEDULED and row["message"] is None and not outbox.waits(connection, key):
        state = State.SENT
    return Announced(
        row["item"], row["title"], row["audience"], row["owner"], state, row["due"], row["text"], row["actor"],
        row["reason"], After(row["after"]), row["not_before"], row["happened_at"],
        own=bool(row["own"]) and row["text"] is not None, told=has.get(key, ()),
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An action on an item. lead: after its moment · channels: through which its owner is reminded · day: the release
    date, ISO, empty without one · reason: of a skip · now: Unix seconds."""

    planned: Announced
    lead: Lead
    channels: Sequence[JsonObject]
    actor: str
    day: str
    now: float
    reason: str = ""


def keep(connection: Connection, release: Released, entry: Entry, **values: Json) -> None:
    """Keep what was done, and the item with it where that is the first time."""
    item = entry.planned.item
    if row_of(connection, release, item) is None:
        create(connection, release, entry)
    plain = {name: value.value if isinstance(value, State | After) else value for name, value in values.items()}
    change(connection, release, item, actor=entry.actor, reason=entry.reason, at=entry.now, **plain)


def create(connection: Connection, release: Released, entry: Entry) -> None:
    """Keep an item for the first time."""
    planned = entry.planned
    come = moment_of(connection, release, planned.after) if planned.after else None
    connection.execute(
        insert(announcements).values(
            service=release.service, environment=release.environment, version=release.version, item=planned.item,
            state=planned.state.value, title=planned.title, audience=planned.audience, owner=planned.owner,
            text=planned.text, due=planned.due, channels=list(entry.channels), actor=entry.actor, reason="",
            at=entry.now, after=planned.after.value, lead=entry.lead.amount, unit=entry.lead.unit,
            day=entry.day or None, happened_at=come, own=0,
        )
    )  # fmt: skip


def change(connection: Connection, release: Released, item: str, **values: Json) -> None:
    """Give columns of a kept item new values."""
    connection.execute(update(announcements).where(of(release), announcements.c.item == item).values(**values))


def tell_again(
    connection: Connection,
    release: Released,
    row: RowMapping,
    message: Message,
    channels: Sequence[JsonObject],
    day: str,
) -> None:
    """What was sent goes out once more, as `message`; what is scheduled gets its words. day: that they name now."""
    item, sent = row["item"], row["state"] == State.SENT.value
    outbox.withdraw(connection, message.key if not sent else key_of(release, item, row["issue"]))
    values: dict[str, Json] = {"text": message.text, "day": day, "at": message.at}
    if sent:
        post(connection, message, channels, message.at)
        values["issue"] = row["issue"] + 1
    else:
        values["message"] = plain(message)
    change(connection, release, item, **values)


def write_again(connection: Connection, release: Released, row: RowMapping, now: float) -> None:
    """A person has to change its words, now. What has not begun to go does not go."""
    sent = row["state"] == State.SENT.value
    outbox.withdraw(connection, key_of(release, row["item"], row["issue"]))
    values: dict[str, Json] = {"state": State.DRAFT.value, "issue": row["issue"] + sent, "due": now, "at": now}
    change(connection, release, row["item"], message=None, not_before=None, **values)


# ── what waits ─────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class Pending:
    """An announcement that may go out now. message: without its text where that is written now."""

    service: str
    environment: str
    version: str
    item: str
    state: State
    text: str | None
    own: bool
    after: After
    issue: int
    title: str
    audience: str
    message: Message | None
    channels: tuple[JsonObject, ...]
    at: float


def ready(engine: Engine, now: float) -> tuple[Pending, ...]:
    """What waits for nothing any more, the longest first."""
    columns = announcements.c
    come = and_(columns.state == State.WAITING.value, columns.happened_at.is_not(None))
    timed = and_(columns.state == State.SCHEDULED.value, columns.message.is_not(None))
    query = select(announcements).where(or_(come, timed), or_(columns.not_before.is_(None), columns.not_before <= now))
    with engine.connect() as connection:
        rows = connection.execute(query.order_by(columns.id)).mappings().all()
    return tuple(
        Pending(
            service=row["service"], environment=row["environment"], version=row["version"], item=row["item"],
            state=State(row["state"]), text=row["text"], own=bool(row["own"]) and row["text"] is not None,
            after=After(row["after"]), issue=row["issue"], title=row["title"], audience=row["audience"],
            message=convert(row["message"], Message) if row["message"] else None,
            channels=tuple(row["channels"]), at=row["at"],
        )
        for row in rows
    )  # fmt: skip


def settle(connection: Connection, one: Pending, now: float, **values: Json) -> bool:
    """Give what was ready its next state; False when it is not as it was read: then nothing of it may go out."""
    mine = update(announcements).where(
        of(one),
        announcements.c.item == one.item,
        announcements.c.state == one.state.value,
        announcements.c.at == one.at,
    )
    done = connection.execute(mine.values(at=now, **values)).rowcount == 1
    reach("announcement-settled")
    return done


def plain(message: Message) -> JsonObject:
    """As a row keeps it."""
    data: JsonObject = msgspec.to_builtins(message)
    return data


# ── reminders ──────────────────────────────────────────────────────────────────────────────────────────────


def remind(engine: Engine, now: float) -> int:
    """Nag about what is overdue: one message a day for each release, with the owner of each item; returns how many
    went out. Nothing is late before its moment has come, and what is late for two weeks is given up. What nobody
    planned, since `deploy` tracks it by itself, is named once, on the next day."""
    query = (
        select(announcements)
        .where(
            announcements.c.state.in_([state.value for state in OPEN]),
            announcements.c.due < now,
            announcements.c.due > now - _GIVEN_UP,
            or_(announcements.c.after == After.NOTHING.value, announcements.c.happened_at.is_not(None)),
        )
        .order_by(announcements.c.service, announcements.c.environment, announcements.c.version, announcements.c.id)
    )
    with engine.connect() as connection:
        overdue = list(connection.execute(query).mappings())
        zones = calendar_zones(connection, {row["service"] for row in overdue})
    sent = 0
    for release, rows in groupby(overdue, key=_release):
        day = partial(day_of, zone=zones[release.service])
        late = [row for row in rows if row["day"] is not None or day(row["due"] + _DAY) == day(now)]
        if late:
            message = _nag(release, late, day(now).isoformat(), now)
            sent += outbox.post_once(engine, message, late[-1]["channels"], now) > 0
    return sent


_DAY = 86400.0
_GIVEN_UP = 14 * _DAY


def _release(row: RowMapping) -> Place:
    return Place(service=row["service"], environment=row["environment"], version=row["version"])


def _nag(release: Place, late: Sequence[RowMapping], day: str, now: float) -> Message:
    thread = f"overdue/{release.service}/{release.environment}/{release.version}"
    count = "1 announcement is" if len(late) == 1 else f"{len(late)} announcements are"
    lines = [
        f"{row['item']}, owned by the {row['owner']}: due since {format_duration(int(now - row['due']))} for "
        f"{row['audience']}; `pilotage announce {_next(row)} {row['item']} {release.version}`"
        for row in late
    ]
    return Message(
        f"{thread}/{day}", thread, "announcement-overdue", Severity.WARNING,
        f"{release.service} {release.version}: {count} overdue",
        "\n".join([*lines, "An announcement that you do not need can be skipped with a reason."]),
        now, release.service, release.environment, release.version,
        tuple(("owner", owner) for owner in sorted({row["owner"] for row in late})),
    )  # fmt: skip


def _next(row: RowMapping) -> str:
    return "send" if row["state"] == State.APPROVED.value else "approve"
