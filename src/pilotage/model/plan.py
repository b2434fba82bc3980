"""The plan: what will be done, when, by whom, with every number's source. Immutable, canonical, hashed (R2)."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import ClassVar

from pilotage.model.answers import Answers
from pilotage.model.canonical import canonical_json
from pilotage.model.converting import convert, learn
from pilotage.model.impact import Facts
from pilotage.model.json import Json, JsonObject
from pilotage.model.look_back import Retrospective
from pilotage.model.quantity import share_of_percent
from pilotage.model.risk import Assessment
from pilotage.model.schedule import AlertRule, Conflict, HealthMetric, Message, OnCall, Requirement, Timeline
from pilotage.model.wave import Tenancy, Wave

FORMAT = 9
"""Version of the plan's JSON; raised with every change of its fields or of the names of settings, and
`plan_formats` then reads the old one too."""


class StepKind(StrEnum):
    SCALE = "scale"
    CHECK = "check"
    GATE = "gate"
    SET_WEIGHT = "set-weight"
    SWITCH = "switch"
    BATCH = "batch"
    FLAG_RAMP = "flag-ramp"
    MAINTENANCE = "maintenance"
    REPLACE = "replace"
    ANALYSE = "analyse"
    BAKE = "bake"
    KEEP = "keep"
    DRAIN = "drain"
    RETIRE = "retire"


class Unit(StrEnum):
    SECONDS = "seconds"
    PERCENT = "percent"
    WEIGHTS = "percent at each step"
    SEGMENTS = "segments in order"
    FACTOR = "factor"
    COUNT = "count"
    SWITCH = "true or false"
    CHOICE = "choice"
    NAME = "name"
    COHORT = "header=value"
    PORTION = "instances or percent"


@dataclass(frozen=True)
class Setting:
    """One number of the plan. `source` is a requirement, an answer, or the line of an override; `why` is a sentence."""

    path: str
    value: bool | int | float | str | tuple[int | float | str, ...]
    unit: Unit
    source: str
    why: str

    @property
    def number(self) -> int | float:
        """The value to compute with; a percentage as a share, 0…1. Raises TypeError where it is no number."""
        if isinstance(self.value, str | tuple):
            raise TypeError(f"{self.path} is not a number")
        return share_of_percent(self.value) if self.unit is Unit.PERCENT else self.value


@dataclass(frozen=True)
class Derived:
    """Where a step's number comes from: a field of the step, and the path of the setting that sets it."""

    field: str
    setting: str


@dataclass(frozen=True)
class Step:
    """One step of the rollout.

    weight_percent: users on the new version (of a feature toggle: with the flag on) while the step runs · instances: of
    the new version · duration: seconds to analyse or wait · timeout: seconds after which the wait has failed · undo:
    how it is rolled back · needs: what must hold before · judged: what is analysed meanwhile · audience: a named group
    instead of a share · downtime: users see no service · activities: the template's names · mirror_percent: requests
    that are copied to the new version · beside: new instances start before old ones stop · required: without a
    configured check, or a waiver, the rollout does not start.
    """

    id: str
    kind: StepKind
    title: str
    weight_percent: int | float
    instances: int
    duration: int | float
    timeout: int | float
    undo: str
    needs: tuple[str, ...] = ()
    judged: tuple[str, ...] = ()
    audience: str = ""
    downtime: bool = False
    mirror_percent: int | float = 0
    beside: bool = False
    required: bool = False
    activities: tuple[str, ...] = ()
    derived: tuple[Derived, ...] = ()
    source: str = ""

    @property
    def weight(self) -> int:
        """The same per mille, as routers and `RolloutState` count."""
        return round(self.weight_percent * 10)

    @property
    def mirror(self) -> int:
        """Per mille."""
        return round(self.mirror_percent * 10)

    @property
    def ramp(self) -> bool:
        """Whether this is a short analysis of a ramp (`canary.weights: auto`): it does not require
        `analysis.min_requests` and `analysis.warmup_duration`, which the hold after the ramp requires."""
        return Derived("duration", "canary.ramp") in self.derived


@dataclass(frozen=True)
class Rollback:
    """How the rollout is rolled back: its steps in order, and the seconds it may take (R12, R13, R21)."""

    steps: tuple[str, ...]
    triggers: tuple[str, ...]
    timeout: int | float
    next_steps: tuple[str, ...]
    source: str


@dataclass(frozen=True)
class Plan:
    """A plan made from six answers and a service's configuration. Same inputs, same bytes, same hash (R2).

    release_date: the day on which everyone has the release; None in a plan without a date · zones: the release's zone
    first, then the team's others · risk: of the change itself, if it was assessed · risk_unknown: why it was not ·
    notes: what was changed or could not be kept, one sentence each · waves: of tenants, in order; the last is the rest
    · first: of a first deployment, made while no version served the environment.
    """

    format: int
    service: str
    environment: str
    version: str
    answers: Answers
    facts: Facts
    release_date: date | None
    zones: tuple[str, ...]
    instances: int
    conflicts: tuple[Conflict, ...]
    readiness: tuple[Requirement, ...]
    risk: Assessment | None
    timeline: Timeline
    settings: tuple[Setting, ...]
    steps: tuple[Step, ...]
    rollback: Rollback
    on_call: tuple[OnCall, ...]
    health: tuple[HealthMetric, ...]
    alerts: tuple[AlertRule, ...]
    communication: tuple[Message, ...]
    retrospective: Retrospective
    notes: tuple[str, ...]
    risk_unknown: str = ""
    waves: tuple[Wave, ...] = ()
    tenancy: Tenancy | None = None
    first: bool = False

    _text: ClassVar[bytes] = b""

    @property
    def watched(self) -> float:
        """Seconds of watching and waiting, all steps together: the rollout takes at least this long."""
        return sum(step.duration for step in self.steps)

    @property
    def stopped_by(self) -> tuple[Conflict, ...]:
        """Conflicts that keep the plan from being executed until they are accepted (R8)."""
        return tuple(conflict for conflict in self.conflicts if conflict.stops)

    def setting(self, path: str) -> Setting:
        """The setting at `path`; KeyError when the plan has none."""
        for setting in self.settings:
            if setting.path == path:
                return setting
        raise KeyError(path)

    def number(self, path: str, default: float | None = None) -> float:
        """The number at `path`; a percentage as a share, 0…1. default: of plans that were made before there was such
        a setting."""
        try:
            return float(self.setting(path).number)
        except KeyError:
            if default is None:
                raise
            return default

    def to_dict(self) -> JsonObject:
        """Plain data for JSON: enums and dates as strings, tuples as lists, dataclasses as dicts. Keys are in the order
        of the fields; those of a stored plan in the order of its text."""
        from msgspec import json as fast_json

        plain: Json = fast_json.decode(self.to_json() if self._text else fast_json.encode(self))
        assert isinstance(plain, Mapping)
        return plain

    def to_dict_of_today(self) -> JsonObject:
        """The same under today's names, also of a stored plan."""
        from msgspec import json as fast_json

        plain: Json = fast_json.decode(fast_json.encode(self))
        assert isinstance(plain, Mapping)
        return plain

    @staticmethod
    def from_dict(data: JsonObject) -> Plan:
        """The plan whose `to_dict()` is `data`. Raises ValueError when it is not one, or one of another format."""
        import msgspec

        if data.get("format") != FORMAT:
            raise ValueError(f"not a plan of format {FORMAT}: its format is {data.get('format')!r}")
        try:
            plan = convert(data, Plan)
            plan = replace(plan, answers=_checked(plan.answers))
        except (msgspec.ValidationError, TypeError) as error:
            raise ValueError(f"not a plan: {error}") from None
        if canonical_json(plan.to_dict()) != canonical_json(data):
            raise ValueError("not a plan: it has keys or values that this version does not know")
        return plan

    @staticmethod
    def from_json(text: str) -> Plan:
        """The plan whose `to_json()` is `text`, in some microseconds. Raises ValueError when it is not one."""
        import msgspec

        try:
            learn(Plan)
            plan = msgspec.json.decode(text, type=Plan)
        except msgspec.MsgspecError as error:
            raise ValueError(f"not a plan: {error}") from None
        plan = replace(plan, answers=_checked(plan.answers))
        if plan.format != FORMAT:
            raise ValueError(f"not a plan of format {FORMAT}: its format is {plan.format!r}")
        if plan.to_json() != text:
            raise ValueError("not a plan: it has keys or values that this version does not know")
        return plan

    @staticmethod
    def json_schema() -> JsonObject:
        """The JSON Schema (2020-12) of `to_dict()`."""
        import msgspec

        return {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(Plan)}

    def to_json(self) -> str:
        """Canonical JSON: sorted keys, no spaces, whole numbers without a fraction, shortest floats (as RFC 8785).
        Of a plan that was stored, the text as it was stored."""
        from msgspec import json as fast_json

        if self._text:
            return zlib.decompress(self._text).decode()
        return fast_json.encode(self, order="sorted").decode()

    def kept_as(self, text: str) -> Plan:
        """This plan with the text that it was read from. The text is not a field, so a plan derived with `replace` is a
        new one with its own text and hash. Compressed, because a controller holds thousands of plans."""
        object.__setattr__(self, "_text", zlib.compress(text.encode()))
        return self

    @property
    def hash(self) -> str:
        """SHA-256 of `to_json()`, in hexadecimal: the plan's identity."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()


def _checked(answers: Answers) -> Answers:
    """The same, by way of what checks them. Raises TypeError, ValueError."""
    return Answers(**{name: getattr(answers, name) for name in Answers.__dataclass_fields__})
