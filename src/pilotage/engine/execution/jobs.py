"""What a worker does next to rollouts, from a list that its owner gives: it knows none of it by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pilotage.engine.records.store import Store


@dataclass(frozen=True, kw_only=True)
class Job:
    """A repeated job in a thread of its own. Its errors are logged, and it is tried again."""

    name: str
    every: float
    """Seconds between two runs."""
    work: Callable[[Store], object]
    idle: float | None = None
    """Seconds between two runs while nothing changes in the store, where that can be asked cheaply; None if it runs
    anyway."""
