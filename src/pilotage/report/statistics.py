"""Intervals for the few numbers of a report: a rate without its n and interval is a guess (C23)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist, median

_Z = 1.959963984540054
"""Standard normal quantile of 0.975."""


_MANY = 500
"""Coins beyond which the probability of a single result nears the smallest float."""


def wilson(hits: int, trials: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson, JASA 1927); 0…1 when nothing was tried."""
    if not trials:
        return 0.0, 1.0
    p = hits / trials
    middle, spread = p + _Z**2 / (2 * trials), _Z * math.sqrt(p * (1 - p) / trials + _Z**2 / (4 * trials**2))
    whole = 1 + _Z**2 / trials
    return max(0.0, (middle - spread) / whole), min(1.0, (middle + spread) / whole)


def poisson(events: int) -> tuple[float, float]:
    """95 % interval of an expected count (Byar's approximation; Breslow & Day, IARC 1987, section 2.3)."""
    low = 0.0 if not events else events * (1 - 1 / (9 * events) - _Z / (3 * math.sqrt(events))) ** 3
    more = events + 1
    return low, more * (1 - 1 / (9 * more) + _Z / (3 * math.sqrt(more))) ** 3


def median_interval(values: Sequence[float]) -> tuple[float, tuple[float, float] | None]:
    """The median, and a 95 % interval of the population's from order statistics (Conover 1999, section 3.2); None for
    fewer than six values, of which no interval holds that much."""
    ordered = sorted(values)
    n = len(ordered)
    middle = median(ordered)
    if n < 6:
        return middle, None
    rank = _rank(n)
    return middle, (ordered[rank - 1], ordered[n - rank])


def mean_interval(values: Sequence[float], lowest: float, highest: float) -> tuple[float, float] | None:
    """95 % interval of the mean of values between two bounds, by the normal approximation; None for fewer than ten."""
    n = len(values)
    if n < 10:
        return None
    middle = math.fsum(values) / n
    spread = _Z * math.sqrt(math.fsum((value - middle) ** 2 for value in values) / (n - 1) / n)
    return max(lowest, middle - spread), min(highest, middle + spread)


def _rank(n: int) -> int:
    """The largest r for which at most 2.5 % of n fair coins' results are r − 1 heads or fewer; of many coins by the
    normal approximation, rounded outwards."""
    if n > _MANY:
        return max(1, math.floor((n - _Z * math.sqrt(n)) / 2))
    chance, rank = 0.5**n, 0
    below = chance
    while below <= 0.025:
        rank += 1
        chance *= (n - rank + 1) / rank
        below += chance
    return rank


def student(level: float, free: int) -> float:
    """Quantile of Student's t: exact for one and two degrees of freedom, else the expansion of Abramowitz & Stegun
    26.7.5. free: degrees of freedom."""
    if free == 1:
        return math.tan(math.pi * (level - 0.5))
    if free == 2:
        both = 2 * level - 1
        return both * math.sqrt(2 / (1 - both**2))
    z = NormalDist().inv_cdf(level)
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return float(sum(term / free**power for power, term in enumerate(terms)))
