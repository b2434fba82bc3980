"""The likelihood of a ratio of two rates on a grid, and capital that bets on it: the arithmetic of `counts`.

Every look with bad events computes a few hundred grid points. At this size calls cost more than numbers. Only the
result of a look is kept: a controller holds some of these for each of thousands of rollouts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cache

import numpy as np
import numpy.typing as npt

from pilotage.model.json import JsonObject, each, list_at, number_at, optional

Array = npt.NDArray[np.float64]

_FINE = np.geomspace(1.05, 200.0, 80)
"""Multiples of the null's ratio at which the likelihood is kept, and their inverses below it."""

_BETS = np.array([0, 1, *range(3, 70, 3)])

SPAN = _FINE[_BETS]
"""Alternatives that bettors hold, as multiples of the null's ratio or limit: 1.05 to 103. Hardly any evidence is lost
between two of them, and a third of the points is a third of the work and of what is saved."""

LOG_SPAN, SPAN_LESS_ONE = np.log(SPAN), SPAN - 1

_MANY = 20
"""Bad events in one look beyond which a bet could leave the range of a float."""

_TOP, _RICHEST = 400.0, 1e120
"""Caps that keep the capital a finite number: far beyond any bar, and a smaller capital is still an e-value."""

LATE = 0.5
"""Part of the capital that is kept for harm that starts later."""

_SUM = 1.07
"""Σ 1 / (n log² n) over n ≥ 3 is 1.0692."""

_MEAN = np.full(len(SPAN), 1 / len(SPAN))

_SUMS = np.vstack([np.arange(2 * len(_FINE) + 1) < len(_FINE), np.ones(2 * len(_FINE) + 1)]).astype(float)
"""Rows of sums over powers: of the part below the null, and of all."""


@cache
def _grid(null: float) -> tuple[Array, Array]:
    """Ratios around `null`, and their logarithms: the same for every judge that tolerates as much."""
    theta = np.concatenate([null / _FINE[::-1], [null], null * _FINE])
    return theta, np.log(theta)


class Likelihood:
    """The logarithm of the likelihood of θ, the canary's rate over stable's: below, at and above `null`.

    It is concave in log θ (a sum of logarithms of binomial shares), so its top and the ends of an interval are found by
    walking from where they were at the last look.
    """

    def __init__(self, null: float) -> None:
        self.theta, self._log_theta = _grid(null)
        self._null, self._size = len(_FINE), 2 * len(_FINE) + 1
        self.values = np.zeros(self._size)
        self._top, self._first, self._last = self._null, 0, self._size - 1

    def add(self, canary_bad: int, bad: int, exposure: float, weight: float, gains: Array) -> None:
        """Add a look's bad events. gains: log likelihood ratios of `SPAN` times the null are added to it."""
        step = self.theta * exposure
        np.log1p(step, out=step)
        step *= -bad * weight
        if canary_bad:
            step += self._log_theta * (canary_bad * weight)
        self.values += step
        gains += step[self._null + 1 :][_BETS]
        gains -= float(step[self._null])

    def compare(self, alpha: float) -> tuple[float, tuple[float, float]]:
        """Evidence for "below the null", as a natural logarithm, and the interval at level 1 − alpha: every θ whose
        likelihood is not below alpha times the average over the whole grid."""
        values = self.values
        self._top = _summit(values, self._top)
        top = float(values[self._top])
        powers = values - top
        np.exp(powers, out=powers)
        below, whole = np.dot(_SUMS, powers).tolist()
        bar = whole / self._size * alpha
        first, last = self._first, self._last = _ends(powers, bar, self._first, self._last, self._top)
        low = 0.0 if first == 0 else float(self.theta[first])
        high = math.inf if last == self._size - 1 else float(self.theta[last])
        return log(below / len(_FINE)) + top - float(values[self._null]), (low, high)

    def most_likely(self) -> float | None:
        """The ratio under which what was seen is the most likely; None where that is at an end of the grid."""
        top = int(self.values.argmax())
        return float(self.theta[top]) if 0 < top < self._size - 1 else None

    def restore(self, values: list[float]) -> None:
        self.values = np.asarray(values, dtype=float)
        self._top = int(self.values.argmax())


def _summit(values: Array, at: int) -> int:
    """The highest point of a concave row, walking from `at`."""
    last = len(values) - 1
    while at < last and values[at + 1] > values[at]:
        at += 1
    while at > 0 and values[at - 1] > values[at]:
        at -= 1
    return at


def _ends(powers: Array, bar: float, first: int, last: int, top: int) -> tuple[int, int]:
    """First and last point above `bar` of a row that falls to both sides of `top`, walking from where they were."""
    first, last = min(first, top), max(last, top)
    while first > 0 and powers[first - 1] > bar:
        first -= 1
    while first < top and powers[first] <= bar:
        first += 1
    end = len(powers) - 1
    while last < end and powers[last + 1] > bar:
        last += 1
    while last > top and powers[last] <= bar:
        last -= 1
    return first, last


def gains(null: float, canary_bad: int, bad: int, exposure: float, weight: float) -> Array:
    """Log likelihood ratios of `SPAN` times `null` against it, of `bad` events of which `canary_bad` are the
    canary's; exposure: the canary's over stable's, above 0 and finite."""
    found: Array = np.log1p(SPAN * (null * exposure))
    found -= math.log1p(null * exposure)
    found *= -bad * weight
    if canary_bad:
        found += LOG_SPAN * (canary_bad * weight)
    return found


def late_share(look: int) -> float:
    """Capital that starts at this look, counted from 1: falls as 1 / (n log² n), and never exceeds `LATE` in all."""
    place = look + 2
    return LATE / _SUM / (place * math.log(place) ** 2)


class Capital:
    """Bettors on harm, one a point of `SPAN`: an e-process, summed over those who have started.

    cap: within a block (`close_block`) a bettor's factor counts as at most e^cap. The smaller of a supermartingale and
    a constant is a supermartingale, so the capital still is one: no block decides alone.
    """

    def __init__(self, cap: float | None = None) -> None:
        self._cap = cap
        self._held = np.ones(len(SPAN))
        self._open: Array | None = None
        self._due = self.unstarted = 0.0
        self._total: float | None = None

    def bet(self, won: Array, canary_bad: int) -> None:
        """Multiply each bettor's capital by e^won; bets are placed before a look with `canary_bad` bad events."""
        self._total = None
        if self._open is not None:
            self._open = self._open + won
            return
        # Who starts within a block must not win what its first looks brought: they start with its first bet.
        self._held += self._due
        self._due = 0.0
        if self._cap is not None:
            self._open = won.copy()
            return
        self._multiply(np.minimum(won, _TOP) if canary_bad > _MANY else won)

    def _multiply(self, won: Array) -> None:
        self._held *= np.exp(won)
        np.minimum(self._held, _RICHEST, out=self._held)

    def close_block(self) -> None:
        """Keep what the open block won, up to the cap."""
        if self._open is not None and self._cap is not None:
            self._multiply(np.minimum(self._open, self._cap))
            self._open, self._total = None, None

    def cap_blocks(self, cap: float) -> None:
        """Before the first bet: let no block win more than e^cap."""
        self._cap = cap

    def evidence(self) -> float:
        """Natural logarithm of the e-value."""
        if self._total is None:
            held = self._held
            if self._open is not None and self._cap is not None:
                held = held * np.exp(np.minimum(self._open, self._cap))
            self._total = float(np.dot(held, _MEAN))
        return log(self._total + self._due + self.unstarted)

    def hold_back(self, share: float) -> None:
        self._held *= 1 - share
        self.unstarted = share
        self._total = None

    def begin(self, amount: float) -> None:
        amount = min(amount, self.unstarted)
        self.unstarted -= amount
        self._due += amount

    def to_dict(self) -> JsonObject:
        opened = None if self._open is None else self._open.tolist()
        return {"held": self._held.tolist(), "open": opened, "due": self._due, "unstarted": self.unstarted}

    def restore(self, saved: JsonObject) -> None:
        self._held[:] = each(number_at, saved, "held")
        opened = optional(list_at, saved, "open")
        self._open = None if opened is None else np.asarray(opened, dtype=float)
        self._due, self.unstarted, self._total = number_at(saved, "due"), number_at(saved, "unstarted"), None


def average(evidences: Iterable[float]) -> float:
    """Natural logarithm of the mean of e-values given by theirs: an e-value however they depend on one another."""
    values = list(evidences)
    top = max(values)
    if not math.isfinite(top):
        return top
    return top + math.log(math.fsum(math.exp(value - top) for value in values) / len(values))


def weighted(first: float, second: float, share: float) -> float:
    """Natural logarithm of (1 − share) · e^first + share · e^second: an e-value where both are, 0 < share < 1."""
    first, second = first + math.log(1 - share), second + math.log(share)
    top = max(first, second)
    return top + math.log(math.exp(first - top) + math.exp(second - top)) if math.isfinite(top) else top


def log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf
