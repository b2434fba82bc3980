"""Whether it got slower: pytest-benchmark, hyperfine, k6 and plain JSON, against a stored baseline.

Where both reports hold the single runs, a benchmark is slower when its median is beyond the tolerated factor *and* its
runs differ by more than chance: a one-sided U test (Mann & Whitney, Annals of Mathematical Statistics 1947; with ties
and continuity corrected) at 1 %, shared among the benchmarks (Holm, Scandinavian Journal of Statistics 1979). Where a
report holds only a summary, as k6's does, the factor alone decides.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from pilotage.model.readiness import BadEvidence

ALPHA = 0.01
LEAST_RUNS = 4
"""Fewer runs on each side can never differ at 1 %: of 4 and 4 the most extreme order has a chance of 1.4 %, so below it
the factor alone decides."""


@dataclass(frozen=True)
class Slower:
    """factor: new median over old · chance: p-value, None where there are no single runs to compare."""

    name: str
    factor: float
    chance: float | None


@dataclass(frozen=True)
class Comparison:
    """compared: benchmarks in both reports · gone: of the baseline, not in the new report · bare: compared by one
    number each, because there are too few runs."""

    compared: int
    slower: tuple[Slower, ...]
    gone: tuple[str, ...]
    bare: int


def compare(
    new: Mapping[str, Sequence[float]], old: Mapping[str, Sequence[float]], tolerated: float, name: str
) -> Comparison:
    """tolerated: factor, such as 1.1 for 10 % slower. Raises BadEvidence when nothing can be compared."""
    both = [key for key in old if key in new]
    if not both:
        raise BadEvidence(f"{name} and its baseline have no benchmark in common: {_unlike(new, old)}")
    if idle := [key for key in both if not median(new[key])]:
        raise BadEvidence(f"{name}: {idle[0]} took no time, so nothing was measured")
    tried = {key: _chance(new[key], old[key], tolerated) for key in both}
    ordered = sorted((p, key) for key, p in tried.items() if p is not None)
    surely = set[str]()
    for rank, (p, key) in enumerate(ordered):
        if p > ALPHA / (len(ordered) - rank):
            break
        surely.add(key)
    slower = tuple(
        Slower(key, _factor(new[key], old[key]), tried[key])
        for key in both
        if _factor(new[key], old[key]) > tolerated and (tried[key] is None or key in surely)
    )
    bare = sum(p is None for p in tried.values())
    return Comparison(len(both), slower, tuple(key for key in old if key not in new), bare)


def _unlike(new: Mapping[str, Sequence[float]], old: Mapping[str, Sequence[float]]) -> str:
    """One name of each, and how names are made to agree: with a version in a command they never do."""
    here, there = (next(iter(names), "none")[:60] for names in (new, old))
    return f"{here!r} here, {there!r} there. Name both alike, such as with hyperfine --command-name"


def _factor(new: Sequence[float], old: Sequence[float]) -> float:
    was, now = median(old), median(new)
    return now / was if was else (math.inf if now else 1.0)


def _chance(new: Sequence[float], old: Sequence[float], tolerated: float) -> float | None:
    """p-value of the new runs being slower than the old ones times the tolerated factor; None for too few runs."""
    n, m = len(new), len(old)
    if min(n, m) <= LEAST_RUNS:
        return None
    pooled = sorted([(x, 0) for x in new] + [(x * tolerated, 1) for x in old])
    counts = Counter(x for x, _ in pooled)
    rank, ranks = 0.0, dict[float, float]()
    for x in sorted(counts):
        ranks[x] = rank + (counts[x] + 1) / 2
        rank += counts[x]
    u = sum(ranks[x] for x in new) - n * (n + 1) / 2
    ties = sum(c**3 - c for c in counts.values())
    variance = n * m / 12 * (n + m + 1 - ties / ((n + m) * (n + m - 1)))
    if variance <= 0:
        return 1.0
    z = (u - n * m / 2 - 0.5) / math.sqrt(variance)
    return 0.5 * math.erfc(z / math.sqrt(2))
