"""The judge against the rules of its peers, on the same simulated streams: who is hurt, who cries wolf.

    python benchmarks/judge.py               all of it: some twenty minutes on two cores
    python benchmarks/judge.py --quick       the same tables from fewer runs
    python benchmarks/judge.py --only speed

Every stream is an hour of looks a second apart, 5 % of the requests to the canary, stable failing 0.1 % of them unless
the scenario says otherwise. *Hurt* are users whom the canary failed until the rollback; without one, within the hour.

Peers, as their defaults and documentation have it: **argo** (a minute's error rate above 1 %, the fourth failure),
**flagger** (the same, the fifth), **kayenta** (Mann-Whitney on minutes, every ten minutes, 98 %). **best rule** is
chosen with hindsight for each line: of all rules "n windows of w seconds above t", the one that hurts fewest users
among those that flag at most 1 % of the streams of that traffic without a change. **with history** is our judge that
knows the service's rate of errors and its bursts from a day before.
"""

from __future__ import annotations

import argparse
import cProfile
import itertools
import math
import os
import platform
import pstats
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from importlib.metadata import version

import numpy as np

from pilotage.judge.counts import CountJudge, CountStream, History
from pilotage.judge.dispersion import Dispersion
from pilotage.judge.forecast import information
from pilotage.judge.gauges import GaugeJudge
from pilotage.judge.latency import LatencyJudge
from pilotage.model.observation import Histogram, VerdictKind

HOUR, SHARE, BASE, ALPHA, RATIO = 3600, 0.05, 0.001, 0.001, 1.25
Array = np.ndarray


@dataclass(frozen=True)
class Scenario:
    """requests: both versions, a second · theta: the canary's error rate over stable's · shape: how events come ·
    past: the errors that history knows, as a factor of those of today."""

    name: str
    requests: float
    theta: float = 1.0
    shape: str = "steady"
    base: float = BASE
    begins: int = 0
    past: float = 1.0


UNCHANGED = (
    Scenario("5 req/s", 5),
    Scenario("50 req/s", 50),
    Scenario("500 req/s", 500),
    Scenario("500 req/s, base 1 %", 500, base=0.01),
    Scenario("50 req/s, diurnal", 50, shape="diurnal"),
    Scenario("500 req/s, bursts of both", 500, shape="shared bursts"),
    Scenario("500 req/s, overdispersed", 500, shape="overdispersed"),
    Scenario("500 req/s, bursts of each", 500, shape="own bursts"),
    Scenario("50 req/s, thrice history's errors", 50, base=0.003, past=1 / 3),
    Scenario("500 req/s, thrice history's errors", 500, base=0.003, past=1 / 3),
)
HARMED = (
    Scenario("5 req/s, 5 %", 5, 50),
    Scenario("50 req/s, 1 %", 50, 10),
    Scenario("50 req/s, 5 %", 50, 50),
    Scenario("500 req/s, 0.5 %", 500, 5),
    Scenario("500 req/s, 5 %", 500, 50),
    Scenario("5,000 req/s, 0.5 %", 5000, 5),
    Scenario("5,000 req/s, 5 %", 5000, 50),
    Scenario("500 req/s, 5 % after 30 min", 500, 50, begins=1800),
    Scenario("500 req/s, 5 %, overdispersed", 500, 50, shape="overdispersed"),
)


def streams(scenario: Scenario, runs: int, seed: int) -> Iterator[tuple[Array, Array, Array, Array]]:
    """For each run: canary's bad and all, stable's bad and all, second by second."""
    chance = np.random.default_rng(seed)
    for _ in range(runs):
        wave = np.ones(HOUR)
        if scenario.shape == "diurnal":
            wave = 1 + 0.8 * np.sin(np.arange(HOUR) / HOUR * 2 * np.pi)
        all_c = chance.poisson(scenario.requests * SHARE * wave)
        all_s = chance.poisson(scenario.requests * (1 - SHARE) * wave)
        rate = np.full((2, HOUR), scenario.base)
        if scenario.shape == "overdispersed":
            rate = rate * chance.gamma(2.0, 0.5, (2, HOUR))
        if "bursts" in scenario.shape:
            rows = 1 if scenario.shape == "shared bursts" else 2
            rate = rate * np.vstack([_bursts(chance) for _ in range(rows)])
        theta = np.where(np.arange(HOUR) >= scenario.begins, scenario.theta, 1.0)
        bad_c = chance.binomial(all_c, np.minimum(1, rate[0] * theta))
        yield bad_c, all_c, chance.binomial(all_s, np.minimum(1, rate[-1])), all_s


def _bursts(chance: np.random.Generator) -> Array:
    """Twenty seconds of tenfold errors, every five minutes in the mean."""
    rate = np.ones(HOUR)
    for begin in np.flatnonzero(chance.random(HOUR) < 1 / 300):
        rate[begin : begin + 20] = 10
    return rate


def history_of(scenario: Scenario, seed: int) -> History:
    """What the service knows of itself: a day like the hour before."""
    (before,) = streams(replace(scenario, theta=1.0, begins=0, base=scenario.base * scenario.past), 1, seed)
    dispersion = Dispersion()
    for bad, total in zip(before[2].tolist(), before[3].tolist(), strict=True):
        dispersion.update(bad, total)
    return History(24 * int(before[2].sum()), 24 * int(before[3].sum()), dispersion.factor)


def ours(run: tuple[Array, Array, Array, Array], prior: History | None = None) -> int | None:
    """The second of our rollback."""
    judge = CountStream(CountJudge(RATIO, ALPHA, prior=prior))
    for second, (bad_c, all_c, bad_s, all_s) in enumerate(zip(*(part.tolist() for part in run), strict=True)):
        verdict = judge.update(canary_bad=bad_c, canary_total=all_c, stable_bad=bad_s, stable_total=all_s)
        if verdict.kind is VerdictKind.FAIL:
            return second + 1
    return None


def threshold(window: int, limit: float, failures: int) -> Callable[[tuple[Array, Array, Array, Array]], int | None]:
    """The rule "so many windows of so many seconds with the canary's error rate above the limit"."""

    def decide(run: tuple[Array, Array, Array, Array]) -> int | None:
        bad, total = (part[: HOUR // window * window].reshape(-1, window).sum(axis=1) for part in run[:2])
        above = np.flatnonzero(bad > limit * np.maximum(total, 1))
        return int(above[failures - 1] + 1) * window if len(above) >= failures else None

    return decide


def kayenta(run: tuple[Array, Array, Array, Array]) -> int | None:
    """Mann-Whitney on the error rates of all minutes so far, each ten minutes; 98 % and 25 % as it has them."""
    from scipy.stats import mannwhitneyu

    canary, stable = (_minutes(run[i]) / np.maximum(_minutes(run[i + 1]), 1) for i in (0, 2))
    for minute in range(10, HOUR // 60 + 1, 10):
        a, b = canary[:minute], stable[:minute]
        worse = mannwhitneyu(a, b, alternative="greater").pvalue < 0.01 and a.mean() > 1.25 * b.mean()
        if worse:
            return minute * 60
    return None


def _minutes(counts: Array) -> Array:
    return counts.reshape(-1, 60).sum(axis=1)


PEERS = {"argo": threshold(60, 0.01, 4), "flagger": threshold(60, 0.01, 5), "kayenta": kayenta}
RULES = tuple(itertools.product((5, 10, 30, 60), (0.002, 0.005, 0.01, 0.02, 0.03, 0.05), (1, 2, 3, 4, 5)))


@dataclass(frozen=True)
class Found:
    """Seconds of each rule's rollback in each run (None without one), and the users hurt until then."""

    seconds: dict[str, list[int | None]]
    hurt: dict[str, list[int]]


def play(job: tuple[Scenario, int, int]) -> Found:
    """One batch of runs before every rule."""
    seconds: dict[str, list[int | None]] = {}
    hurt: dict[str, list[int]] = {}
    prior = history_of(job[0], job[2] + 1)
    rules: dict[str, Callable[[tuple[Array, Array, Array, Array]], int | None]] = {
        "pilotage": ours, "with history": lambda run: ours(run, prior), **PEERS,
    }  # fmt: skip
    rules |= {f"{w} s, > {t:.1%}, {n}×": threshold(w, t, n) for w, t, n in RULES}
    for run in streams(*job):
        failed = np.cumsum(np.where(np.arange(HOUR) >= job[0].begins, run[0], 0))
        for name, rule in rules.items():
            decided = rule(run)
            seconds.setdefault(name, []).append(None if decided is None else max(0, decided - job[0].begins))
            hurt.setdefault(name, []).append(int(failed[(decided or HOUR) - 1]))
    return Found(seconds, hurt)


def simulate(pool: ProcessPoolExecutor, scenario: Scenario, runs: int) -> Found:
    """The runs of a scenario, in batches over the pool."""
    batch = max(1, runs // 16)
    jobs = [
        (scenario, batch, hash((scenario.requests, scenario.theta, batch, index)) % 2**32)
        for index in range(runs // batch)
    ]
    found = list(pool.map(play, jobs))
    names = found[0].seconds
    return Found(
        {name: [s for f in found for s in f.seconds[name]] for name in names},
        {name: [h for f in found for h in f.hurt[name]] for name in names},
    )


def wilson(hits: int, runs: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson, JASA 1927)."""
    z, p = 1.96, hits / runs
    middle, spread = (p + z * z / 2 / runs), z * math.sqrt(p * (1 - p) / runs + z * z / 4 / runs**2)
    return max(0.0, (middle - spread) / (1 + z * z / runs)), (middle + spread) / (1 + z * z / runs)


def flagged(found: Found, name: str) -> float:
    return sum(s is not None for s in found.seconds[name]) / len(found.seconds[name])


def unchanged(pool: ProcessPoolExecutor, runs: int) -> dict[float, Found]:
    """False rollbacks; returns what the best rules are chosen from, by traffic."""
    rows, steady = [], {}
    for scenario in UNCHANGED:
        found = simulate(pool, scenario, runs)
        if scenario.shape == "steady" and scenario.base == BASE:
            steady[scenario.requests] = found
        cells = []
        for name in ("pilotage", "with history", *PEERS):
            hits = sum(s is not None for s in found.seconds[name])
            low, high = wilson(hits, len(found.seconds[name]))
            cells.append(f"{hits} ({low:.2%}–{high:.2%})")
        rows.append((scenario.name, *cells))
    table(
        f"false rollbacks in {runs} hours without a change (95 % interval); configured: {ALPHA:.1%} a release",
        ("", "pilotage", "with history", *PEERS),
        rows,
    )
    return steady


def harmed(pool: ProcessPoolExecutor, runs: int, steady: dict[float, Found]) -> None:
    rows = []
    for scenario in HARMED:
        found = simulate(pool, scenario, runs)
        honest = steady.get(scenario.requests)
        allowed = [n for n in found.seconds if "×" in n and (honest is None or flagged(honest, n) <= 0.01)]
        best = min(allowed, key=lambda name: statistics.mean(found.hurt[name]))
        cells = [_cell(found, name) for name in ("pilotage", "with history", *PEERS, best)]
        better = statistics.mean(found.hurt[best]) / max(0.5, statistics.mean(found.hurt["pilotage"]))
        rows.append((scenario.name, *cells, best, f"{better:.1f}", _bound(found, scenario)))
    headers = ("", "pilotage", "with history", *PEERS, "best rule", "which", "hurt, best ÷ ours", "ours ÷ bound")
    table(f"harm, {runs} runs: median s (95 %) · users hurt, median", headers, rows)


def _cell(found: Found, name: str) -> str:
    seconds = sorted(math.inf if s is None else s for s in found.seconds[name])
    middle, late = seconds[len(seconds) // 2], seconds[int(len(seconds) * 0.95)]
    shown = ["never" if math.isinf(value) else f"{value:.0f}" for value in (middle, late)]
    return f"{shown[0]} ({shown[1]}) · {statistics.median(found.hurt[name]):.0f}"


def _bound(found: Found, scenario: Scenario) -> str:
    """Mean time over log(1/α) / KL, which no test of that error can undercut in the mean (Wald 1945)."""
    if scenario.shape != "steady" or scenario.begins:
        return "–"
    canary = scenario.requests * SHARE * BASE * scenario.theta
    least = math.log(1 / ALPHA) / information(scenario.theta, RATIO, canary, scenario.requests * (1 - SHARE) * BASE)
    return f"{statistics.mean(HOUR if s is None else s for s in found.seconds['pilotage']) / max(1.0, least):.2f}"


BOUNDS = tuple(round(0.005 * 1.15**index, 4) for index in range(45))
SLOWER = {
    "unchanged": (1.0, 0.0),
    "+10 %": (1.1, 0.0),
    "+20 %": (1.2, 0.0),
    "+50 %": (1.5, 0.0),
    "2 % six times slower": (1.0, 0.02),
}


def _durations(chance: np.random.Generator, count: int, factor: float, tail: float) -> Histogram:
    drawn = chance.lognormal(math.log(0.05 * factor), 0.6, count)
    drawn[chance.random(count) < tail] *= 6
    counts = np.bincount(np.searchsorted(BOUNDS, drawn), minlength=len(BOUNDS) + 1)
    return Histogram(BOUNDS, tuple(int(c) for c in counts))


def _slow(job: tuple[str, int, int]) -> list[tuple[int | None, int | None]]:
    """For each run the second at which we, and a p95 rule (above 1.2 × stable's in four minutes), roll back."""
    name, runs, seed = job
    chance, found = np.random.default_rng(seed), []
    for _ in range(runs):
        judge, our, their, failures = LatencyJudge(alpha=ALPHA), None, None, 0
        minute = [Histogram((), (0,)), Histogram((), (0,))]
        for second in range(1, HOUR // 3 + 1):
            canary, stable = _durations(chance, 25, *SLOWER[name]), _durations(chance, 475, 1.0, 0.0)
            if our is None and judge.update(canary, stable).kind is VerdictKind.FAIL:
                our = second
            minute = [minute[0].plus(canary), minute[1].plus(stable)]
            if second % 60 == 0:
                p95 = [part.quantile_bound(0.95) or math.inf for part in minute]
                failures += p95[0] > 1.2 * p95[1]
                their = their or (second if failures == 4 else None)
                minute = [Histogram((), (0,)), Histogram((), (0,))]
            if our is not None and their is not None:
                break
        found.append((our, their))
    return found


def latency(pool: ProcessPoolExecutor, runs: int) -> None:
    rows = []
    for name in SLOWER:
        batches = pool.map(_slow, [(name, max(1, runs // 8), seed) for seed in range(8)])
        pairs = [pair for batch in batches for pair in batch]
        cells = []
        for side in (0, 1):
            times = sorted(math.inf if pair[side] is None else float(pair[side] or 0) for pair in pairs)
            found = sum(math.isfinite(t) for t in times)
            middle = times[len(times) // 2]
            cells.append(f"{'never' if math.isinf(middle) else f'{middle:.0f} s'} · {found} of {len(times)}")
        rows.append((name, *cells))
    table(
        "durations, 500 req/s, 20 minutes: median time · runs flagged", ("", "pilotage", "p95 > 1.2×, 4 minutes"), rows
    )


def memory(runs: int) -> None:
    rows = []
    for name, growth in (("steady", 0.0), ("leaks 1 % a minute", 0.01 / 60), ("leaks 5 % a minute", 0.05 / 60)):
        chance, times = np.random.default_rng(4), []
        for _ in range(runs):
            judge, noise, decided = GaugeJudge("memory", 2.0, ALPHA, limit=4.0), np.zeros(2), math.inf
            for second in range(HOUR):
                noise = 0.9 * noise + chance.normal(0, 0.01, 2)
                if judge.update(1 + growth * second + noise[0], 1 + noise[1]).kind is VerdictKind.FAIL:
                    decided = second
                    break
            times.append(decided)
        times.sort()
        twice = f"{1 / growth:.0f} s" if growth else "never"
        found = sum(math.isfinite(t) for t in times)
        middle = times[len(times) // 2]
        rows.append((name, f"{'never' if math.isinf(middle) else f'{middle:.0f} s'} · {found} of {runs}", twice))
    table(
        "memory, correlated samples (0.9) a second apart",
        ("", "pilotage: median · runs flagged", "at twice stable's"),
        rows,
    )


def profile() -> None:
    """Where the time of a look with bad events goes."""
    judge = CountStream(CountJudge(limit=0.05))
    profiler = cProfile.Profile()
    profiler.enable()
    for _ in range(10_000):
        judge.update(canary_bad=0, canary_total=25, stable_bad=1, stable_total=475)
    profiler.disable()
    pstats.Stats(profiler).strip_dirs().sort_stats("tottime").print_stats(12)


def speed() -> None:
    rows = []
    for name, bad in (("a look without bad events", 0), ("a look with bad events", 1)):
        judge = CountStream(CountJudge(limit=0.05))
        times = []
        for _ in range(9):
            began = time.perf_counter()
            for _ in range(2000):
                judge.update(canary_bad=0, canary_total=25, stable_bad=bad, stable_total=475)
            times.append((time.perf_counter() - began) / 2000 * 1e6)
        rows.append((name, f"{statistics.median(times):.1f}", f"{min(times):.1f}–{max(times):.1f}"))
    judges = [CountStream(CountJudge(limit=0.05)) for _ in range(10_000)]
    times = []
    for second in range(5):
        began = time.perf_counter()
        for index, stream in enumerate(judges):
            stream.update(canary_bad=0, canary_total=25, stable_bad=int((index + second) % 2 == 0), stable_total=475)
        times.append((time.perf_counter() - began) * 1e3)
    rows.append(
        ("10,000 streams, one look each (ms)", f"{statistics.median(times):.0f}", f"{min(times):.0f}–{max(times):.0f}")
    )
    table("one core, limit and comparison: µs a look", ("", "median", "range"), rows)


def table(title: str, headers: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[index]) for row in (headers, *rows)) for index in range(len(headers))]
    print(title, flush=True)
    for row in (headers, *rows):
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip(), flush=True)
    print(flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the runs")
    parser.add_argument("--only", choices=["counts", "latency", "memory", "speed"], help="one part")
    parser.add_argument("--profile", action="store_true", help="where the time of a look goes")
    given = parser.parse_args()
    many, few = (200, 32) if given.quick else (2000, 200)
    machine = (
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, numpy {version('numpy')}"
    )
    print(f"{machine}, pilotage {version('pilotage')}; α = {ALPHA:.1%}, tolerated ratio {RATIO:g}\n", flush=True)
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        if given.only in (None, "counts"):
            harmed(pool, few, unchanged(pool, many))
        if given.only in (None, "latency"):
            latency(pool, many // 10)
    if given.only in (None, "memory"):
        memory(few)
    if given.only in (None, "speed"):
        speed()
    if given.profile:
        profile()


if __name__ == "__main__":
    main()
