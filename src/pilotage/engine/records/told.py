"""Which messages of an announcement are on their way, were told, or were taken back: by the beginning of their keys."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, select, update

from pilotage.engine.records.outbox import WAITING, WITHDRAWN
from pilotage.engine.records.tables import outbox
from pilotage.model.json import JsonObject


def take_back(connection: Connection, prefix: str, but: str) -> None:
    """Delete the messages of these keys that nobody has started to send, and give up those that are being tried. but:
    the beginning of keys that stay."""
    begins = outbox.c.key.startswith
    mine = (begins(prefix, autoescape=True), ~begins(but, autoescape=True), outbox.c.state == WAITING)
    connection.execute(delete(outbox).where(*mine, outbox.c.attempts == 0))
    connection.execute(update(outbox).where(*mine).values(state=WITHDRAWN))


def keys_with(connection: Connection, prefix: str) -> frozenset[str]:
    """Keys of the messages that begin so."""
    query = select(outbox.c.key).where(outbox.c.key.startswith(prefix, autoescape=True))
    return frozenset(connection.scalars(query.distinct()).all())


@dataclass(frozen=True, kw_only=True)
class Told:
    """A message that has begun to go. section: of the channel, empty once it was pruned · kind, to: of the message."""

    channel: str
    section: JsonObject
    kind: str
    to: tuple[str, ...]


def begun(connection: Connection, prefix: str, since: str) -> tuple[Told, ...]:
    """Messages of these keys that a sender has begun to send, the oldest first. since: the beginning of keys after the
    last of which they were written."""
    begins = outbox.c.key.startswith
    last = connection.scalar(select(func.max(outbox.c.id)).where(begins(since, autoescape=True))) or 0
    query = select(outbox).where(begins(prefix, autoescape=True), outbox.c.attempts > 0, outbox.c.id > last)
    rows = connection.execute(query.order_by(outbox.c.id)).mappings().all()
    return tuple(
        Told(
            channel=row["channel"],
            section=row["section"],
            kind=str(row["message"].get("kind") or ""),
            to=tuple(row["message"].get("to") or ()),
        )
        for row in rows
    )


def channels_told(connection: Connection, prefix: str) -> dict[str, tuple[str, ...]]:
    """The channels that have each message, by key."""
    query = select(outbox.c.key, outbox.c.channel, outbox.c.sent_at).where(
        outbox.c.key.startswith(prefix, autoescape=True), outbox.c.sent_at.is_not(None)
    )
    found: dict[str, tuple[str, ...]] = {}
    for row in connection.execute(query.order_by(outbox.c.id)).all():
        found[row.key] = (*found.get(row.key, ()), row.channel)
    return found
