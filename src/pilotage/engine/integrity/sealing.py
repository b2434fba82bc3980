"""What events fix besides their own words: columns, commands, messages, final verdicts, and the list of rollouts.

An event's data may have a key `sealed`. The event's hash covers it, so a column that was edited later, a command that
was deleted, or a rollout that was removed no longer agrees with the chain. Events written before there was such a key
keep their hashes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import msgspec
from sqlalchemy import Connection, select, update

from pilotage.engine.records.tables import commands, environments, events, judge_states, live_views, rollouts
from pilotage.model.canonical import canonical_json
from pilotage.model.events import RolloutQueued, RolloutStarted
from pilotage.model.json import Json, JsonObject, text_at
from pilotage.model.message import Message
from pilotage.model.rollout import Event
from pilotage.model.text import clean

SEALED = "sealed"
FORMAT = 1
LINKS = (RolloutQueued.type, RolloutStarted.type)
"""Events that continue the list of an environment's rollouts."""

ENTRY = ("service", "environment", "version", "old", "actor", "created_at", "group_id", "snapshot", "plan_hash")
"""Columns that a rollout's first event fixes."""

RENAMED_COLUMNS = {"release": "group_id"}
"""By the name that a seal may have: today's."""

START = ("old", "sequence", "started_at")
END = ("status", "reason", "step", "reached", "finished_at")
COMMAND = ("id", "kind", "actor", "reason", "full", "at")


@dataclass(frozen=True, kw_only=True)
class Seal:
    """What the events of one transaction fix. first, last: of the first and the last of them."""

    first: JsonObject
    last: JsonObject

    def around(self, new: Collection[Event]) -> list[Event]:
        """The events with what they fix."""
        sealed = list(new)
        if sealed:
            sealed[0] = with_sealed(sealed[0], self.first)
            sealed[-1] = with_sealed(sealed[-1], self.last)
        return sealed


NOTHING = Seal(first={}, last={})


def with_sealed(event: Event, part: JsonObject) -> Event:
    """The event with more in its seal."""
    if not part:
        return event
    whole = {"format": FORMAT, **sealed_in(event.data), **part}
    return replace(event, data={**event.data, SEALED: whole})


def sealed_in(data: JsonObject) -> JsonObject:
    """What an event fixes; nothing for one that was written before there were seals."""
    found = data.get(SEALED)
    return found if isinstance(found, Mapping) else {}


def digest(value: object) -> str:
    """SHA-256 of the canonical JSON of plain data, the same before it is stored and after."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def plain(text: Json) -> Json:
    """Parsed JSON of a column; None if it is invalid."""
    try:
        found: Json = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None
    return found


# ── started ────────────────────────────────────────────────────────────────────────────────────────────────


def entry(connection: Connection, rollout: str) -> Seal:
    """Of a rollout whose row was just inserted: its columns, and its place in the list of rollouts."""
    row = _row(connection, rollout)
    part: dict[str, Json] = {"entry": {name: row[name] for name in ENTRY}}
    if row["sequence"] is not None:
        part["start"] = {name: row[name] for name in START}
    return Seal(first={**part, "place": _place(connection, row)}, last={})


def start(connection: Connection, rollout: str, *, old: str | None, sequence: int, now: float) -> Seal:
    """Of a queued rollout that starts with these columns."""
    row = {**_row(connection, rollout), "old": old, "sequence": sequence, "started_at": now}
    return Seal(first={"start": {name: row[name] for name in START}, "place": _place(connection, row)}, last={})


def _row(connection: Connection, rollout: str) -> JsonObject:
    return dict(connection.execute(select(rollouts).where(rollouts.c.id == rollout)).mappings().one())


def _place(connection: Connection, row: JsonObject) -> JsonObject:
    """The newest link of the environment's list, and how far the rollout that started last there had got."""
    here = (environments.c.service == row["service"], environments.c.environment == row["environment"])
    before = connection.scalar(select(environments.c.head).where(*here))
    query = (
        select(rollouts.c.id.label("rollout"), rollouts.c.sequence, rollouts.c.events, rollouts.c.head)
        .where(rollouts.c.service == row["service"], rollouts.c.environment == row["environment"])
        .where(rollouts.c.sequence.is_not(None), rollouts.c.id != row["id"])
        .order_by(rollouts.c.sequence.desc())
        .limit(1)
    )
    last = connection.execute(query).mappings().first()
    return {"before": before or "", "last": dict(last) if last else None}


def link(connection: Connection, service: str, environment: str, rollout: str, number: int) -> None:
    """Event `number` of the rollout is the newest link of the environment's list from now on."""
    newest = select(events.c.hash).where(events.c.rollout == rollout, events.c.number == number)
    here = (environments.c.service == service, environments.c.environment == environment)
    connection.execute(update(environments).where(*here).values(head=newest.scalar_subquery()))


# ── commands, messages, the end ────────────────────────────────────────────────────────────────────────────


def asked(connection: Connection, rollout: str, answered: Collection[int], *, ends: bool) -> JsonObject:
    """The commands answered in this transaction, with their actors; at the end, all of the rollout."""
    if not answered and not ends:
        return {}
    query = select(*(commands.c[name] for name in COMMAND)).where(commands.c.rollout == rollout)
    query = query if ends else query.where(commands.c.id.in_(answered))
    rows = connection.execute(query.order_by(commands.c.id)).mappings().all()
    return {"commands": [dict(row) for row in rows]}


def told(message: Message, channels: Collection[str]) -> JsonObject:
    """The event's message, and its channels."""
    return {"told": {"channels": sorted(channels), "message": digest(msgspec.to_builtins(message))}}


def end(connection: Connection, rollout: str, columns: JsonObject) -> JsonObject:
    """Of a rollout that ends with these columns: those, and digests of its verdicts and of its judge's sums."""
    said = {name: columns[name] for name in END if name in columns}
    # Columns of words are cleaned where they are stored, so the seal must be over the clean ones.
    return {"end": {**said, "reason": clean(text_at(said, "reason")), **beside(connection, rollout)}}


def beside(connection: Connection, rollout: str) -> dict[str, str]:
    """SHA-256 of the stored texts of the judge's sums and of the last look; empty if there is none."""
    judge = connection.scalar(select(judge_states.c.body).where(judge_states.c.rollout == rollout))
    live = connection.scalar(select(live_views.c.body).where(live_views.c.rollout == rollout))
    return {"judge": text_digest(judge), "live": text_digest(live)}


def text_digest(text: str | None) -> str:
    return "" if text is None else hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
