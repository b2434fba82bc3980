"""The Runs port: each attempt of a run stage is a detached process of `stages.runner`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pilotage.adapters.fence import Fence
from pilotage.adapters.stages.ports import StageResult
from pilotage.model.way import Artifact, Way


class StageRuns:
    def __init__(
        self, way: Way, *, directory: Path, repository: Path, artifacts: Path, fence: Fence, keep: int
    ) -> None:
        raise NotImplementedError

    def ensure(self, stage: str, attempt: int, facts: Mapping[str, str], artifacts: Sequence[Artifact] = ()) -> None:
        raise NotImplementedError

    def results(self) -> tuple[StageResult, ...]:
        raise NotImplementedError

    def stop(self, stage: str, attempt: int) -> None:
        raise NotImplementedError
