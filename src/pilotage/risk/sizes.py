"""How much of each kind of file a range changes: what a factor of one release is compared by with earlier ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pilotage.model.change import Change, FileKind, FilePatch
from pilotage.model.risk import RiskFactor
from pilotage.risk.dependencies import is_of_tools
from pilotage.risk.direction import is_left_out
from pilotage.risk.infrastructure import reaches_users

_FACTOR_OF: Mapping[FileKind, RiskFactor] = {
    FileKind.SOURCE: RiskFactor.COMPLEXITY,
    FileKind.INFRASTRUCTURE: RiskFactor.INFRASTRUCTURE,
    FileKind.MIGRATION: RiskFactor.MIGRATIONS,
    FileKind.DEPENDENCIES: RiskFactor.DEPENDENCIES,
}

READ = (FileKind.SOURCE, FileKind.MIGRATION, FileKind.INFRASTRUCTURE, FileKind.CONFIGURATION)
"""What a reviewer reads for faults that reach users: no tests, documents, lock files or generated files."""


def lines_of(file: FilePatch) -> int:
    """Without white space, blank lines and comments."""
    return file.worth + file.lost


def sizes_of(changes: Iterable[Change]) -> dict[RiskFactor, int]:
    """Changed lines by factor, without build pipelines; of migrations the number of files that run forward."""
    found: dict[RiskFactor, int] = {}
    migrations: set[str] = set()
    changes = tuple(changes)
    passing = passing_of(changes)
    for change in changes:
        for file in change.files:
            factor = _FACTOR_OF.get(file.kind) if file.path not in passing else None
            if factor is RiskFactor.MIGRATIONS:
                migrations |= set() if is_left_out(file.path) else {file.path}
            elif factor is not None and _counts(factor, file):
                found[factor] = found.get(factor, 0) + lines_of(file)
    return {**found, RiskFactor.MIGRATIONS: len(migrations)}


def _counts(factor: RiskFactor, file: FilePatch) -> bool:
    """Whether users may meet it: no build pipeline, and no list of packages that only developers install."""
    match factor:
        case RiskFactor.INFRASTRUCTURE:
            return reaches_users(file)
        case RiskFactor.DEPENDENCIES:
            return not is_of_tools(file.path)
        case _:
            return True


def passing_of(changes: Iterable[Change]) -> frozenset[str]:
    """Files that a range adds and removes again: no release ever has them. changes: oldest first."""
    new, passing = set[str](), set[str]()
    for change in changes:
        for file in change.files:
            if not file.before:
                new.add(file.path)
                passing.discard(file.path)
            elif file.gone and file.path in new:
                passing.add(file.path)
    return frozenset(passing)


def to_read(change: Change) -> tuple[FilePatch, ...]:
    """The files of a change that a reviewer reads, most lines first."""
    files = (file for file in change.files if file.kind in READ and lines_of(file))
    return tuple(sorted(files, key=lambda file: -lines_of(file)))
