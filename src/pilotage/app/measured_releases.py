"""What earlier releases were measured as, next to the store: measuring them takes as long as measuring the range."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pilotage.app.kept_answers import KeptAnswers
from pilotage.model.json import Json, each, number_at, object_at, whole_at
from pilotage.model.risk import RiskFactor
from pilotage.risk.levels import Released

FILE = "risk-releases.json"


class MeasuredReleases:
    """By a text that names all they depend on: commits, model, paths. folder: of the store; None to keep nothing."""

    def __init__(self, folder: Path | None) -> None:
        self._kept = KeptAnswers(folder, FILE, name="releases", format_=4, most=50, most_bytes=1_000_000)

    def get(self, key: str) -> tuple[Released, ...] | None:
        if (kept := self._kept.get(key)) is None:
            return None
        try:
            return tuple(_released(one) for one in each(object_at, {"kept": kept}, "kept"))
        except (ValueError, LookupError, TypeError, OverflowError):
            return None

    def put(self, key: str, found: Sequence[Released]) -> None:
        self._kept.put(
            key,
            [{"score": one.score, "sizes": {str(factor): size for factor, size in one.sizes.items()}} for one in found],
        )


def _released(kept: Json) -> Released:
    """Raises ValueError, LookupError, TypeError for anything else."""
    sizes, score = object_at(kept, "sizes"), float(number_at(kept, "score"))
    if not 0 <= score <= 1:
        raise ValueError("not a probability")
    return Released(score, {RiskFactor(name): whole_at(sizes, name) for name in sizes})
