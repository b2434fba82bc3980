"""Wishes of tenants: to get releases in another wave until a day (R33)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, kw_only=True)
class Move:
    """tenant: gets releases with the wave `to` up to and including the day `until` · at: Unix seconds."""

    tenant: str
    to: str
    until: date
    reason: str = ""
    actor: str = ""
    at: float = 0.0


def live(moves: Iterable[Move], today: date) -> dict[str, Move]:
    """The last wish of each tenant, of those that are not over."""
    return {move.tenant: move for move in sorted(moves, key=lambda one: one.at) if move.until >= today}
