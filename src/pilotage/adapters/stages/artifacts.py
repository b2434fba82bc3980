"""The store of what was built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pilotage.model.way import Artifact


class ArtifactStore:
    """The Artifacts port. folder: `.pilotage/artifacts`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def release(self, service: str, version: str, commit: str, artifacts: Sequence[Artifact]) -> None:
        raise NotImplementedError

    def of(self, service: str, version: str) -> tuple[Artifact, ...]:
        raise NotImplementedError

    def prune(self, needed: Mapping[str, frozenset[str]], older_than: float) -> tuple[str, ...]:
        raise NotImplementedError
