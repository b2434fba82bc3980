"""The parts of a version's traffic that are counted apart, and what counts as a failed request in each.

A stratum is Pilotage's own requests, those of testers, one route of the service, or the rest. The router gives each
its own cluster, the metrics count it, and the failure log names it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pilotage.model.grpc import STATUSES
from pilotage.model.observation import REST

SYNTHETIC, TESTERS = "synthetic", "testers"


@dataclass(frozen=True)
class Failing:
    """Which answers count as failed requests.

    classes: such as 5 for every 5xx · statuses: single ones such as 404 · grpc: numbers of gRPC statuses.
    """

    classes: frozenset[int] = frozenset({5})
    statuses: frozenset[int] = frozenset()
    grpc: frozenset[int] = frozenset()

    @staticmethod
    def of(configured: Iterable[str | int | Mapping[str, Sequence[str]]]) -> Failing:
        """What a list such as `[5xx, 404, {grpc: [UNAVAILABLE]}]` says; the configuration has checked it."""
        classes, statuses, grpc = set(), set(), set()
        for kind in configured:
            if isinstance(kind, Mapping):
                grpc |= {STATUSES.index(name) for name in kind["grpc"]}
            elif isinstance(kind, str):
                classes.add(int(kind[0]))
            else:
                statuses.add(kind)
        return Failing(frozenset(classes), frozenset(s for s in statuses if s // 100 not in classes), frozenset(grpc))

    def or_else(self, other: Failing) -> Failing:
        """What fails by either."""
        return Failing(self.classes | other.classes, self.statuses | other.statuses, self.grpc | other.grpc)

    def has(self, status: int, grpc: int | None) -> bool:
        return status // 100 in self.classes or status in self.statuses or grpc in self.grpc


@dataclass(frozen=True)
class Route:
    """The requests whose path starts with `path`, which ends at a `/` or where the request's own path segment does."""

    path: str
    failing: Failing = field(default_factory=Failing)

    @property
    def stratum(self) -> str:
        """The stratum's name in Envoy, the same for the same path, whatever other routes are configured."""
        return "r" + hashlib.sha256(self.path.encode()).hexdigest()[:10]


@dataclass(frozen=True)
class Strata:
    """How the users of one environment are counted: by `routes`, in the order in which they are tried, and the rest."""

    routes: tuple[Route, ...] = ()
    failing: Failing = field(default_factory=Failing)
    """What fails on the rest, and among Pilotage's own requests."""

    def named(self, stratum: str) -> str | None:
        """How readings name a stratum of users; None for any other. A route of another rollout belongs to the rest."""
        if stratum in (SYNTHETIC, TESTERS):
            return None
        return next((route.path for route in self.routes if route.stratum == stratum), REST)

    def failing_of(self, stratum: str) -> Failing:
        return next((route.failing for route in self.routes if route.stratum == stratum), self.failing)

    @property
    def any_failing(self) -> Failing:
        """What fails anywhere."""
        found = self.failing
        for route in self.routes:
            found = found.or_else(route.failing)
        return found
