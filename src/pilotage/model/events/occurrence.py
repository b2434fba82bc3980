"""What every event of a rollout has: a type, fields, a sentence for people, and a severity."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import ClassVar

from pilotage.model.json import Json, JsonObject
from pilotage.model.message import Severity
from pilotage.model.rollout import Event
from pilotage.model.text import plain

LONGEST = 4_000
"""Characters of one text of an event: the last lines of a log are among them, and a channel takes a few thousand."""


@dataclass(frozen=True, kw_only=True)
class Occurrence(ABC):
    """Something that happened to a rollout.

    A class names its type and its severity: `class Failed(Occurrence, tag="failed", severity=Severity.CRITICAL)`.
    Type and fields are an API: they are stored for ever, chained by hash, and sent to webhooks. Add a field with a
    default; rename or remove none.
    """

    type: ClassVar[str] = ""
    usual_severity: ClassVar[Severity]

    def __init_subclass__(cls, *, tag: str, severity: Severity) -> None:
        super().__init_subclass__()
        cls.type, cls.usual_severity = tag, severity

    @property
    @abstractmethod
    def sentence(self) -> str:
        """The sentence for people."""

    @property
    def severity(self) -> Severity:
        """How serious it is; a critical event pages the person on call."""
        return self.usual_severity

    @property
    def data(self) -> JsonObject:
        """The fields as plain JSON. A field that has its default is left out."""
        values = {field.name: (getattr(self, field.name), field.default) for field in fields(self)}
        return {name: _as_json(value) for name, (value, default) in values.items() if value != default}

    def record(self) -> Event:
        """The event as it is stored: texts from outside are sanitised and limited."""
        return Event(self.type, plain(self.sentence, LONGEST), self.data)


def _as_json(value: object) -> Json:
    match value:
        case str():
            return plain(str(value), LONGEST)
        case Mapping():
            return {key: _as_json(item) for key, item in value.items()}
        case tuple():
            return [_as_json(item) for item in value]
        case None | bool() | int() | float():
            return value
        case _:
            raise TypeError(f"{type(value).__name__} has no form in JSON")


def by_whom(actor: str, reason: str) -> str:
    """Who did it, and why if they said so."""
    return f"by {actor}" + (f": {reason}" if reason else "")
