"""Messages of the event stream."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import msgspec

from pilotage.engine.records.feed import Fed, Look
from pilotage.model.event_names import data_today, type_today
from pilotage.model.json import JsonObject
from pilotage.model.output.base import Part
from pilotage.model.printed_json import encoded
from pilotage.model.timestamp import timestamp
from pilotage.model.traffic import percent


class HappenedMessage(Part, frozen=True, kw_only=True):
    """`event: rollout` or `event: way`: something happened. Its `id` is its place in the order of all of them."""

    id: str
    """Of the rollout or the way."""
    service: str
    environment: str
    """Empty for a way."""
    version: str
    number: int
    """Its place in the events of the rollout or the way, from 1."""
    timestamp: str
    type: str
    """See [events](events.md)."""
    sentence: str
    data: JsonObject


class ChangedMessage(Part, frozen=True, kw_only=True):
    """`event: changed`: a worker has looked at a rollout again. These have no place in the order."""

    id: str
    """Of the rollout."""
    service: str
    environment: str
    version: str
    status: str
    step: str
    weight_percent: float
    """Share of requests that the new version shall get."""
    revision: int
    """Grows with each look."""


@dataclass(frozen=True, kw_only=True)
class Message:
    """kind: the stream's name for it · of: id of the rollout or way · position: None outside the order."""

    kind: str
    of: str
    service: str
    environment: str
    position: int | None
    body: msgspec.Struct

    @cached_property
    def text(self) -> bytes:
        """As the stream has it; made once for all followers."""
        place = b"" if self.position is None else b"id: %d\n" % self.position
        return b"%sevent: %s\ndata: %s\n\n" % (place, self.kind.encode(), encoded(self.body))


def message_of_event(event: Fed) -> Message:
    body = HappenedMessage(
        id=event.of, service=event.service, environment=event.environment, version=event.version, number=event.number,
        timestamp=timestamp(event.at), type=type_today(event.type), sentence=event.sentence,
        data={name: value for name, value in data_today(event.type, event.data).items() if name != "sealed"},
    )  # fmt: skip
    return Message(
        kind=event.kind, of=event.of, service=event.service, environment=event.environment, position=event.position,
        body=body,
    )  # fmt: skip


def message_of_look(look: Look) -> Message:
    body = ChangedMessage(
        id=look.rollout, service=look.service, environment=look.environment, version=look.version, status=look.status,
        step=look.step, weight_percent=percent(look.weight), revision=look.revision,
    )  # fmt: skip
    return Message(
        kind="changed", of=look.rollout, service=look.service, environment=look.environment, position=None, body=body
    )  # fmt: skip
