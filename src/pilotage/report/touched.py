"""Which services of a repository a set of changed paths touches, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from pilotage.model.path_pattern import NO_PATHS, PathPatterns


class Reason(StrEnum):
    """Why a path touches a service."""

    OWN = "own"
    """It is in `paths`."""
    BUILT_FROM = "built-from"
    """It is in `built_from`: code of others that the service is built from."""
    SHARED = "shared"
    """It is nobody's, so it may matter to everybody."""


@dataclass(frozen=True, kw_only=True)
class Owned:
    """What belongs to a service, and what else it is built from."""

    paths: PathPatterns = NO_PATHS
    built_from: PathPatterns = NO_PATHS

    @property
    def whole(self) -> bool:
        """No paths are named, so the whole repository is the service's."""
        return not self.paths


@dataclass(frozen=True, kw_only=True)
class Touched:
    """A service. because: the paths that touch it, each with the strongest reason, in the order of the paths."""

    service: str
    because: tuple[tuple[str, Reason], ...]

    def __bool__(self) -> bool:
        return bool(self.because)

    def counted(self) -> Mapping[Reason, tuple[str, ...]]:
        """The paths by reason; reasons without one are left out."""
        by_reason = {reason: tuple(path for path, why in self.because if why is reason) for reason in Reason}
        return {reason: paths for reason, paths in by_reason.items() if paths}


@dataclass(frozen=True, kw_only=True)
class Range:
    """services: all of them, in the order of the configuration · shared, ignored: paths that are nobody's."""

    services: tuple[Touched, ...]
    shared: tuple[str, ...]
    ignored: tuple[str, ...]


def touched(paths: Iterable[str], services: Mapping[str, Owned], ignored: PathPatterns, *, alone: bool) -> Range:
    """paths: that changed, both names of a renamed file · ignored: patterns of paths that touch nobody · alone: the
    repository has other services that are not named here, so what is nobody's is theirs."""
    because: dict[str, list[tuple[str, Reason]]] = {name: [] for name in services}
    shared, left_out = [], []
    for path in sorted(set(paths)):
        if ignored.match(path):
            left_out.append(path)
            continue
        found = {name: why for name, owned in services.items() if (why := _why(path, owned, alone=alone))}
        if not found and not alone:
            shared.append(path)
            found = dict.fromkeys(services, Reason.SHARED)
        for name, why in found.items():
            because[name].append((path, why))
    return Range(
        services=tuple(Touched(service=name, because=tuple(one)) for name, one in because.items()),
        shared=tuple(shared), ignored=tuple(left_out),
    )  # fmt: skip


def _why(path: str, owned: Owned, *, alone: bool) -> Reason | None:
    if owned.paths.match(path) or (alone and owned.whole):
        return Reason.OWN
    return Reason.BUILT_FROM if owned.built_from.match(path) else None
