"""The judge's evidence on errors for many hours at once: what `pilotage.judge` computes look by look, in arrays.

A stream of the product costs some 20 µs a look, and 20,000 hours are 72 million looks. Here capital has the shape
(streams, points of the grid), and a look touches only the streams in which something failed. That both compute the
same, to 1e-9, is what `tests/unit/judge/test_benchmark_agrees.py` proves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pilotage.judge.dispersion import _EVENTS, _EVENTS_EACH, _FLICKERS, _PAIRS, SCALES, SUSPECTED
from pilotage.judge.likelihood import LATE, LOG_SPAN, SPAN, SPAN_LESS_ONE, late_share
from pilotage.judge.strata import _ALIKE, _CHANCE
from pilotage.judge.sums import History
from pilotage.judge.users import OFTEN

Array = np.ndarray[Any, Any]
Priors = History | Sequence[History] | None
"""What history says: of all streams, of each, or nothing."""
Bet = tuple[Array, Array, Array]
"""Indices of streams, what each of their bettors wins (a logarithm), and the canary's bad events."""

_MANY, _TOP, _RICHEST = 20, 400.0, 1e120
_POOLED, _LONGEST, _LARGEST = 2, 60, 5000
_STABLE_DIFFERS = math.log(20)


class Capitals:
    """`likelihood.Capital` for many streams, half of it held back for late harm. cap: what a block may win."""

    def __init__(self, streams: int, cap: float | None = None) -> None:
        self._held = np.full((streams, len(SPAN)), 1 - LATE)
        self._cap = cap
        self._opened = np.zeros(streams, bool)
        self._open = np.zeros((streams, len(SPAN))) if cap is not None else None
        self._begun, self._started = 0.0, np.zeros(streams)
        self.value = np.ones(streams)

    def begin(self, amount: float) -> None:
        self._begun = min(LATE, self._begun + amount)

    def bet(self, rows: Array, won: Array, canary_bad: Array) -> None:
        """rows: indices of streams, each at most once · won: logarithms, (rows, points)."""
        held = self._held[rows]
        if self._open is None or self._cap is None:
            held += (self._begun - self._started[rows])[:, None]
            self._started[rows] = self._begun
            many = canary_bad > _MANY
            if many.any():
                won[many] = np.minimum(won[many], _TOP)
            held = _multiplied(held, won)
            self._held[rows] = held
        else:
            fresh = ~self._opened[rows]
            held += np.where(fresh, self._begun - self._started[rows], 0.0)[:, None]
            self._held[rows] = held
            self._started[rows] = np.where(fresh, self._begun, self._started[rows])
            self._opened[rows] = True
            self._open[rows] += won
            held = held * np.exp(np.minimum(self._open[rows], self._cap))
        self.value[rows] = held.mean(axis=1) + LATE - self._started[rows]

    def close_block(self) -> None:
        if self._open is None or self._cap is None or not self._opened.any():
            return
        rows = np.flatnonzero(self._opened)
        self._held[rows] = _multiplied(self._held[rows], np.minimum(self._open[rows], self._cap))
        self._open[rows] = 0.0
        self._opened[rows] = False
        self.value[rows] = self._held[rows].mean(axis=1) + LATE - self._started[rows]


def _multiplied(held: Array, won: Array) -> Array:
    held *= np.exp(won)
    return np.minimum(held, _RICHEST, out=held)


class Dispersions:
    """`dispersion.Dispersion` for many streams. usual: what history says, for all or for each."""

    def __init__(self, streams: int, usual: Array | float | None = None) -> None:
        shape = (SCALES, streams)
        self._usual, self._looks = None if usual is None else np.broadcast_to(usual, (streams,)), 0
        self._open = np.zeros((2, *shape))
        self._before, self._has_before = np.zeros((2, *shape)), np.zeros(shape, bool)
        self._squares, self._expected, self._pairs = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self._found = np.ones(shape)
        self.factor = np.full(streams, SUSPECTED + _FLICKERS) if usual is None else np.array(self._usual, float)

    def update(self, bad: Array, total: Array) -> None:
        self._looks += 1
        for scale in range(SCALES):
            opened = self._open[:, scale]
            opened[0] += bad
            opened[1] += total
            if self._looks % (1 << scale):
                break
            bad, total = opened.copy()
            opened[:] = 0
            self._close(scale, bad, total)

    def _close(self, scale: int, bad: Array, total: Array) -> None:
        had, before = self._has_before[scale], self._before[:, scale].copy()
        paired = had & (total > 0) & (before[1] > 0)
        self._before[0, scale], self._before[1, scale] = bad, total
        self._has_before[scale] = ~paired
        failed = bad + before[0] > 0
        if self._usual is None:
            self.factor[paired & ~failed & (self._pairs[0] == 0)] = SUSPECTED
        rows = np.flatnonzero(paired & failed)
        if not len(rows):
            return
        bad, total, was_bad, was_total = bad[rows], total[rows], before[0, rows], before[1, rows]
        share = total / was_total
        self._squares[scale, rows] += (bad - was_bad * share) ** 2
        self._expected[scale, rows] += (bad + was_bad) / (total + was_total) * total * (1 + share)
        self._pairs[scale, rows] += 1
        self._found[scale, rows] = self._at(scale, rows)
        usual = self._shrunk(rows) if self._usual is None else self._usual[rows]
        self.factor[rows] = np.maximum(usual, self._found[:, rows].max(axis=0))

    def _shrunk(self, rows: Array) -> Array:
        pairs, expected, squares = self._pairs[0, rows], self._expected[0, rows], self._squares[0, rows]
        known = np.where(pairs > 0, expected, 1.0)
        suspected = SUSPECTED + np.minimum(_FLICKERS, known / np.maximum(pairs, 1) / _EVENTS_EACH)
        found = np.maximum(1.0, (pairs * squares / known + _PAIRS * suspected) / (pairs + _PAIRS))
        return np.where(pairs > 0, found, SUSPECTED)

    def _at(self, scale: int, rows: Array) -> Array:
        pairs, expected = self._pairs[scale, rows], self._expected[scale, rows]
        found = self._squares[scale, rows] / expected / (1 + np.sqrt(2 / pairs))
        return np.where((pairs < _PAIRS) | (expected < _EVENTS * pairs), 1.0, found)


class Pools:
    """`counts.Pool` for many streams: gathers looks until the canary has two requests."""

    def __init__(self, streams: int) -> None:
        self._pending = np.zeros((4, streams))
        self._looks = np.zeros(streams, int)
        self._began = np.zeros(streams, bool)
        self.dispersion = np.ones(streams)

    def add(self, look: Array, dispersion: Array, *, quiet: bool = False) -> tuple[Array, Array]:
        """Indices of streams whose pooled look ends, and their counts; without quiet only where something failed.

        look: bad and all of the canary, of stable: (4, streams).
        """
        self.dispersion = np.where(self._looks == 0, dispersion, self.dispersion)
        self._pending += look
        self._looks += 1
        self._began |= look[1] > 0
        enough = (self._pending[1] >= _POOLED) | (self._pending[3] >= _LARGEST)
        enough |= (self._looks >= _LONGEST) | ~self._began
        rows = np.flatnonzero(enough & (quiet | (self._pending[0] + self._pending[2] > 0)))
        pooled = self._pending[:, rows]
        self._pending[:, enough] = 0
        self._looks[enough] = 0
        return rows, pooled

    def flush(self, rows: Array) -> Array:
        """What is pending of these streams, ended now."""
        pending = self._pending[:, rows]
        self._pending[:, rows] = 0
        self._looks[rows] = 0
        return pending


def gains(null: float, canary_bad: Array, bad: Array, exposure: Array, weight: Array) -> Array:
    """`likelihood.gains`, a row a stream."""
    found: Array = np.log1p((null * SPAN) * exposure[:, None])
    found -= np.log1p(null * exposure)[:, None]
    found *= (-bad * weight)[:, None]
    found += LOG_SPAN * (canary_bad * weight)[:, None]
    return found


def poisson_evidence(bad: Array, expected: Array) -> Array:
    """`poisson.poisson_evidence`: natural logarithm of the mixture of Poisson ratios, a row a stream."""
    values = bad[:, None] * LOG_SPAN - SPAN_LESS_ONE * expected[:, None]
    top = values.max(axis=1)
    found: Array = top + np.log(np.exp(values - top[:, None]).mean(axis=1))
    return found


def above(bad: Array, expected: Array) -> Array:
    """The same where more than expected failed, else minus infinity."""
    found = np.full(len(bad), -np.inf)
    rows = np.flatnonzero(bad > expected)
    if len(rows):
        found[rows] = poisson_evidence(bad[rows], expected[rows])
    return found


# ── the streams of the product ───────────────────────────────────────────────────────────────────────────────────


class StrataStreams:
    """`strata.StrataStream` for many streams, or `counts.CountStream` where there is one route.

    routes: where there are several, the product has `rest` as one more; nothing happens on it here · clustered: α of
    the judge where users stick to a version and nothing tells them apart; then without history.
    """

    def __init__(
        self,
        streams: int,
        routes: int = 1,
        ratio: float = 1.25,
        prior: Priors = None,
        clustered: float | None = None,
    ) -> None:
        priors = [prior] if isinstance(prior, History) else prior
        self._ceiling = np.array([known.ceiling for known in priors]) if priors else None
        self._ratio, self._looks, self._clustered = ratio, 0, clustered is not None
        cap = math.log(1 / clustered) / 3 if clustered is not None else None
        self._joint = Capitals(streams, cap)
        self._single = [Capitals(streams, cap) for _ in range(routes)] if routes > 1 else []
        self._pools = [Pools(streams) for _ in range(routes)]
        self._whole = Pools(streams) if prior else None
        self._weighed = np.zeros((4, streams))
        self._asked = np.zeros((routes, 2, streams))
        usual = np.array([known.dispersion for known in priors]) if priors else None
        self._dispersion = Dispersions(streams, usual)

    @property
    def dispersion(self) -> Array:
        return self._dispersion.factor

    def update(self, looks: Array, exposure: float | None = None) -> None:
        """looks: (routes, 4, streams) · exposure: W / (1 − W) where each request is given to the canary by chance."""
        for capital in (self._joint, *self._single):
            if self._clustered and self._looks % 5 == 0:
                capital.close_block()
            capital.begin(late_share(self._looks + 1))
        self._looks += 1
        alike = self._alike()
        self._compare(looks, alike, exposure)
        total = looks.sum(axis=0) if len(looks) > 1 else looks[0]
        if self._whole is not None:
            self._add_up(total, np.logical_and.reduce(alike), exposure)
        self._asked += looks[:, 1::2]
        self._dispersion.update(total[2], total[3])

    def _alike(self) -> Array:
        """Whether the share of each route is about the same on both versions: (routes, streams)."""
        if len(self._asked) < 2:
            return np.ones((1, self._asked.shape[2]), bool)
        canary, stable = self._asked.sum(axis=0)
        expected = canary * self._asked[:, 1] / np.maximum(stable, 1.0)
        found: Array = np.abs(self._asked[:, 0] - expected) <= _ALIKE * expected + _CHANCE * np.sqrt(expected)
        return found

    def _compare(self, looks: Array, alike: Array, exposure: float | None) -> None:
        streams, parts = looks.shape[2], []
        for route in range(len(self._pools)):
            found = self._bets(route, looks[route], alike[route], exposure)
            if self._single and found:
                rows, won, canary_bad = _in_one(found, streams)
                self._single[route].bet(rows, won.copy(), canary_bad)
            parts += found
        if parts:
            self._joint.bet(*_in_one(parts, streams))

    def _bets(self, route: int, look: Array, alike: Array, exposure: float | None) -> list[Bet]:
        """Streams, what their bettors win, and the canary's bad events: of looks as assigned, and of pooled ones."""
        pool, dispersion = self._pools[route], self._dispersion.factor
        if exposure is None:
            return self._pooled_bets(*pool.add(look, dispersion), pool)
        parts: list[Bet] = []
        if self._single:
            rows = np.flatnonzero(alike)
            flushed = pool.flush(rows)
            failed = flushed[0] + flushed[2] > 0
            parts += self._pooled_bets(rows[failed], flushed[:, failed], pool)
            counted, pooled = pool.add(np.where(alike, 0.0, look), dispersion)
            there = ~alike[counted]
            parts += self._pooled_bets(counted[there], pooled[:, there], pool)
            pool.flush(rows)
        rows = np.flatnonzero(alike & (look[0] + look[2] > 0))
        if len(rows):
            odds = np.full(len(rows), exposure)
            weight = self._weight(odds, dispersion[rows])
            won = gains(self._ratio, look[0, rows], look[0, rows] + look[2, rows], odds, weight)
            parts.append((rows, won, look[0, rows]))
        return parts

    def _pooled_bets(self, rows: Array, pooled: Array, pool: Pools) -> list[Bet]:
        both = (pooled[1] > 0) & (pooled[3] > 0)
        rows, pooled = rows[both], pooled[:, both]
        if not len(rows):
            return []
        exposure = pooled[1] / pooled[3]
        weight = self._weight(exposure, pool.dispersion[rows])
        return [(rows, gains(self._ratio, pooled[0], pooled[0] + pooled[2], exposure, weight), pooled[0])]

    def _add_up(self, total: Array, usual: Array, exposure: float | None) -> None:
        assert self._whole is not None
        if exposure is not None:
            odds = np.full(total.shape[1], exposure)
            self._weighed += np.where(usual, self._weight(odds, self._dispersion.factor) * total, 0.0)
            return
        rows, pooled = self._whole.add(total, self._dispersion.factor, quiet=True)
        found = np.divide(pooled[1], pooled[3], out=np.zeros(len(rows)), where=pooled[3] > 0)
        self._weighed[:, rows] += usual[rows] * self._weight(found, self._whole.dispersion[rows]) * pooled

    def _weight(self, exposure: Array, dispersion: Array) -> Array:
        if self._clustered:
            return 1 / dispersion
        weight: Array = 1 / (1 + 2 * (dispersion - 1) * exposure / (1 + exposure))
        return weight

    def values(self) -> Array:
        """e-values, history included."""
        value = self._joint.value
        if self._single:
            single = np.sum([capital.value for capital in self._single], axis=0) + 1
            value = (value + single / (len(self._single) + 1)) / 2
        if self._ceiling is None:
            return value
        bad_c, all_c, bad_s, all_s = self._weighed
        ceiling = self._ceiling
        refuted = above(bad_s, ceiling * all_s) >= _STABLE_DIFFERS
        beyond = np.exp(np.minimum(600.0, above(bad_c, np.minimum(1.0, self._ratio * ceiling) * all_c)))
        found: Array = np.where(refuted, value, value + beyond) / 2
        return found


def _in_one(parts: Sequence[Bet], streams: int) -> Bet:
    """The same bets with each stream only once."""
    if len(parts) == 1:
        return parts[0]
    together, bad = np.zeros((streams, len(SPAN))), np.zeros(streams)
    for rows, won, canary_bad in parts:
        together[rows] += won
        bad[rows] += canary_bad
    touched = np.unique(np.concatenate([rows for rows, _, _ in parts]))
    return touched, together[touched], bad[touched]


class UserStreams:
    """`users.UserStream` for many streams, given how many users are counted at each look (`new_users`)."""

    def __init__(self, streams: int, names: int, odds: float, ratio: float = 1.25) -> None:
        self._ratio, self._odds, self._looks = ratio, odds, 0
        self._bets = [(Capitals(streams), Capitals(streams)) for _ in range(names)]
        self._dispersion = Dispersions(streams)

    def update(self, once: Array, often: Array) -> None:
        """once, often: users of canary and stable, overall and by route: (names, 2, streams)."""
        self._looks += 1
        weight = 1 / (1 + 2 * (self._dispersion.factor - 1) * self._odds / (1 + self._odds))
        for name, (first, again) in enumerate(self._bets):
            for capital, users, counts in ((first, once[name], 1.0), (again, often[name], weight)):
                capital.begin(late_share(self._looks))
                rows = np.flatnonzero(users.sum(axis=0))
                if len(rows):
                    own, every = users[0, rows], users[:, rows].sum(axis=0)
                    odds = np.full(len(rows), self._odds)
                    counted = np.broadcast_to(counts, (users.shape[1],))[rows]
                    capital.bet(rows, gains(self._ratio, own, every, odds, counted), own)
        total = np.full(often.shape[2], 1 / (1 + self._odds))
        self._dispersion.update(often[0, 1], total)

    def values(self) -> Array:
        found = [(1 - OFTEN) * first.value + OFTEN * again.value for first, again in self._bets]
        value: Array = (found[0] + np.mean(found[1:], axis=0)) / 2
        return value


class LimitStreams:
    """`limit.LimitStream` for many streams.

    users: how many users of the canary fail in each stream at most, where users are told apart · thorough: compute
    every value; otherwise a mixture that cannot exceed 1 counts as 1, which is no less.
    """

    def __init__(self, streams: int, limit: float, users: int = 0, *, thorough: bool = False) -> None:
        self._limit, self._thorough = limit, thorough
        self._bad, self._expected = np.zeros((2, streams)), np.zeros((2, streams))
        self._users = np.zeros((2, streams, users)) if users else None
        self._worst = np.zeros((2, streams))
        self._since, self._now = np.full(streams, -1), 0
        self._blocks, self._share = np.zeros(streams), np.zeros(streams)
        self._settled, self._unstarted = np.zeros(streams), np.full(streams, 0.5)

    def update(
        self, bad: Array, total: Array, weight: Array, rows: Array | None = None, users: Array | None = None
    ) -> None:
        """rows, users: stream and number of the user of each error of this look."""
        asked = total > 0
        self._turn(asked & ((self._since < 0) | (self._now >= self._since + 60)))
        self._now += 1
        self._bad += np.where(asked, bad * weight, 0.0)
        self._expected += np.where(asked, self._limit * total * weight, 0.0)
        if self._users is not None and rows is not None and users is not None:
            for part in (0, 1):
                np.add.at(self._users[part], (rows, users), weight[rows])
                np.maximum.at(self._worst[part], rows, self._users[part][rows, users])

    def _turn(self, turns: Array) -> None:
        rows = np.flatnonzero(turns)
        if not len(rows):
            return
        old = rows[self._since[rows] >= 0]
        bad = self._bad[1, old] - self._worst[1, old]
        evidence = poisson_evidence(bad, self._expected[1, old])
        self._settled[old] += self._share[old] * np.exp(np.minimum(evidence, 600.0))
        self._since[rows] = self._now
        self._bad[1, rows] = self._expected[1, rows] = self._worst[1, rows] = 0.0
        if self._users is not None:
            self._users[1, rows] = 0.0
        self._blocks[rows] += 1
        place = self._blocks[rows] + 1
        self._share[rows] = np.minimum(self._unstarted[rows], 0.5 / 2.11 / (place * np.log(place) ** 2))
        self._unstarted[rows] -= self._share[rows]

    def values(self) -> Array:
        parts = []
        for part in (0, 1):
            bad, expected = self._bad[part] - self._worst[part], self._expected[part]
            value = np.ones(len(bad))
            rows = np.arange(len(bad)) if self._thorough else np.flatnonzero(bad > expected)
            if len(rows):
                value[rows] = np.exp(np.minimum(poisson_evidence(bad[rows], expected[rows]), 600.0))
            parts.append(value)
        late = self._share * parts[1] + self._settled + self._unstarted
        return np.where(self._since < 0, 1.0, 0.5 * parts[0] + late)


def new_users(
    hour: Array, second: Array, canary: Array, user: Array, route: Array, *, hours: int, looks: int, routes: int
) -> tuple[Array, Array]:
    """Users that `users.UserStream` counts at each look: at their first error ever, and in each window of 300 s.

    The errors in the order of time. Each of shape (looks, names, 2, hours): overall, then by route, then `rest`, which
    has the errors of a number that is `routes` or more; canary before stable.
    """
    names = routes + 2
    once, often = (np.zeros((looks, names, 2, hours), np.int16) for _ in range(2))
    route = np.minimum(route, routes)
    who = hour.astype(np.int64) * (int(user.max(initial=0)) + 1) + user
    _, first, back = np.unique(who, return_index=True, return_inverse=True)
    new = second == second[first][back]
    window = who * (looks // 300 + 1) + second // 300
    for name in range(names):
        mine = np.flatnonzero(route == name - 1) if name else np.arange(len(who))
        for counted, key in ((once, who), (often, window)):
            _, at = np.unique(key[mine], return_index=True)
            at = mine[at]
            if counted is once:
                at = at[new[at]]
            side = np.where(canary[at], 0, 1)
            np.add.at(counted, (second[at], np.full(len(at), name), side, hour[at]), 1)
    return once, often
