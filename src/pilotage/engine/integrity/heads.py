"""Heads: how far a chain was when its rollout was queued, started or ended; written with the event, signed afterwards.

A row is *open* until it is signed and every configured anchor has it. What cannot be signed or anchored now stays open,
is tried again, and is shown; nothing waits for it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, Engine, RowMapping, func, insert, select, update

from pilotage.engine.records.tables import environments, heads, rollouts
from pilotage.model.canonical import canonical_json
from pilotage.model.json import JsonObject, WrongJson, number_at, optional, text_at, whole_at

FORMAT = 1


class Kind(StrEnum):
    QUEUED = "queued"
    STARTED = "started"
    ENDED = "ended"


@dataclass(frozen=True, kw_only=True)
class Head:
    """What is signed: that the chain of `rollout` had `events` events, the last one with the hash `head`.

    sequence: of the rollout in its environment, None before it starts · place: the newest link of the environment's
    list of rollouts · at: Unix seconds · key, signature: empty while it is not signed.
    """

    service: str
    environment: str
    rollout: str
    kind: str
    sequence: int | None
    events: int
    head: str
    place: str
    at: float
    key: str = ""
    signature: str = ""

    @property
    def content(self) -> bytes:
        """What the signature is over."""
        signed = {name: value for name, value in vars(self).items() if name not in ("key", "signature")}
        return canonical_json({"format": FORMAT, **signed}).encode()

    def to_json(self) -> str:
        """One line, as anchors keep it."""
        return canonical_json({"format": FORMAT, **vars(self)})

    @staticmethod
    def from_dict(data: JsonObject) -> Head:
        """The head of `to_json`. Raises ValueError."""
        if data.get("format") != FORMAT:
            raise ValueError(f"not a chain head of format {FORMAT}")
        try:
            return Head(
                service=text_at(data, "service"), environment=text_at(data, "environment"),
                rollout=text_at(data, "rollout"), kind=text_at(data, "kind"),
                sequence=optional(whole_at, data, "sequence"), events=whole_at(data, "events"),
                head=text_at(data, "head"), place=text_at(data, "place"), at=float(number_at(data, "at")),
                key=text_at(data, "key"), signature=text_at(data, "signature"),
            )  # fmt: skip
        except WrongJson as error:
            raise ValueError(f"not a chain head: {error}") from None


@dataclass(frozen=True, kw_only=True)
class Open:
    """A head that is still to be signed or anchored. anchored: names of the anchors that have it · error: why it could
    not be, the last time."""

    id: int
    head: Head
    anchored: Collection[str]
    error: str


def note(connection: Connection, rollout: str, kind: Kind, now: float) -> None:
    """Write down how far the rollout's chain is, in the transaction of its latest event."""
    row = connection.execute(select(rollouts).where(rollouts.c.id == rollout)).mappings().one()
    here = (environments.c.service == row["service"], environments.c.environment == row["environment"])
    place = connection.scalar(select(environments.c.head).where(*here))
    same = {name: row[name] for name in ("service", "environment", "sequence", "events", "head")}
    connection.execute(
        insert(heads).values(**same, rollout=rollout, kind=kind.value, place=place or "", at=now, anchored=[], open=1)
    )


def still_open(engine: Engine, limit: int) -> tuple[Open, ...]:
    """Heads that are to be signed or anchored, the oldest first; those that failed last, so that they hold up none."""
    query = select(heads).where(heads.c.open == 1).order_by(heads.c.error.is_not(None), heads.c.id).limit(limit)
    with engine.connect() as connection:
        rows = connection.execute(query).mappings().all()
    return tuple(
        Open(id=row["id"], head=head_of(row), anchored=tuple(row["anchored"]), error=row["error"] or "") for row in rows
    )


def settle(engine: Engine, one: Open, head: Head, anchored: Collection[str], error: str, *, done: bool) -> None:
    """Keep what has become of an open head."""
    if not done and (head, sorted(anchored), error) == (one.head, sorted(one.anchored), one.error):
        return
    values = {"key": head.key or None, "signature": head.signature or None, "anchored": sorted(anchored)}
    with engine.begin() as connection:
        mine = update(heads).where(heads.c.id == one.id)
        connection.execute(mine.values(**values, open=0 if done else 1, error=error or None))


def trouble(engine: Engine) -> tuple[int, str]:
    """How many heads could not be signed or anchored, and why the last one could not; zero and nothing when all is
    healthy."""
    query = select(func.count(), func.max(heads.c.id)).where(heads.c.open == 1, heads.c.error.is_not(None))
    with engine.connect() as connection:
        count, last = connection.execute(query).one()
        why = connection.scalar(select(heads.c.error).where(heads.c.id == last)) if count else ""
    return int(count), str(why or "")


def head_of(row: RowMapping) -> Head:
    """The head in a row of the table."""
    given = {name: row[name] for name in Head.__dataclass_fields__}
    return Head(**{**given, "key": row["key"] or "", "signature": row["signature"] or ""})
