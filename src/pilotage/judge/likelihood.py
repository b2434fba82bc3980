"""The likelihood of a ratio of two rates on a grid, and capital that bets on it: the arithmetic of `counts`.

Every look passes over a few hundred grid points; the arrays are laid out once and written in place, because at this
size it is calls and copies that cost, not numbers.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]

SPAN = np.geomspace(1.05, 200.0, 80)
"""Alternatives as multiples of the null's ratio or limit."""

LOG_SPAN, SPAN_LESS_ONE = np.log(SPAN), SPAN - 1

_MANY = 20
"""Bad events in one look beyond which a bet could leave the range of a float."""

_TOP, _RICHEST = 400.0, 1e120
"""Caps that keep the capital a finite number: far beyond any bar, and a smaller capital is still an e-value."""


_SUMS = np.vstack([np.arange(2 * len(SPAN) + 1) < len(SPAN), np.ones(2 * len(SPAN) + 1)]).astype(float)
"""Rows of sums over powers: what lies below the null, and all."""


@cache
def _grid(null: float) -> tuple[Array, Array]:
    """Ratios around `null`, and their logarithms: the same for every judge that tolerates as much."""
    theta = np.concatenate([null / SPAN[::-1], [null], null * SPAN])
    return theta, np.log(theta)


class Likelihood:
    """The logarithm of the likelihood of θ, the canary's rate over stable's: below, at and above `null`.

    It is concave in log θ (a sum of logarithms of binomial shares), so its top and the ends of an interval are found by
    walking from where they were at the last look.
    """

    def __init__(self, null: float) -> None:
        self.theta, self._log_theta = _grid(null)
        self._null, self._size = len(SPAN), 2 * len(SPAN) + 1
        self.values = np.zeros(self._size)
        self._step, self._powers = np.empty(self._size), np.empty(self._size)
        self._step_above = self._step[self._null + 1 :]
        self._top, self._first, self._last = self._null, 0, self._size - 1

    def add(self, canary_bad: int, bad: int, exposure: float, weight: float, gains: Array) -> None:
        """Take in a look's bad events. gains: gets log likelihood ratios of the points above the null against it."""
        step = self._step
        np.multiply(self.theta, exposure, out=step)
        np.log1p(step, out=step)
        step *= -bad * weight
        if canary_bad:
            step += self._log_theta * (canary_bad * weight)
        self.values += step
        np.subtract(self._step_above, step[self._null], out=gains)

    def compare(self, alpha: float) -> tuple[float, tuple[float, float]]:
        """Evidence for "below the null", as a natural logarithm, and the interval at level 1 − alpha: every θ whose
        likelihood is not below alpha times the average over the whole grid."""
        values, powers = self.values, self._powers
        self._top = _summit(values, self._top)
        top = float(values[self._top])
        np.subtract(values, top, out=powers)
        np.exp(powers, out=powers)
        below, whole = np.dot(_SUMS, powers).tolist()
        bar = whole / self._size * alpha
        first, last = self._first, self._last = _ends(powers, bar, self._first, self._last, self._top)
        low = 0.0 if first == 0 else float(self.theta[first])
        high = math.inf if last == self._size - 1 else float(self.theta[last])
        return log(below / len(SPAN)) + top - float(values[self._null]), (low, high)

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


class Capital:
    """Bettors on harm against the comparison, and on a breach of the limit where there is one: a row each of capital,
    one bettor a point of `SPAN`, summed over those who have begun."""

    def __init__(self, *, limited: bool) -> None:
        points = len(SPAN)
        self._held = np.ones((2 if limited else 1, points))
        self._bets = np.zeros_like(self._held)
        self.gains = self._bets[0]
        self._breaches = self._bets[1] if limited else None
        self._mean = np.full(points, 1 / points)
        self._totals: list[float] | None = None
        self.unstarted = 0.0

    def bet_on_breach(self, canary_bad: int, expected: float, weight: float) -> None:
        """Poisson ratios of so many bad events where `expected` is what the limit allows."""
        if self._breaches is not None:
            np.multiply(SPAN_LESS_ONE, -weight * expected, out=self._breaches)
            if canary_bad:
                self._breaches += LOG_SPAN * (canary_bad * weight)

    def settle(self, canary_bad: int) -> None:
        """Multiply by what was bet in this look, and clear the table."""
        bets, held = self._bets, self._held
        if canary_bad > _MANY:
            np.minimum(bets, _TOP, out=bets)
        np.exp(bets, out=bets)
        held *= bets
        if canary_bad:
            np.minimum(held, _RICHEST, out=held)
        bets.fill(0.0)
        self._totals = None

    def evidence(self, row: int) -> float:
        """Natural logarithm of the e-value: of harm (0), of a breach (1)."""
        if self._totals is None:
            self._totals = np.dot(self._held, self._mean).tolist()
        return log(self._totals[row] + self.unstarted)

    def hold_back(self, share: float) -> None:
        self._held *= 1 - share
        self.unstarted = share
        self._totals = None

    def begin(self, amount: float) -> None:
        amount = min(amount, self.unstarted)
        self.unstarted -= amount
        self._held += amount
        self._totals = None

    def to_dict(self) -> dict[str, Any]:
        return {"held": self._held.tolist(), "unstarted": self.unstarted}

    def restore(self, saved: dict[str, Any]) -> None:
        self._held[:] = saved["held"]
        self._totals = None
        self.unstarted = saved["unstarted"]


def log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf
