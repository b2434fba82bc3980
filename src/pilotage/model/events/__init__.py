"""Every event of a rollout, one class a type. Reference page: docs/reference/events.md.

The machine makes them (`Tick.tell`), the store keeps type, sentence and data, and readers `match` on `parse` of it.
"""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from pilotage.model.converting import convert
from pilotage.model.event_names import data_today, type_today
from pilotage.model.events.after import RecordsAccepted, RecordsWentBack, StabilityConfirmed, StabilityLost
from pilotage.model.events.course import (
    ArtifactsNamed,
    BatchHealthy,
    BatchRolledBack,
    CheckSkipped,
    ChecksLeftOut,
    Completed,
    EnvironmentKept,
    Failed,
    PromotedFrom,
    ReadinessChecked,
    ReadinessNotEnforced,
    RollbackStepCompleted,
    RolledBack,
    RolloutQueued,
    RolloutStarted,
    StepStarted,
)
from pilotage.model.events.occurrence import LONGEST, Occurrence
from pilotage.model.events.people import (
    ApprovalReminded,
    Approved,
    CommandRefused,
    CommandRun,
    EnvironmentRemoved,
    InterventionRequired,
    Paused,
    Promoted,
    Resumed,
    RolloutCancelled,
    StepRestarted,
)
from pilotage.model.events.tracing import TraceContinued
from pilotage.model.events.trouble import (
    AnalysisIncomplete,
    HoldEnded,
    HoldStarted,
    InstanceExited,
    InstanceReplaced,
    RegressionAccepted,
    RetryStarted,
    RollbackStarted,
    TrafficDiverted,
    TrafficRestored,
    TrafficResumed,
    TrafficWithdrawn,
    VerdictChanged,
)
from pilotage.model.json import Json, JsonList, JsonObject
from pilotage.model.message import Severity

EVENTS: tuple[type[Occurrence], ...] = (
    RolloutQueued, RolloutStarted, TraceContinued, PromotedFrom, ArtifactsNamed, ReadinessChecked, ReadinessNotEnforced,
    ChecksLeftOut, StepStarted, CheckSkipped, BatchHealthy,
    VerdictChanged, HoldStarted, HoldEnded, Paused, Resumed, StepRestarted, Promoted, ApprovalReminded, Approved,
    CommandRefused, CommandRun,
    InstanceExited, TrafficDiverted, TrafficResumed, TrafficWithdrawn, InstanceReplaced, RetryStarted,
    AnalysisIncomplete, RegressionAccepted, InterventionRequired, RollbackStarted, TrafficRestored, BatchRolledBack,
    RollbackStepCompleted, EnvironmentKept, Completed, RolledBack, Failed, RolloutCancelled, EnvironmentRemoved,
    StabilityConfirmed, StabilityLost, RecordsWentBack, RecordsAccepted,
)  # fmt: skip
"""In the order of the story."""

_BY_TYPE: Mapping[str, type[Occurrence]] = {event.type: event for event in EVENTS}
_NAMES = frozenset(event.__name__ for event in EVENTS)


@dataclass(frozen=True, kw_only=True)
class Other(Occurrence, tag="", severity=Severity.INFO):
    """An event of another version of Pilotage: everything of it is kept, nothing of it is understood."""

    name: str
    stored: JsonObject = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        return self.name

    @property
    def severity(self) -> Severity:
        # A known type with fields that cannot be read is as loud as it always was.
        return _BY_TYPE[self.name].usual_severity if self.name in _BY_TYPE else self.usual_severity

    @property
    def data(self) -> JsonObject:
        return dict(self.stored)


def parse(type_: str, data: JsonObject) -> Occurrence:
    """The event with a stored type and data, under old or new names; `Other` if this version does not know it.

    An event stored by an earlier version has fewer fields: the others are empty. Its sentence is the stored one, not
    the property's.
    """
    import msgspec

    name = type_today(type_)
    known = _BY_TYPE.get(name)
    if known is None:
        return Other(name=name, stored=data)
    try:
        found: Occurrence = convert(_filled(known, data_today(name, data)), known)
    except (msgspec.ValidationError, TypeError):
        return Other(name=name, stored=data)
    return found


def schemas() -> JsonObject:
    """A JSON Schema (2020-12) of what is stored of an event: its type, and the data that goes with it. No field of the
    data is required: an event stored by an earlier version has fewer."""
    import msgspec

    named, parts = msgspec.json.schema_components(EVENTS, ref_template="#/$defs/{name}")
    parts = {
        name: {key: value for key, value in part.items() if key != "required" or name not in _NAMES}
        for name, part in parts.items()
    }
    shapes: JsonList = [
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


def _filled(known: type[Occurrence], data: JsonObject) -> dict[str, Json]:
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
def _kinds(known: type[Occurrence]) -> Mapping[str, object]:
    """The type of each field."""
    hints = typing.get_type_hints(known)
    return {field.name: hints[field.name] for field in fields(known)}


__all__ = [
    "EVENTS",
    "LONGEST",
    "AnalysisIncomplete",
    "ApprovalReminded",
    "Approved",
    "ArtifactsNamed",
    "BatchHealthy",
    "BatchRolledBack",
    "CheckSkipped",
    "ChecksLeftOut",
    "CommandRefused",
    "CommandRun",
    "Completed",
    "EnvironmentKept",
    "EnvironmentRemoved",
    "Failed",
    "HoldEnded",
    "HoldStarted",
    "InstanceExited",
    "InstanceReplaced",
    "InterventionRequired",
    "Occurrence",
    "Other",
    "Paused",
    "Promoted",
    "PromotedFrom",
    "ReadinessChecked",
    "ReadinessNotEnforced",
    "RecordsAccepted",
    "RecordsWentBack",
    "RegressionAccepted",
    "Resumed",
    "RetryStarted",
    "RollbackStarted",
    "RollbackStepCompleted",
    "RolledBack",
    "RolloutCancelled",
    "RolloutQueued",
    "RolloutStarted",
    "StabilityConfirmed",
    "StabilityLost",
    "StepRestarted",
    "StepStarted",
    "TraceContinued",
    "TrafficDiverted",
    "TrafficRestored",
    "TrafficResumed",
    "TrafficWithdrawn",
    "VerdictChanged",
    "parse",
    "schemas",
]  # fmt: skip
