"""What a release does with the evidence, for many hours at once: one bar, excuses, and one second try.

As the product: errors have the weight 0.45 in the bar and their limit of 5 % has 0.15. Durations, slow requests, memory
and processor have the rest; here nothing of that happens, so they add nothing. What reaches the bar while the instances
are younger than two minutes, or is the errors of one instance, is tried once more; a failure after that is rolled back,
and so is at once what is surely above the limit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from judge_evidence import Dispersions, LimitStreams, Priors, StrataStreams, UserStreams, new_users
from judge_nulls import SHARE, Errors, Hours
from judge_peers import first

from pilotage.judge.bar import WEIGHTS
from pilotage.judge.error_evidence import _FALLBACK
from pilotage.judge.excuses import _ABOVE
from pilotage.judge.instances import _HALF_LIFE, _MOST, _UNLIKELY
from pilotage.judge.sums import History

Array = np.ndarray[Any, Any]

RATIO, ALPHA, LIMIT = 1.25, 0.001, 0.05
BAR = math.log(1 / ALPHA)
_ERRORS, _LIMIT = WEIGHTS["errors"], WEIGHTS["limit"]
WARM_UP = 120
"""Seconds until instances are warm, and until an ill one was replaced."""


@dataclass(frozen=True)
class Judged:
    """For each hour: when the bar is reached first, whether that has an excuse, when the release is rolled back; in
    seconds, infinite for never. figures: the evidence at each look, (hours, looks)."""

    first: Array
    excused: Array
    rolled_back: Array
    figures: Array


@dataclass(frozen=True)
class Figures:
    """values: logarithm of the weighted average of e-values at each look, (hours, looks) · critical, above: whether the
    limit decides, or is surely exceeded, when the bar is reached."""

    values: Array
    critical: Array
    above: Array


def evidence(hours: Hours, prior: Priors = None, *, log: bool = True, bar: float = BAR) -> Figures:
    """What the release's tests say at each look. log: where users stick, the router's log tells them apart. It ends
    when every hour has reached the bar."""
    streams, looks = hours.canary_bad.shape
    found = Figures(
        np.full((streams, looks), -np.inf, np.float32), np.zeros(streams, bool), np.zeros(streams, bool)
    )  # fmt: skip
    reached = np.zeros(streams, bool)
    errors = _Errors(hours, prior, log)
    limit = _Limit(hours, log)
    counts = np.stack(
        [part.T.astype(float) for part in (hours.canary_bad, hours.canary_total, hours.stable_bad, hours.stable_total)],
        axis=1,
    )
    for look in range(looks):
        limit.update(look, counts[look])
        errors.update(look, counts[look])
        exceeds = limit.values()
        of_errors, of_limit = _ERRORS * errors.values(), _LIMIT * exceeds
        found.values[:, look] = np.log(of_errors + of_limit)
        new = ~reached & (found.values[:, look] >= bar)
        if new.any():
            found.critical[new], reached[new] = _critical(of_errors, of_limit, math.exp(bar))[new], True
            found.above[new] = exceeds[new] >= math.exp(_ABOVE)
            if reached.all():
                break
    return found


def _critical(of_errors: Array, of_limit: Array, bar: float) -> Array:
    """Whether the limit has reached the bar by itself, or has the larger share where neither has."""
    found: Array = (of_limit >= bar) | ((of_errors < bar) & (of_limit > of_errors))
    return found


class _Errors:
    """The one statistic that this assignment of requests asks for."""

    def __init__(self, hours: Hours, prior: Priors, log: bool) -> None:
        streams, looks = hours.canary_bad.shape
        routes = len(hours.routes[0]) if hours.routes else 1
        self._sticky = hours.sticky
        self._strata: StrataStreams | None = None
        self._users: UserStreams | None = None
        self._routes: Array | None = None
        if hours.sticky and log and hours.errors is not None:
            found = hours.errors
            parts = (found.hour, found.second, found.canary, found.user, found.route)
            self._new = new_users(*parts, hours=streams, looks=looks, routes=routes if routes > 1 else 0)
            self._users = UserStreams(streams, self._new[0].shape[1], SHARE / (1 - SHARE), RATIO)
        elif hours.sticky:
            self._strata = StrataStreams(streams, 1, RATIO, clustered=ALPHA * _ERRORS)
        else:
            self._strata = StrataStreams(streams, routes, RATIO, prior)
            if hours.routes and routes > 1:
                self._routes = np.stack(
                    [np.stack([part[k].T for part in hours.routes], axis=1) for k in range(routes)], axis=1
                )

    def update(self, look: int, counts: Array) -> None:
        if self._users is not None:
            self._users.update(self._new[0][look], self._new[1][look])
        elif self._strata is not None:
            looks = counts[None] if self._routes is None else self._routes[look].astype(float)
            self._strata.update(looks, None if self._sticky else SHARE / (1 - SHARE))

    def values(self) -> Array:
        if self._users is not None:
            return (1 - _FALLBACK) * self._users.values() + _FALLBACK
        assert self._strata is not None
        return self._strata.values()


class _Limit:
    """The limit of errors; where users stick, without the worst user and divided by the dispersion."""

    def __init__(self, hours: Hours, log: bool) -> None:
        streams = len(hours)
        self._bursts = Dispersions(streams, 1.0) if hours.sticky else None
        self._ones = np.ones(streams)
        self._errors = self._ours(hours) if hours.sticky and log and hours.errors is not None else None
        users = 0 if self._errors is None else int(self._errors[1].max(initial=0)) + 1
        self._limit = LimitStreams(streams, LIMIT, users)

    def _ours(self, hours: Hours) -> tuple[Array, Array, Array]:
        """Hour and number of the user of each of the canary's errors, and where each look's begin."""
        found = hours.errors
        assert found is not None
        hour, second, user = found.hour[found.canary], found.second[found.canary], found.user[found.canary]
        known, back = np.unique(hour.astype(np.int64) * (int(user.max(initial=0)) + 1) + user, return_inverse=True)
        of = np.zeros(len(known), np.int64)
        of[back] = hour
        number = np.arange(len(known)) - np.searchsorted(of, np.arange(len(hours)))[of]
        return hour, number[back], np.searchsorted(second, np.arange(hours.looks + 1))

    def update(self, look: int, counts: Array) -> None:
        weight = self._ones if self._bursts is None else 1 / self._bursts.factor
        if self._errors is None:
            self._limit.update(counts[0], counts[1], weight)
        else:
            hour, user, at = self._errors
            part = slice(at[look], at[look + 1])
            self._limit.update(counts[0], counts[1], weight, hour[part], user[part])
        if self._bursts is not None:
            self._bursts.update(counts[2], counts[3])

    def values(self) -> Array:
        return self._limit.values()


def judged(hours: Hours, prior: Priors = None, *, log: bool = True, fresh: bool = False) -> Judged:
    """What the release does. fresh: an instance that replaces an ill one is well; otherwise what happened goes on."""
    found = evidence(hours, prior, log=log)
    reached = first(found.values, BAR)
    excused = np.zeros(len(hours), bool)
    rows = np.flatnonzero(np.isfinite(reached))
    if len(rows):
        excused[rows] = _excused(hours, found, rows, reached[rows].astype(int))
    rolled_back = np.where(excused, np.inf, reached)
    again = np.flatnonzero(excused)
    resumed = reached[again].astype(int) + WARM_UP
    again, resumed = again[resumed < hours.looks - 60], resumed[resumed < hours.looks - 60]
    if len(again):
        tried = later(hours, (again + 1) % len(hours), 0 * resumed) if fresh else later(hours, again, resumed)
        known = prior if prior is None or isinstance(prior, History) else [prior[row] for row in again]
        rolled_back[again] = resumed + first(evidence(tried, known, log=log).values, BAR)
    rolled_back[rolled_back > hours.looks] = np.inf
    return Judged(reached, excused, rolled_back, found.values)


def _excused(hours: Hours, found: Figures, rows: Array, seconds: Array) -> Array:
    """Whether the harm may be bad luck: of one of several instances, or, unless the limit is surely exceeded, of the
    only one, or of instances that warm up."""
    below = ~found.critical[rows] & ~found.above[rows]
    if hours.instances is None or len(hours.instances[0]) < 2:
        return below
    return (below & (seconds < WARM_UP)) | _one_is_ill(hours, rows, seconds)


def _one_is_ill(hours: Hours, rows: Array, seconds: Array) -> Array:
    """As `instances.InstanceStream.ill`, and whether the others are below the limit."""
    assert hours.instances is not None
    bad, total = (part[:, rows] for part in hours.instances)
    age = seconds[:, None] - np.arange(hours.looks)
    kept = np.where(age >= 0, 0.5 ** (np.maximum(age, 0) / _HALF_LIFE), 0.0)
    errors, requests = (bad * kept).sum(axis=2), (total * kept).sum(axis=2)
    worst, place = errors.argmax(axis=0), np.arange(len(rows))
    all_errors, all_requests = errors.sum(axis=0), requests.sum(axis=0)
    share, usual = errors[worst, place] / all_errors, requests[worst, place] / all_requests
    others = (all_errors - errors[worst, place]) <= LIMIT * (all_requests - requests[worst, place])
    named = (share >= _MOST) & (all_errors * _divergences(share, usual) >= _UNLIKELY)
    return named & others & (_highest_without(hours, rows, seconds, worst) < 1 / (ALPHA * _ERRORS))


def _divergences(share: Array, usual: Array) -> Array:
    rest = 1 - share
    found: Array = share * np.log(share / usual) + rest * np.log(np.where(rest > 0, rest, 1.0) / (1 - usual))
    return np.where(share > usual, found, 0.0)


def _highest_without(hours: Hours, rows: Array, seconds: Array, worst: Array) -> Array:
    """The highest e-value for harm of the canary without its worst instance."""
    assert hours.instances is not None
    without = []
    for k, row in enumerate(rows):
        rest = [np.delete(part[:, row], worst[k], axis=0).sum(axis=0) for part in hours.instances]
        without.append(np.stack([*rest, hours.stable_bad[row], hours.stable_total[row]]))
    stream, highest = StrataStreams(len(rows), 1, RATIO), np.zeros(len(rows))
    counts = np.stack(without, axis=1).astype(float)
    for look in range(int(seconds.max()) + 1):
        stream.update(counts[None, :, :, look])
        highest = np.where(look <= seconds, np.maximum(highest, stream.values()), highest)
    return highest


def later(hours: Hours, rows: Array, starts: Array) -> Hours:
    """These hours from these looks on, and nothing after their end."""
    at = starts[:, None] + np.arange(hours.looks)
    there = at < hours.looks
    at = np.minimum(at, hours.looks - 1)

    def part(counts: Array) -> Array:
        return np.where(there, counts[..., rows[:, None], at], 0)

    return replace(
        hours,
        canary_bad=part(hours.canary_bad), canary_total=part(hours.canary_total),
        stable_bad=part(hours.stable_bad), stable_total=part(hours.stable_total),
        errors=_errors_later(hours.errors, rows, starts, len(hours)),
        routes=tuple(part(counts) for counts in hours.routes) if hours.routes else None,
        instances=None,
    )  # fmt: skip


def _errors_later(found: Errors | None, rows: Array, starts: Array, hours: int) -> Errors | None:
    if found is None:
        return None
    place, start = np.full(hours, -1), np.zeros(hours, int)
    place[rows], start[rows] = np.arange(len(rows)), starts
    second = found.second - start[found.hour]
    kept = (place[found.hour] >= 0) & (second >= 0)
    order = np.argsort(second[kept], kind="stable")
    return Errors(
        place[found.hour][kept][order], second[kept][order], found.canary[kept][order], found.user[kept][order],
        found.route[kept][order],
    )  # fmt: skip


def hurt(hours: Hours, seconds: Array) -> Array:
    """Requests that the canary failed since harm began, until these seconds."""
    failed = np.cumsum(hours.canary_bad[:, hours.begins :], axis=1)
    last = np.clip(np.where(np.isfinite(seconds), seconds, hours.looks) - hours.begins, 1, failed.shape[1])
    return failed[np.arange(len(failed)), last.astype(int) - 1]


def histories(before: Hours) -> list[History]:
    """What each service knows of itself: a day like this hour before."""
    dispersions = Dispersions(len(before))
    for look in range(before.looks):
        dispersions.update(before.stable_bad[:, look].astype(float), before.stable_total[:, look].astype(float))
    days = max(1, 86_400 // before.looks)
    return [
        History(days * int(bad.sum()), days * int(total.sum()), float(factor))
        for bad, total, factor in zip(before.stable_bad, before.stable_total, dispersions.factor, strict=True)
    ]
