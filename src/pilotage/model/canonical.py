"""One text for one value: what is hashed and signed must be the same bytes on every machine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import Enum


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
    if isinstance(value, date | datetime):
        return value.isoformat()
    return whole(value) if isinstance(value, float) else value


def whole(value: float) -> int | float:
    """A number without a fraction as an int, so that it has one text: 4.0 and 4 are the same plan."""
    return int(value) if value == int(value) else value
