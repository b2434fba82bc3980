"""Waves of tenants as people see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pilotage.model.wave_move import Move


@dataclass(frozen=True, kw_only=True)
class WaveRow:
    """A wave as people see it. members: how many; None for the rest · share_percent: of all users, as far as known ·
    state: in the rollout that runs, or empty · starts: the day that its users were told."""

    name: str
    members: int | None
    share_percent: float
    bake_seconds: float
    day: int | None = None
    starts: datetime | None = None
    state: str = ""


@dataclass(frozen=True, kw_only=True)
class WavesView:
    """rollout: the one that runs, or empty · outdated: that its waves are not those of today, or empty."""

    environment: str
    rollout: str
    version: str
    waves: tuple[WaveRow, ...]
    moves: tuple[Move, ...]
    outdated: str
