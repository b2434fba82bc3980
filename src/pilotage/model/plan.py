"""The plan: what will be done, step by step, with every number's source. Immutable, canonical, hashed (R2)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum, StrEnum
from typing import Any

from pilotage.model.answers import Answers

FORMAT = 1
"""Version of the plan's JSON; raised when a reader of the old one would misread the new."""


class StepKind(StrEnum):
    SCALE = "scale"
    GATE = "gate"
    SET_WEIGHT = "set-weight"
    ANALYSE = "analyse"
    BAKE = "bake"
    DRAIN = "drain"
    RETIRE = "retire"


class Unit(StrEnum):
    SECONDS = "seconds"
    SHARE = "share"
    WEIGHTS = "per mille"
    FACTOR = "factor"
    COUNT = "count"
    SWITCH = "yes or no"
    CHOICE = "choice"
    NAME = "name"


@dataclass(frozen=True)
class Setting:
    """One number of the plan. `source` is a requirement, an answer, or the line of an override; `why` is a sentence."""

    path: str
    value: float | int | bool | str | tuple[int, ...]
    unit: Unit
    source: str
    why: str


@dataclass(frozen=True)
class Step:
    """One move of the rollout.

    weight: per mille of requests to the new version while the step runs · instances: of the new version ·
    duration: seconds to watch or wait · deadline: seconds after which the wait ends badly ·
    undo: what takes it back.
    """

    id: str
    kind: StepKind
    title: str
    weight: int
    instances: int
    duration: float
    deadline: float
    undo: str


@dataclass(frozen=True)
class Rollback:
    """How the whole is undone: the moves in order, and the seconds it may take (R13: under two minutes)."""

    moves: tuple[str, ...]
    triggers: tuple[str, ...]
    deadline: float


@dataclass(frozen=True)
class Plan:
    """Six answers and a service's configuration, worked out. Same inputs, same bytes, same hash (R2)."""

    format: int
    service: str
    environment: str
    version: str
    answers: Answers
    release_date: str | None
    instances: int
    settings: tuple[Setting, ...]
    steps: tuple[Step, ...]
    rollback: Rollback
    notes: tuple[str, ...]

    def setting(self, path: str) -> Setting:
        """The setting at `path`; KeyError when the plan has none."""
        for setting in self.settings:
            if setting.path == path:
                return setting
        raise KeyError(path)

    def number(self, path: str) -> float:
        value = self.setting(path).value
        if isinstance(value, str | tuple):
            raise TypeError(f"{path} is not a number")
        return float(value)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON: enums as strings, tuples as lists."""
        plain = _plain(self)
        assert isinstance(plain, dict)
        return plain

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Plan:
        """The plan whose `to_dict()` is `data`. Raises ValueError when it is not one."""
        from pydantic import TypeAdapter

        return TypeAdapter(Plan).validate_python({**data, "answers": Answers(**data["answers"])})

    def to_json(self) -> str:
        """Canonical JSON: sorted keys, no spaces, shortest numbers (in the manner of RFC 8785)."""
        return canonical_json(self.to_dict())

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical JSON, in hexadecimal: the plan's identity."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()


def canonical_json(data: object) -> str:
    """One text for one value; NaN and infinities raise ValueError."""
    return json.dumps(_plain(data), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
