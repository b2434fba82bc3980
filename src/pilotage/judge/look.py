"""What happened since the last look, of both versions side by side: the input of the judges of traffic."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from pilotage.judge.sums import Sums
from pilotage.model.observation import REST, Failure, Histogram, Observation, RouteCounts

_OFF = 1.2
"""How many times the requests that a split makes expect the canary may have, as in the check of the split."""


class Unit(StrEnum):
    """What is assigned to a version, and so counts as one event."""

    REQUEST = "request"
    """Each request is assigned again."""
    USER = "user"
    """Users stick to their version, and the router's log of failures identifies them."""
    CLUSTER = "cluster"
    """Users stick to their version, and nothing identifies them."""


@dataclass(frozen=True)
class Beside:
    """Who got requests since the last look.

    stable: whose figures the new version is compared with, None where nothing ran next to it · odds: W / (1 − W) of a
    user's or request's assignment to the new version, None where neither is assigned by chance · share: of the compared
    requests that should have gone to the new version, None where that is not known, or where users rather than requests
    are split.
    """

    stable: str | None
    odds: float | None = None
    share: float | None = None


@dataclass(frozen=True)
class Look:
    """What both versions did since the last look.

    at: Unix seconds · control: stable ran next to the new version and got requests · odds: of a user's or request's
    assignment to the new version, W / (1 − W); None where that is not known · failures: of either version; None without
    a log · trust: the part of what durations say that counts, 0…1, by the age of the new instances.
    """

    at: float
    canary: Observation
    stable: Observation
    control: bool = True
    odds: float | None = None
    failures: tuple[Failure, ...] | None = None
    trust: float = 1.0


def exposure(look: Look) -> float | None:
    """The odds at which a router gave each request to the canary by chance; None if it did not (copies of requests), or
    if the canary had far more requests than expected: the source lags behind a smaller weight."""
    if look.odds is None:
        return None
    expected = look.odds * look.stable.requests
    most = _OFF * expected + 3 * math.sqrt(expected) + 2
    return look.odds if look.canary.requests <= most else None


def by_route(canary: Observation, stable: Observation, routes: Sequence[str]) -> dict[str, Sums]:
    """Errors and requests of both versions by route; all in one where the source does not count routes."""
    ours, theirs = ({part.route: part for part in o.routes} for o in (canary, stable))
    if not routes or not (ours or theirs):
        return {REST: Sums(canary.errors, canary.requests, stable.errors, stable.requests)}
    found: dict[str, Sums] = dict.fromkeys((*routes, REST), Sums())
    for name in {*ours, *theirs}:
        known = name if name in routes else REST
        mine, other = ours.get(name), theirs.get(name)
        found[known] = found[known].plus(
            Sums(
                mine.errors if mine else 0,
                mine.requests if mine else 0,
                other.errors if other else 0,
                other.requests if other else 0,
            )
        )
    return found


def slow_by_route(canary: Observation, stable: Observation, routes: Sequence[str], bound: float) -> dict[str, Sums]:
    """Requests slower than `bound` seconds, as errors are in `by_route`."""
    return by_route(_slow_as_errors(canary, bound), _slow_as_errors(stable, bound), routes)


def _slow_as_errors(found: Observation, bound: float) -> Observation:
    def slow(durations: Histogram) -> tuple[int, int]:
        return durations.total, durations.above(bound) if durations.bounds else 0

    routes = tuple(RouteCounts(part.route, *slow(part.durations)) for part in found.routes)
    return Observation(found.version, *slow(found.durations), routes=routes)


def durations_by_route(found: Observation) -> dict[str, Histogram]:
    return {part.route: part.durations for part in found.routes} or {REST: found.durations}
