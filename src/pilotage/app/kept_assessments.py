"""Assessments of planned releases, next to the store: a plan keeps its risk and its hash, however busy a machine is."""

from __future__ import annotations

from pathlib import Path

from pilotage.app.kept_answers import KeptAnswers
from pilotage.model.converting import convert
from pilotage.model.risk import Assessment

FILE = "risk-assessed.json"


class KeptAssessments:
    """By a text that names all they depend on: commits, model, day, calendar. folder: of the store; None to keep
    nothing."""

    def __init__(self, folder: Path | None) -> None:
        self._kept = KeptAnswers(folder, FILE, name="assessed", format_=1, most=40, most_bytes=4_000_000)

    def get(self, key: str) -> Assessment | None:
        import msgspec

        if (kept := self._kept.get(key)) is None:
            return None
        try:
            return convert(kept, Assessment)
        except msgspec.ValidationError:
            return None

    def put(self, key: str, found: Assessment) -> None:
        import msgspec

        self._kept.put(key, msgspec.to_builtins(found))
