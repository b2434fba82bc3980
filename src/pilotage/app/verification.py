"""Whether the records of an environment are what they were, and exactly what is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pilotage.app.project import Project
from pilotage.model.errors import PilotageError
from pilotage.model.text import clean

if TYPE_CHECKING:
    from pilotage.engine.integrity.custody import Custody


class Unverifiable(PilotageError):
    """The verification failed before it could check the records."""

    exit_status, http_status = 10, 500


@dataclass(frozen=True, kw_only=True)
class Verification:
    """changed, unsure, notes: a sentence each · rollouts, events, signed: how many were checked."""

    service: str
    environment: str
    changed: tuple[str, ...]
    unsure: tuple[str, ...]
    notes: tuple[str, ...]
    rollouts: int
    events: int
    signed: int


def verify_place(
    project: Project, service: str, environment: str, keys: Sequence[Path], anchors: Sequence[Path]
) -> Verification:
    """Check every rollout of an environment: chains, rows, verdicts, commands, messages, the list of rollouts,
    signatures and anchors. keys: files with the public keys to trust; without any, those that signed here. anchors:
    files with signed heads. Raises Unverifiable."""
    from pilotage.adapters.keys import key_id, known_keys, read_public
    from pilotage.engine.integrity.testimony import Grade
    from pilotage.engine.integrity.verification import Place, verify

    given = {key_id(pem): pem for pem in map(read_public, keys)}
    place = Place(
        service=service, environment=environment, directory=project.directory, custody=custody_for(project),
        keys=given or known_keys(project.directory), files=anchors,
    )  # fmt: skip
    try:
        found = verify(project.store.engine, place)
    except Exception as error:
        if type(error).__name__ in ("OperationalError", "StoreTooNew"):
            raise
        raise Unverifiable(f"cannot be verified: {type(error).__name__}: {clean(str(error))}") from error
    broken = _broken_ways(project, service, environment)
    changed, unsure, notes = (
        tuple(clean(str(finding)) for finding in found.of(grade))
        for grade in (Grade.CHANGED, Grade.UNVERIFIABLE, Grade.NOTE)
    )
    return Verification(
        service=service, environment=environment, changed=(*changed, *broken), unsure=unsure, notes=notes,
        rollouts=found.rollouts, events=found.events, signed=found.signed,
    )  # fmt: skip


def _broken_ways(project: Project, service: str, environment: str) -> tuple[str, ...]:
    """Ways to the environment whose chain of events is not what was recorded, a sentence each."""
    from pilotage.engine.records.ways import broken_ways

    found = broken_ways(project.store.engine, service, environment)
    return tuple(clean(f"{way}: {why}") for way, why in found)


def custody_for(project: Project) -> Custody:
    """From the configuration; from the worker's note if it cannot be read."""
    from pilotage.config.yaml_reader import ConfigError
    from pilotage.engine.integrity.custody import custody_of, noted

    try:
        return custody_of(project.whole)
    except ConfigError:
        return noted(project.directory)
