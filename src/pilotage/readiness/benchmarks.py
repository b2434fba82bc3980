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
from typing import Any

from pilotage.model.readiness import BadEvidence
from pilotage.readiness.evidence import json_of, number

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


def read(text: str, name: str) -> Mapping[str, tuple[float, ...]]:
    """Benchmark → what its runs took; one number where only a summary is known. Raises BadEvidence."""
    content = json_of(text, name)
    if not isinstance(content, dict):
        raise BadEvidence(f"{name} is no report of benchmarks")
    try:
        found = _read(content)
    except (KeyError, TypeError, AttributeError) as error:
        raise BadEvidence(f"{name} is not whole: {type(error).__name__}: {error}") from None
    if not found:
        raise BadEvidence(f"{name} holds no benchmark")
    return {
        key: tuple(number(value, name, f"a run of {key}") for value in runs)
        if runs
        else _none(f"{name}: {key} has no run")
        for key, runs in found.items()
    }


def _none(words: str) -> tuple[float, ...]:
    raise BadEvidence(words)


def _read(content: Mapping[str, Any]) -> dict[str, list[Any]]:
    if isinstance(content.get("benchmarks"), list):
        return {
            str(one.get("fullname") or one["name"]): list(one["stats"].get("data") or [one["stats"]["median"]])
            for one in content["benchmarks"]
        }
    if isinstance(content.get("results"), list):
        return {str(one["command"]): list(one.get("times") or [one["median"]]) for one in content["results"]}
    if isinstance(content.get("metrics"), dict):
        return {
            f"{name} {quantile}": [values[quantile]]
            for name, metric in content["metrics"].items()
            for values in [metric.get("values", metric)]
            for quantile in ("med", "p(95)", "p(99)")
            if "duration" in name and quantile in values
        }
    return {str(key): value if isinstance(value, list) else [value] for key, value in content.items()}


def compare(
    new: Mapping[str, Sequence[float]], old: Mapping[str, Sequence[float]], tolerated: float, name: str
) -> Comparison:
    """tolerated: factor, such as 1.1 for 10 % slower. Raises BadEvidence when nothing can be compared."""
    both = [key for key in old if key in new]
    if not both:
        raise BadEvidence(f"{name} has no benchmark in common with its baseline")
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
