"""The rules of peers, for many hours at once: a figure at every look, which flags the canary when it reaches a bar.

Every rule that compares tolerates what ours does: 1.25 times stable's rate.

- **GAVI**: normal mixture (τ = 1) on the logarithm of the ratio of rates, anytime-valid for a normal statistic (Howard,
  Ramdas, McAuliffe & Sekhon, Annals of Statistics 2021), as feature-flag services use it; asymptotic, so no guarantee.
- **mSPRT**: the same on the difference of the rates, τ = 0.002, against no difference (Johari, Koomen, Pekelis & Walsh,
  Operations Research 2022).
- **Bayes**: P(ratio > 1.25) with Jeffreys' priors.
- **OBF**: O'Brien & Fleming's boundary on the ratio, a look a minute (Biometrics 1979), continuity by Siegmund.
- **argo**, **flagger**: a minute's error rate above 1 %, the fourth and the fifth failure; their defaults.
- **kayenta**: Mann-Whitney on the error rates of minutes, each ten minutes, 98 %, and 25 % more.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from judge_nulls import Hours
from scipy.special import betainc
from scipy.stats import mannwhitneyu

RATIO, ALPHA = 1.25, 0.001
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Rule:
    """figures: (hours, looks), minus infinity where the rule does not look · bar: what flags, as documented."""

    figures: Callable[[Hours], Array]
    bar: float


def first(figures: Array, bar: float) -> Array:
    """Seconds until the figure reaches the bar, infinite where it never does."""
    reached = figures >= bar
    return np.where(reached.any(axis=1), reached.argmax(axis=1) + 1.0, np.inf)


def _sums(hours: Hours) -> tuple[Array, Array, Array, Array]:
    parts = (hours.canary_bad, hours.canary_total, hours.stable_bad, hours.stable_total)
    bad_c, all_c, bad_s, all_s = (np.cumsum(part, axis=1, dtype=np.float64) for part in parts)
    return bad_c, np.maximum(all_c, 1.0), bad_s, np.maximum(all_s, 1.0)


def _mixture(excess: Array, variance: Array, tau: float) -> Array:
    """Logarithm of the normal mixture's e-value for an estimate above the null."""
    total = variance + tau * tau
    found = 0.5 * np.log(variance / total) + np.square(excess) * tau * tau / (2 * variance * total)
    return np.where(excess > 0, found, -np.inf)


def _log_ratio(hours: Hours) -> tuple[Array, Array]:
    """How far the logarithm of the ratio is above the tolerated one, and its variance."""
    bad_c, all_c, bad_s, all_s = _sums(hours)
    excess = np.log((bad_c + 0.5) / all_c) - np.log((bad_s + 0.5) / all_s) - math.log(RATIO)
    return excess, 1 / (bad_c + 0.5) + 1 / (bad_s + 0.5)


def gavi(hours: Hours) -> Array:
    return _mixture(*_log_ratio(hours), tau=1.0)


def msprt(hours: Hours) -> Array:
    bad_c, all_c, bad_s, all_s = _sums(hours)
    rate = (bad_c + bad_s) / (all_c + all_s)
    variance = np.maximum(rate * (1 - rate), 1e-12) * (1 / all_c + 1 / all_s)
    return _mixture(bad_c / all_c - bad_s / all_s, variance, tau=0.002)


def bayes(hours: Hours) -> Array:
    """−log(1 − P), at the looks in which the canary fails: it grows in no other."""
    bad_c, all_c, bad_s, all_s = _sums(hours)
    failed = hours.canary_bad > 0
    share = RATIO * all_c[failed] / (RATIO * all_c[failed] + all_s[failed])
    found = np.full(failed.shape, -np.inf)
    found[failed] = -np.log(np.maximum(betainc(bad_c[failed] + 0.5, bad_s[failed] + 0.5, share), 1e-300))
    return found


def obrien_fleming(hours: Hours) -> Array:
    looks = hours.looks // 60
    found = np.full((len(hours), hours.looks), -np.inf)
    excess, variance = (part[:, 59::60] for part in _log_ratio(hours))
    found[:, 59::60] = excess / np.sqrt(variance) * np.sqrt(np.arange(1, looks + 1) / looks)
    return found


def minutes(counts: Array) -> Array:
    return counts.reshape(len(counts), -1, 60).sum(axis=2)


def failures(number: int) -> Callable[[Hours], Array]:
    """The error rate that this many minutes have exceeded."""

    def figures(hours: Hours) -> Array:
        rates = minutes(hours.canary_bad) / np.maximum(minutes(hours.canary_total), 1)
        found = np.full((len(hours), hours.looks), -np.inf)
        top = np.full((len(hours), number), -np.inf)
        for minute in range(rates.shape[1]):
            top = np.sort(np.concatenate([top, rates[:, minute, None]], axis=1), axis=1)[:, 1:]
            found[:, 60 * minute + 59] = top[:, 0]
        return found

    return figures


def kayenta(hours: Hours) -> Array:
    rates = [
        minutes(bad) / np.maximum(minutes(total), 1)
        for bad, total in ((hours.canary_bad, hours.canary_total), (hours.stable_bad, hours.stable_total))
    ]
    found = np.full((len(hours), hours.looks), -np.inf)
    for minute in range(10, hours.looks // 60 + 1, 10):
        canary, stable = (part[:, :minute] for part in rates)
        chance = mannwhitneyu(canary, stable, alternative="greater", axis=1, method="asymptotic").pvalue
        worse = (chance < 0.01) & (canary.mean(axis=1) > 1.25 * stable.mean(axis=1))
        found[:, 60 * minute - 1] = np.where(worse, 1.0, 0.0)
    return found


_CONTINUITY = 0.5826
"""Siegmund's correction of a continuous boundary for looks at steps: ζ(½) / √(2π)."""

RULES = {
    "GAVI": Rule(gavi, math.log(1 / ALPHA)),
    "mSPRT": Rule(msprt, math.log(1 / ALPHA)),
    "Bayes": Rule(bayes, math.log(1 / ALPHA)),
    "OBF": Rule(obrien_fleming, 3.2905 - _CONTINUITY / math.sqrt(60)),
    "argo": Rule(failures(4), math.nextafter(0.01, 1)),
    "flagger": Rule(failures(5), math.nextafter(0.01, 1)),
    "kayenta": Rule(kayenta, 1.0),
}
