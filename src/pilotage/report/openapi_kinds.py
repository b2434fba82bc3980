"""The words of a comparison of two OpenAPI documents."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pilotage.model.json import Json


class Direction(StrEnum):
    """Who has the values: callers send them, or read them."""

    SENT = "sent"
    READ = "read"


class Certainty(StrEnum):
    """Whether callers break for certain, or perhaps: it depends on what they send or on what they do with it."""

    BREAKS = "breaks"
    MAY_BREAK = "may-break"


@dataclass(frozen=True, kw_only=True)
class SchemaChange:
    """place: within the value, such as `items/price`; empty for the value itself · what: has changed · cure: what
    callers must do."""

    place: str
    what: str
    cure: str
    certainty: Certainty = Certainty.BREAKS


@dataclass(frozen=True, kw_only=True)
class Documents:
    """Both documents, to look references up in."""

    old: Json
    new: Json
