"""Durations: what a release that is not slower gets to hear, and how soon a slower one is known. Twenty minutes, 500
requests a second, 5 % of them the canary's, 1.2 times and 10 ms or 10 % tolerated, a fifth of α as in the bar."""

from __future__ import annotations

import math
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from judge_tables import progress, share, table

from pilotage.judge.bar import WEIGHTS
from pilotage.judge.latency import LatencyJudge
from pilotage.judge.strata_latency import StrataLatency
from pilotage.model.observation import EMPTY, Histogram, VerdictKind

ALPHA = 0.001 * WEIGHTS["durations"]
LOOKS, CANARY, STABLE = 1200, 25, 475
FINE = tuple(round(0.005 * 1.15**index, 4) for index in range(45))
WIDE = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""Upper bounds in seconds: steps of 15 %, and the defaults of Prometheus' client for Python."""
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Durations:
    """factor: the canary's over stable's · tail: share of the canary's requests that take six times as long · slow:
    share of requests on an endpoint that takes eight times as long, of canary and stable · wander: standard deviation
    of both, drawn once a run · median, sigma: of the lognormal durations · spells: factor, seconds, and mean seconds
    between them, of each version by itself."""

    name: str
    factor: float = 1.0
    tail: float = 0.0
    slow: tuple[float, float] = (0.0, 0.0)
    wander: float = 0.0
    median: float = 0.05
    sigma: float = 0.6
    bounds: tuple[float, ...] = FINE
    spells: tuple[float, int, int] | None = None


NULLS = (
    Durations("unchanged"),
    Durations("slow endpoint: 22 % of the canary's, 20 % of stable's", slow=(0.22, 0.20)),
    Durations("slow endpoint: 30 % of the canary's, 20 % of stable's", slow=(0.30, 0.20)),
    Durations("sticky users' mix: 20 % ± 8 %", slow=(0.20, 0.20), wander=0.08),
    Durations("at a bucket's edge, σ 3 %, 5 % slower", 1.05, median=0.097, sigma=0.03, bounds=WIDE),
    Durations("at a bucket's edge, σ 3 %, buckets of 15 %", 1.05, median=0.097, sigma=0.03),
    Durations("at a bucket's edge, σ 20 %, 15 % slower", 1.15, median=0.097, sigma=0.2, bounds=WIDE),
    Durations("spells of each: twice as long for 10 s each 300 s", spells=(2.0, 10, 300)),
    Durations("spells of each: twice as long for 2 s each 60 s", spells=(2.0, 2, 60)),
)
HARMS = (
    Durations("+30 %", 1.3),
    Durations("+50 %", 1.5),
    Durations("+50 %, one endpoint eight times as slow", 1.5, slow=(0.2, 0.2)),
    Durations("2 % six times slower", tail=0.02),
)


def _drawn(chance: np.random.Generator, line: Durations, count: int, factor: float, tail: float) -> Histogram:
    drawn = chance.lognormal(math.log(line.median * factor), line.sigma, count)
    if tail:
        drawn[chance.random(count) < tail] *= 6
    counts = np.bincount(np.searchsorted(line.bounds, drawn), minlength=len(line.bounds) + 1)
    return Histogram(line.bounds, tuple(int(c) for c in counts))


def _look(
    chance: np.random.Generator, line: Durations, count: int, factor: float, tail: float, slow: float
) -> Mapping[str, Histogram]:
    far = int(chance.binomial(count, slow)) if slow else 0
    found = {"usual": _drawn(chance, line, count - far, factor, tail)}
    if any(line.slow):
        found["slow"] = _drawn(chance, line, far, factor * 8, tail)
    return found


def _spells(chance: np.random.Generator, line: Durations) -> Array:
    factor = np.ones(LOOKS)
    if line.spells is not None:
        times, seconds, between = line.spells
        for begin in np.flatnonzero(chance.random(LOOKS) < 1 / between):
            factor[begin : begin + seconds] = times
    return factor


def _run(line: Durations, seed: int) -> tuple[float, float, float]:
    """Seconds until we flag the canary, by routes and without them, and until a rule on the 95th percentile does: above
    1.2 times stable's in four minutes. Infinite for never."""
    chance = np.random.default_rng([71, seed])
    judges = (
        StrataLatency(1.2, ALPHA, least=0.01, least_share=0.1),
        LatencyJudge(1.2, ALPHA, least=0.01, least_share=0.1),
    )
    found = [math.inf, math.inf, math.inf]
    slow = [max(0.0, part + chance.normal(0, line.wander) if line.wander else part) for part in line.slow]
    ours, theirs = _spells(chance, line), _spells(chance, line)
    minute, failures = [EMPTY, EMPTY], 0
    for second in range(1, LOOKS + 1):
        canary = _look(chance, line, CANARY, line.factor * ours[second - 1], line.tail, slow[0])
        stable = _look(chance, line, STABLE, theirs[second - 1], 0.0, slow[1])
        whole = [_sum(canary), _sum(stable)]
        if math.isinf(found[0]) and judges[0].update(canary, stable).kind is VerdictKind.FAIL:
            found[0] = second
        if math.isinf(found[1]) and judges[1].update(whole[0], whole[1]).kind is VerdictKind.FAIL:
            found[1] = second
        minute = [minute[0].plus(whole[0]), minute[1].plus(whole[1])]
        if second % 60 == 0:
            p95 = [part.quantile_bound(0.95) or math.inf for part in minute]
            failures += p95[0] > 1.2 * p95[1]
            if failures == 4 and math.isinf(found[2]):
                found[2] = second
            minute = [EMPTY, EMPTY]
        if all(map(math.isfinite, found)):
            break
    return found[0], found[1], found[2]


def _sum(parts: Mapping[str, Histogram]) -> Histogram:
    whole = EMPTY
    for part in parts.values():
        whole = whole.plus(part)
    return whole


def durations(pool: Executor, runs: int) -> None:
    headers = ("", "by route", "all in one", "p95 > 1.2×, 4 minutes")
    rows = []
    for line in NULLS:
        found = np.array(list(pool.map(partial(_run, line), range(runs), chunksize=4)))
        rows.append((line.name, *(share(int(np.isfinite(column).sum()), runs) for column in found.T)))
        progress(line.name)
    table(f"durations, not slower: share of {runs} runs that are flagged, in % (95 % interval)", headers, rows)
    rows = []
    for line in HARMS:
        found = np.array(list(pool.map(partial(_run, line), range(runs), chunksize=4)))
        rows.append((line.name, *(_cell(column) for column in found.T)))
        progress(line.name)
    table("durations, slower: median seconds · runs flagged", headers, rows)


def _cell(seconds: Array) -> str:
    middle = float(np.sort(seconds)[len(seconds) // 2])
    shown = "never" if math.isinf(middle) else f"{middle:.0f}"
    return f"{shown} · {int(np.isfinite(seconds).sum())} of {len(seconds)}"
