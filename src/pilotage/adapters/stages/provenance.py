"""Placeholder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pilotage.model.way import Artifact, Evidence, Provenance


def statements_at(url: str) -> tuple[tuple[str, Path], ...]:
    raise NotImplementedError


def proven(
    wanted: Provenance, statements: Sequence[tuple[str, Path]], about: Sequence[Artifact], commit: str, folder: Path
) -> list[Evidence]:
    raise NotImplementedError
