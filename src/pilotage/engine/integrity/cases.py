"""Reads the stored rollouts of an environment for verification; only what is needed is decoded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from sqlalchemy import Connection, Select, Text, cast, select

from pilotage.engine.integrity.derivation import FINAL, Pruned, StoredRollout
from pilotage.engine.integrity.sealing import plain
from pilotage.engine.records.outbox import PRUNED
from pilotage.engine.records.tables import (
    commands,
    events,
    judge_states,
    live_views,
    outbox,
    plans,
    rollouts,
    snapshots,
)
from pilotage.model.json import Json, JsonObject, WrongJson, number_at, text_at, whole_at
from pilotage.model.record import Recorded

_CHUNK = 100


def cases(connection: Connection, service: str, environment: str) -> Iterator[StoredRollout]:
    """The stored rollouts of an environment, in the order of lists, a few at a time."""
    here = (rollouts.c.service == service, rollouts.c.environment == environment)
    ids = list(connection.scalars(select(rollouts.c.id).where(*here).order_by(rollouts.c.rank, rollouts.c.created_at)))
    for begin in range(0, len(ids), _CHUNK):
        yield from _chunk(connection, ids[begin : begin + _CHUNK])


def case_of(connection: Connection, rollout: str) -> StoredRollout:
    """One stored rollout. Raises KeyError."""
    return next(_chunk(connection, [rollout]))


def _chunk(connection: Connection, ids: Sequence[str]) -> Iterator[StoredRollout]:
    columns = [column for column in rollouts.c if column is not rollouts.c.part]
    texts = (
        plans.c.body.label("plan"), snapshots.c.body.label("target"),
        judge_states.c.body.label("judge"), live_views.c.body.label("live"),
    )  # fmt: skip
    bodies = (
        select(*columns, *texts)
        .outerjoin(plans, plans.c.hash == rollouts.c.plan_hash)
        .outerjoin(snapshots, snapshots.c.hash == rollouts.c.snapshot)
        .outerjoin(judge_states, judge_states.c.rollout == rollouts.c.id)
        .outerjoin(live_views, live_views.c.rollout == rollouts.c.id)
        .where(rollouts.c.id.in_(ids))
    )  # fmt: skip
    rows = {row["id"]: dict(row) for row in connection.execute(bodies).mappings()}
    # JSON is read as text: what someone wrote there must be found, not stumbled over.
    plain = (column for column in events.c if column is not events.c.data)
    query = select(*plain, cast(events.c.data, Text).label("data")).where(events.c.rollout.in_(ids))
    told = _grouped(connection, query.order_by(events.c.rollout, events.c.number))
    asked = _grouped(connection, select(commands).where(commands.c.rollout.in_(ids)).order_by(commands.c.rollout))
    message = cast(outbox.c.message, Text).label("message")
    letters = select(outbox.c.thread.label("rollout"), outbox.c.key, outbox.c.channel, outbox.c.state, message)
    sent = _grouped(connection, letters.where(outbox.c.thread.in_(ids)).order_by(outbox.c.thread))
    for identity in ids:
        recorded, trouble = _events(told.get(identity, ()))
        yield StoredRollout(
            row=rows[identity],
            events=recorded,
            commands=asked.get(identity, ()),
            letters=_letters(sent.get(identity, ()), rows[identity]),
            trouble=trouble,
        )


def _events(rows: Sequence[JsonObject]) -> tuple[list[Recorded], str]:
    """The events up to the first that cannot be read, and which one that is."""
    found: list[Recorded] = []
    for row in rows:
        data = plain(row["data"])
        if not isinstance(data, dict):
            return found, f"the data of event {row['number']} was not written by Pilotage"
        try:
            found.append(_event(row, data))
        except WrongJson:
            return found, f"event {row['number']} was not written by Pilotage"
    return found, ""


def _event(row: JsonObject, data: JsonObject) -> Recorded:
    """Raises WrongJson for a column of another type."""
    return Recorded(
        text_at(row, "rollout"), whole_at(row, "number"), number_at(row, "at"), text_at(row, "type"),
        text_at(row, "sentence"), data, text_at(row, "before"), text_at(row, "hash"),
    )  # fmt: skip


def _letters(rows: Sequence[JsonObject], rollout: JsonObject) -> dict[tuple[int, str], Json | Pruned]:
    """Messages by event number and channel. Only those of a rollout that is over are ever pruned."""
    found: dict[tuple[int, str], Json | Pruned] = {}
    for row in rows:
        message, pruned = plain(row["message"]), row["state"] == PRUNED
        if pruned and rollout["status"] not in FINAL:
            continue
        left = message.get("digest") if pruned and isinstance(message, dict) else None
        key = _number(text_at(row, "key"), text_at(rollout, "id")), text_at(row, "channel")
        found[key] = Pruned(digest=left) if isinstance(left, str) else message
    return found


def _grouped(connection: Connection, query: Select[*tuple[object, ...]]) -> dict[str, list[JsonObject]]:
    rows: list[JsonObject] = [dict(row) for row in connection.execute(query).mappings()]
    return {name: list(some) for name, some in groupby(rows, key=lambda row: str(row["rollout"]))}


def _number(key: str, rollout: str) -> int:
    """Of the event that a message is about; 0 for another kind of message."""
    number = key.removeprefix(f"{rollout}/")
    return int(number) if number.isdigit() else 0


def strays(connection: Connection, service: str, environment: str) -> list[str]:
    """Rollouts of which only events are left."""
    mine = events.c.rollout.startswith(f"{service}-{environment}-", autoescape=True)
    query = select(events.c.rollout).distinct().where(mine, events.c.rollout.not_in(select(rollouts.c.id)))
    suffix = len(f"{service}-{environment}-") + 8
    return [rollout for rollout in connection.scalars(query) if len(rollout) == suffix]
