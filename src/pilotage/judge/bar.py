"""One threshold for all tests of a release: the weighted average of their e-values must reach 1/α.

A weighted average of e-values is an e-value, however they depend on each other. It reaches 1/α no later than one of
them reaches 1/(weight · α), the threshold if the tests shared α (Vovk & Wang, Annals of Statistics 2021). Evidence is
the natural logarithm of an e-value throughout.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

WEIGHTS: Mapping[str, float] = MappingProxyType(
    {"errors": 0.45, "limit": 0.15, "durations": 0.2, "slow": 0.1, "memory": 0.05, "processor": 0.05}
)
"""How much of the bar each test may use: the most where users are hurt most often. They add up to one."""

SIGNAL = "signal"
"""The name in `shares` under which the weight of any single signal is found."""

SIGNALS_SHARE = 0.1
"""The part of the false-rollback probability that all signals have together, where there are any."""


def shares(signals: int) -> Mapping[str, float]:
    """`WEIGHTS` next to so many signals that are compared: together they get a tenth, taken from all in proportion, and
    each has the weight under `SIGNAL`."""
    if signals < 0:
        raise ValueError(f"the number of signals must be at least 0, not {signals}")
    if not signals:
        return WEIGHTS
    return {**{name: weight * (1 - SIGNALS_SHARE) for name, weight in WEIGHTS.items()}, SIGNAL: SIGNALS_SHARE / signals}


def combined(evidences: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """Evidence of all tests together: log Σ weight · e. A test without evidence adds nothing; a name without a weight
    is a signal's. Raises KeyError for an unknown name."""
    parts = _weighted(evidences, weights)
    top = max(parts.values(), default=-math.inf)
    if not math.isfinite(top):
        return top
    return top + math.log(math.fsum(math.exp(part - top) for part in parts.values()))


def leading(evidences: Mapping[str, float], weights: Mapping[str, float]) -> str:
    """The test that adds the most to `combined`; empty if there is none."""
    parts = _weighted(evidences, weights)
    return max(parts, key=parts.__getitem__, default="")


def guilty(evidences: Mapping[str, float], weights: Mapping[str, float], alpha: float) -> set[str]:
    """The tests whose share alone lifts the average to the bar of `alpha`; where only all of them together do, because
    together they know what none of them knows alone, the one with the largest share; else none."""
    bar = math.log(1 / alpha)
    alone = {name for name, value in _weighted(evidences, weights).items() if value >= bar}
    return alone or ({leading(evidences, weights)} if combined(evidences, weights) >= bar else set())


def _weighted(evidences: Mapping[str, float], weights: Mapping[str, float]) -> dict[str, float]:
    found = {}
    for name, evidence in evidences.items():
        weight = weights[name] if name in weights else weights[SIGNAL]
        if weight > 0:
            found[name] = evidence + math.log(weight)
    return found
