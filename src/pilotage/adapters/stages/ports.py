"""The ports behind the stages of a way, and how to open them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from pilotage.adapters.fence import Fence
from pilotage.adapters.secrets import Secret, resolve
from pilotage.adapters.state_folder import state_folder
from pilotage.model.json import JsonObject
from pilotage.model.way import Artifact, Evidence, Provenance, Way


class RunStatus(StrEnum):
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    CUT_OFF = "cut-off"
    """It was started and is gone without a result: nobody knows how far it came."""


@dataclass(frozen=True, kw_only=True)
class StageResult:
    """One attempt of a run stage. detail: the last line of its output, or what went wrong, without secrets · artifacts:
    of a stage that names some, once it has passed; they are in the store · began, ended: Unix seconds, 0 before ·
    left: whether it was cut off, and what it started may still run, because nobody has stopped it."""

    stage: str
    attempt: int
    status: RunStatus
    detail: str = ""
    artifacts: tuple[Artifact, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    began: float = 0.0
    ended: float = 0.0
    left: bool = False


class WordStatus(StrEnum):
    PENDING = "pending"
    PASSED = "passed"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Word:
    """What another system says of a commit. detail: a sentence; of pending, what is missing."""

    status: WordStatus
    detail: str = ""
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Needed:
    """What stays in the store of artifacts, however old it is. versions: by service, those that an environment serves
    or may go back to, or that are on their way · digests: of what ways under way have built so far."""

    versions: Mapping[str, frozenset[str]] = field(default_factory=dict)
    digests: frozenset[str] = frozenset()


class Runs(Protocol):
    """The run stages of one way. They outlive the controller, and the next one finds their results."""

    def ensure(self, stage: str, attempt: int, facts: Mapping[str, str], artifacts: Sequence[Artifact] = ()) -> None:
        """Start an attempt without waiting for it; do nothing if it was started before, by whomever, or has a result.
        Whatever earlier attempts of the stage left running is ended first.

        facts: values of placeholders, `url` where the stage tests an environment; version and commit come from the way
        · artifacts: of the release, so far. Raises AdapterError where it cannot be started yet, and Fenced.
        """

    def results(self) -> tuple[StageResult, ...]:
        """Every attempt that was ever started, each with how far it is. Changes nothing."""

    def stop(self, stage: str, attempt: int) -> None:
        """Kill an attempt and all that it started, in any session, and remove its checkout. It is cut off unless it had
        ended. May be repeated."""


class Awaited(Protocol):
    """The word of another system."""

    def ask(self, commit: str, version: str, artifacts: Sequence[Artifact] = ()) -> Word:
        """artifacts: of the release, for a stage with `provenance`. Raises AdapterError while it is unknown: no answer,
        an error of the server, a limit of requests."""


class Artifacts(Protocol):
    """What was built, by digest, for all services of a project. Files are never overwritten."""

    def release(self, service: str, version: str, commit: str, artifacts: Sequence[Artifact]) -> None:
        """Record what a version is made of; call it before each environment of a way starts, and may be repeated. From
        then on fleets fill in `{artifact}` and `{artifacts}` for the version. Raises AdapterError where the version was
        started before from other bytes, or where a file is missing or damaged."""

    def of(self, service: str, version: str) -> tuple[Artifact, ...]:
        """What a version is made of; empty where nothing is recorded."""

    def prune(self, needed: Needed, older_than: float) -> tuple[str, ...]:
        """Remove files of versions that were recorded before `older_than` (Unix seconds) and are not needed. Returns
        the digests of what is gone."""


def open_runs(way: Way, *, directory: Path, repository: Path, artifacts: Path, fence: Fence, keep: int = 1) -> Runs:
    """directory: of this way alone · repository: the project's folder, in its git repository · artifacts: the folder of
    the store, `.pilotage/artifacts` · keep: checkouts of failed attempts that stay for study, the latest ones."""
    from pilotage.adapters.stages.runs import StageRuns

    return StageRuns(way, directory=directory, repository=repository, artifacts=artifacts, fence=fence, keep=keep)


def open_awaited(
    section: JsonObject,
    *,
    provenance: Provenance | None = None,
    folder: Path = Path(),
    artifacts: Path | None = None,
    secrets: Callable[[str], Secret] = resolve,
) -> Awaited:
    """section: of an await stage, as configured and checked (`config.awaited`) · provenance: of the stage · folder: the
    project's, where keys are · artifacts: of the store; that of the project by default. Contacts nothing yet;
    raises AdapterError for a kind that is not there."""
    from pilotage.adapters.stages.awaited import opened

    store = artifacts or state_folder(folder) / "artifacts"
    return opened(section, provenance=provenance, folder=folder, artifacts=store, secrets=secrets)


def open_artifacts(folder: Path) -> Artifacts:
    """folder: `.pilotage/artifacts` of the project."""
    from pilotage.adapters.stages.artifacts import ArtifactStore

    return ArtifactStore(folder)
