"""The outbox: messages are written in the transaction of their event, sent at least once, and identified by key.

There is one row per message and channel. A sender claims a row first, so two workers do not send it at the same time;
the claim of a dead process is void. A failed message is retried at growing intervals for a day, then left for an
operator (`pilotage notify retry`). Within a channel nothing overtakes a message that is being retried, so "resolved"
never arrives before "triggered".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection, Engine, RowMapping, Update, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from pilotage.engine.placement.leases import gone
from pilotage.engine.records.tables import outbox
from pilotage.model.channel import channel_of
from pilotage.model.converting import convert
from pilotage.model.json import Json, JsonObject, object_at
from pilotage.model.message import Message
from pilotage.model.renamed import renamed
from pilotage.report.telling import channels_for, due_at

WAITING, SENT, DEAD = "waiting", "sent", "dead"
WITHDRAWN = "withdrawn"
"""The state of a message that was being tried when what it says became false: it may have arrived."""
PRUNED = "pruned"
"""The state of a message that is over, and of which only the digest is kept."""

CLAIM = 60.0
"""Seconds for which a claim holds: longer than any channel may take."""

_FIRST, _LONGEST, _DAY = 1.0, 300.0, 86400.0


@dataclass(frozen=True)
class PendingDelivery:
    """One message for one channel. again: an earlier try may have arrived · first: the receipt of its thread's first
    message in that channel · so_far: what earlier tries have done of it."""

    id: int
    channel: str
    section: JsonObject
    message: Message
    attempts: int
    created_at: float
    again: bool
    first: JsonObject | None
    so_far: JsonObject | None = None


@dataclass(frozen=True, kw_only=True)
class Posted:
    """A message as it was written for one channel, and what came of it. Times are Unix seconds; the receipt is the
    channel's own, None before it went out."""

    key: str
    channel: str
    state: str
    due: float
    attempts: int
    created_at: float
    sent_at: float | None
    receipt: JsonObject | None
    error: str | None
    message: JsonObject

    @property
    def title(self) -> str:
        return str(self.message.get("title") or "")


@dataclass(frozen=True)
class ChannelHealth:
    """How a channel does. sent, waiting, dead: messages · error: of the last try that failed, if any since the last
    success."""

    channel: str
    sent: int
    waiting: int
    dead: int
    last_sent: float | None
    error: str


# ── written ────────────────────────────────────────────────────────────────────────────────────────────────


def post(
    connection: Connection, message: Message, channels: Sequence[JsonObject], now: float, due: float | None = None
) -> int:  # fmt: skip
    """Put a message into the outbox for every channel that is to have it; returns for how many. due: not before."""
    written = channels_for(message, channels)
    _write(connection, message, written, now, due)
    return len(written)


def post_to(connection: Connection, message: Message, sections: Sequence[JsonObject], now: float) -> int:
    """The same for exactly these channels, whatever audience they have: they got what the message is about."""
    written = [(section, due_at(message, channel_of(section).quiet_hours)) for section in sections]
    _write(connection, message, written, now, None)
    return len(written)


def _write(
    connection: Connection,
    message: Message,
    written: Sequence[tuple[JsonObject, float]],
    now: float,
    due: float | None,
) -> None:
    for section, earliest in written:
        connection.execute(
            insert(outbox).values(
                key=message.key, channel=name_of(section), section=dict(section), service=message.service,
                environment=message.environment, thread=message.thread, message=msgspec.to_builtins(message),
                state=WAITING, due=max(earliest, due or 0.0), attempts=0, claimed_until=0.0,
                created_at=max(now, earliest, due or 0.0),  # the day of retries starts when it is due
            )
        )  # fmt: skip


def post_once(engine: Engine, message: Message, channels: Sequence[JsonObject], now: float) -> int:
    """The same in its own transaction; nothing if a message with that key was posted before."""
    try:
        with engine.begin() as connection:
            return post(connection, message, channels, now)
    except IntegrityError:
        return 0


def post_to_once(engine: Engine, message: Message, sections: Sequence[JsonObject], now: float) -> int:
    """As `post_to`, in its own transaction; nothing if a message with that key was posted before."""
    try:
        with engine.begin() as connection:
            return post_to(connection, message, sections, now)
    except IntegrityError:
        return 0


def waits(connection: Connection, key: str) -> bool:
    """Whether some of this message has still to go out."""
    query = select(outbox.c.id).where(outbox.c.key == key, outbox.c.state == WAITING)
    return connection.execute(query.limit(1)).first() is not None


def withdraw(connection: Connection, key: str) -> bool:
    """Take back a message that nobody has started to send. False if part of it was sent: then roll the transaction
    back."""
    there = connection.scalar(select(func.count()).where(outbox.c.key == key))
    untouched = delete(outbox).where(outbox.c.key == key, outbox.c.state == WAITING, outbox.c.attempts == 0)
    return connection.execute(untouched).rowcount == there


def name_of(section: JsonObject) -> str:
    return channel_of(section).called


# ── sent ───────────────────────────────────────────────────────────────────────────────────────────────────


def due(engine: Engine, now: float) -> tuple[str, ...]:
    """The channels that have something to send now."""
    query = select(outbox.c.channel).where(outbox.c.state == WAITING, outbox.c.due <= now).distinct()
    with engine.connect() as connection:
        return tuple(connection.scalars(query))


def claim(engine: Engine, channel: str, by: str, now: float) -> PendingDelivery | None:
    """The next letter of a channel, now this sender's alone; None when nothing is due, or another one is at it."""
    with engine.begin() as connection:
        row = _next(connection, channel, now)
        if row is None or (row["claimed_until"] > now and row["claimed_by"] != by and not gone(row["claimed_by"])):
            return None
        mine = update(outbox).where(outbox.c.id == row["id"], outbox.c.state == WAITING)
        mine = mine.where(outbox.c.attempts == row["attempts"])
        changed = connection.execute(
            mine.values(claimed_by=by, claimed_until=now + CLAIM, attempts=row["attempts"] + 1)
        )
        if changed.rowcount != 1:
            return None
        section, _ = renamed(row["section"], "notify.*")
        return PendingDelivery(
            row["id"], channel, object_at(section), convert(row["message"], Message), row["attempts"] + 1,
            row["created_at"], again=row["claimed_until"] > 0,
            first=_first_receipt(connection, row), so_far=row["receipt"],
        )  # fmt: skip


def _next(connection: Connection, channel: str, now: float) -> RowMapping | None:
    waiting = select(outbox).where(outbox.c.channel == channel, outbox.c.state == WAITING)
    # Something that is tried again holds up what came after it.
    stuck = connection.scalar(
        select(func.min(outbox.c.id)).where(
            outbox.c.channel == channel, outbox.c.state == WAITING, outbox.c.attempts > 0
        )
    )
    waiting = waiting.where(outbox.c.due <= now)
    if stuck is not None:
        waiting = waiting.where(outbox.c.id <= stuck)
    return connection.execute(waiting.order_by(outbox.c.id).limit(1)).mappings().first()


def _first_receipt(connection: Connection, row: RowMapping) -> JsonObject | None:
    query = select(outbox.c.receipt).where(
        outbox.c.thread == row["thread"], outbox.c.channel == row["channel"], outbox.c.state == SENT,
    )  # fmt: skip
    found = connection.execute(query.order_by(outbox.c.id)).scalars()
    return next((receipt for receipt in found if receipt), None)


def delivered(engine: Engine, letter: PendingDelivery, receipt: JsonObject, now: float) -> None:
    done = {"state": SENT, "sent_at": now, "receipt": dict(receipt), "error": None, "claimed_until": 0.0}
    with engine.begin() as connection:
        connection.execute(_mine(letter).values(**done))


def failed(
    engine: Engine, letter: PendingDelivery, why: str, now: float, *, permanent: bool, retry_after: float | None,
    so_far: JsonObject | None = None,
) -> None:  # fmt: skip
    """It was not sent. Retry after the wait that the receiver requested, otherwise after twice the last one."""
    over = permanent or now - letter.created_at > _DAY
    wait = retry_after if retry_after is not None else min(_LONGEST, _FIRST * 2 ** min(letter.attempts - 1, 20))
    again: dict[str, Json] = {
        "state": DEAD if over else WAITING, "due": now + wait, "error": why[:500], "claimed_until": 0.0,
        "receipt": dict(so_far) if so_far else None,
    }  # fmt: skip
    with engine.begin() as connection:
        # What was withdrawn meanwhile stays withdrawn.
        connection.execute(_mine(letter).where(outbox.c.state == WAITING).values(**again))


def noted(engine: Engine, letter: PendingDelivery, so_far: JsonObject) -> None:
    """What was done of it by now, for the next try if this one dies."""
    with engine.begin() as connection:
        connection.execute(_mine(letter).where(outbox.c.state == WAITING).values(receipt=dict(so_far)))


def _mine(letter: PendingDelivery) -> Update:
    return update(outbox).where(outbox.c.id == letter.id, outbox.c.attempts == letter.attempts)


def reduce_to_digest(connection: Connection, identity: int, digest: str) -> None:
    """Keep of a message that it was there, when it went out, and its digest. Nothing where it is tried again."""
    left = {"title": "", "digest": digest}  # with a title, which commands of earlier versions show
    gone = update(outbox).where(outbox.c.id == identity, outbox.c.state != WAITING)
    connection.execute(gone.values(state=PRUNED, message=left, section={}, receipt=None, error=None))


# ── looked at ──────────────────────────────────────────────────────────────────────────────────────────────


def retry(engine: Engine, channel: str | None, now: float) -> int:
    """Try what was given up, and what waits for its next try, again now; returns how many."""
    stuck = update(outbox).where(or_(outbox.c.state == DEAD, (outbox.c.state == WAITING) & outbox.c.error.is_not(None)))
    if channel is not None:
        stuck = stuck.where(outbox.c.channel == channel)
    with engine.begin() as connection:
        return connection.execute(stuck.values(state=WAITING, due=now, created_at=now, claimed_until=0.0)).rowcount


def health(engine: Engine, names: Iterable[str] = ()) -> tuple[ChannelHealth, ...]:
    """Of every channel that ever got a message, and of `names`."""
    counted = select(outbox.c.channel, outbox.c.state, func.count(), func.max(outbox.c.sent_at))
    found: dict[str, dict[str, tuple[int, float | None]]] = {name: {} for name in names}
    with engine.connect() as connection:
        for channel, state, count, last in connection.execute(counted.group_by(outbox.c.channel, outbox.c.state)):
            found.setdefault(channel, {})[state] = (count, last)
        trouble = _trouble(connection)
    return tuple(
        ChannelHealth(
            channel, states.get(SENT, (0, None))[0], states.get(WAITING, (0, None))[0],
            states.get(DEAD, (0, None))[0], states.get(SENT, (0, None))[1], trouble.get(channel, ""),
        )
        for channel, states in sorted(found.items())
    )  # fmt: skip


def _trouble(connection: Connection) -> dict[str, str]:
    query = select(outbox.c.channel, outbox.c.error).where(outbox.c.state != SENT, outbox.c.error.is_not(None))
    return {row.channel: row.error for row in connection.execute(query.order_by(outbox.c.id))}


def letters(engine: Engine, *, thread: str | None = None, limit: int = 50) -> tuple[Posted, ...]:
    """Messages with their outcome, newest first."""
    query = select(outbox)
    if thread is not None:
        query = query.where(outbox.c.thread == thread)
    with engine.connect() as connection:
        rows = connection.execute(query.order_by(outbox.c.id.desc()).limit(limit)).mappings().all()
    return tuple(Posted(**{name: row[name] for name in Posted.__dataclass_fields__}) for row in rows)


def waiting(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(select(func.count()).where(outbox.c.state == WAITING)) or 0)
