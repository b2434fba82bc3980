"""Every event of a rollout, one class a type. Reference page: docs/reference/events.md.

The machine makes them (`Turn.tell`), the store keeps type, sentence and data, and readers `match` on `parse` of it.
"""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from pilotage.model.events.course import (
    BatchRestored,
    BatchReturned,
    CheckSkipped,
    Completed,
    Failed,
    MoveDone,
    Preserved,
    ReadinessChecked,
    RolledBack,
    RolloutQueued,
    RolloutStarted,
    StepStarted,
)
from pilotage.model.events.occurrence import LONGEST, Occurrence
from pilotage.model.events.people import (
    Approved,
    CommandRefused,
    EnvironmentReleased,
    Paused,
    PersonNeeded,
    Promoted,
    Resumed,
    Retried,
    RolloutWithdrawn,
)
from pilotage.model.events.trouble import (
    HoldEnded,
    HoldStarted,
    InstanceDied,
    InstanceReplaced,
    RollbackStarted,
    SecondTry,
    TrafficDiverted,
    TrafficResumed,
    TrafficReturned,
    TrafficWithdrawn,
    Unwatched,
    VerdictChanged,
    WorseThanThePast,
)
from pilotage.model.message import Severity

EVENTS: tuple[type[Occurrence], ...] = (
    RolloutQueued, RolloutStarted, ReadinessChecked, StepStarted, CheckSkipped, BatchRestored,
    VerdictChanged, HoldStarted, HoldEnded, Paused, Resumed, Retried, Promoted, Approved, CommandRefused,
    InstanceDied, TrafficDiverted, TrafficResumed, TrafficWithdrawn, InstanceReplaced, SecondTry, Unwatched,
    WorseThanThePast, PersonNeeded, RollbackStarted, TrafficReturned, BatchReturned, MoveDone, Preserved,
    Completed, RolledBack, Failed, RolloutWithdrawn, EnvironmentReleased,
)  # fmt: skip
"""In the order of the story."""

_BY_TYPE: Mapping[str, type[Occurrence]] = {event.type: event for event in EVENTS}


@dataclass(frozen=True, kw_only=True)
class Other(Occurrence, tag="", severity=Severity.INFO):
    """An event of another version of Pilotage: everything of it is kept, nothing of it is understood."""

    name: str
    stored: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        return self.name

    @property
    def severity(self) -> Severity:
        # A known type with fields that cannot be read is as loud as it always was.
        return _BY_TYPE[self.name].usual_severity if self.name in _BY_TYPE else self.usual_severity

    @property
    def data(self) -> dict[str, Any]:
        return dict(self.stored)


def parse(type_: str, data: Mapping[str, Any]) -> Occurrence:
    """The event whose type and data were stored; `Other` when this version does not know it.

    An event that was stored by an earlier version has fewer fields: the others are empty. Its sentence is the stored
    one, not the property's.
    """
    import msgspec

    known = _BY_TYPE.get(type_)
    if known is None:
        return Other(name=type_, stored=data)
    try:
        found: Occurrence = msgspec.convert(_filled(known, data), known)
    except (msgspec.ValidationError, TypeError):
        return Other(name=type_, stored=data)
    return found


def schemas() -> dict[str, Any]:
    """A JSON Schema (2020-12) of what is stored of an event: its type, and the data that goes with it."""
    import msgspec

    named, parts = msgspec.json.schema_components(EVENTS, ref_template="#/$defs/{name}")
    shapes = [
        {
            "title": event.__name__,
            "description": (event.__doc__ or "").strip(),
            "properties": {"type": {"const": event.type}, "data": shape},
        }
        for event, shape in zip(EVENTS, named, strict=True)
    ]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "required": ["type", "sentence", "data"],
        "properties": {"type": {"type": "string"}, "sentence": {"type": "string"}, "data": {"type": "object"}},
        "oneOf": shapes,
        "$defs": parts,
    }


def _filled(known: type[Occurrence], data: Mapping[str, Any]) -> dict[str, Any]:
    """The data with an empty value for each field that was not stored then."""
    found = {name: data[name] for name in _kinds(known) if name in data}
    for name, kind in _kinds(known).items():
        if isinstance(kind, types.UnionType) and found.get(name, "") == "":
            found[name] = None
        elif name not in found and kind in (str, int, float, bool):
            found[name] = kind()
        elif name not in found and typing.get_origin(kind) is tuple:
            found[name] = []
        elif name not in found and typing.get_origin(kind) is Mapping:
            found[name] = {}
    return found


@functools.cache
def _kinds(known: type[Occurrence]) -> dict[str, Any]:
    """The type of each field."""
    hints = typing.get_type_hints(known)
    return {field.name: hints[field.name] for field in fields(known)}


__all__ = [
    "EVENTS", "LONGEST", "Approved", "BatchRestored", "BatchReturned", "CheckSkipped", "CommandRefused", "Completed",
    "EnvironmentReleased", "Failed", "HoldEnded", "HoldStarted", "InstanceDied", "InstanceReplaced", "MoveDone",
    "Occurrence", "Other", "Paused", "PersonNeeded", "Preserved", "Promoted", "ReadinessChecked", "Resumed", "Retried",
    "RollbackStarted", "RolledBack", "RolloutQueued", "RolloutStarted", "RolloutWithdrawn", "SecondTry", "StepStarted",
    "TrafficDiverted", "TrafficResumed", "TrafficReturned", "TrafficWithdrawn", "Unwatched", "VerdictChanged",
    "WorseThanThePast", "parse", "schemas",
]  # fmt: skip
