"""Memory that leaks, and what a look costs."""

from __future__ import annotations

import cProfile
import math
import pstats
import statistics
import time

import numpy as np
from judge_evidence import StrataStreams
from judge_tables import table

from pilotage.judge.count_stream import CountStream
from pilotage.judge.counts import CountJudge
from pilotage.judge.gauges import GaugeJudge
from pilotage.judge.strata import StrataStream
from pilotage.judge.sums import Sums
from pilotage.judge.users import UserStream
from pilotage.model.observation import VerdictKind

HOUR, ALPHA = 3600, 0.001


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
    stream = CountStream(CountJudge())
    profiler = cProfile.Profile()
    profiler.enable()
    for _ in range(10_000):
        stream.update(canary_bad=0, canary_total=25, stable_bad=1, stable_total=475)
    profiler.disable()
    pstats.Stats(profiler).strip_dirs().sort_stats("tottime").print_stats(12)


def _counts(bad: int) -> None:
    stream = CountStream(CountJudge())
    for _ in range(2000):
        stream.update(canary_bad=0, canary_total=25, stable_bad=bad, stable_total=475)


def _routes(bad: int) -> None:
    stream = StrataStream(strata=[f"{index}" for index in range(4)])
    for index in range(2000):
        counts = {f"{k}": Sums(0, 6, bad if index % 4 == k else 0, 120) for k in range(4)}
        stream.update(counts)


def _users(bad: int) -> None:
    stream = UserStream(routes=[f"{index}" for index in range(4)])
    for second in range(2000):
        hurt = [(second * bad, f"{second % 4}")] if bad else []
        stream.update(at=float(second), odds=1 / 19, canary=(), stable=hurt)


def speed() -> None:
    rows = []
    for what, run in (("all in one", _counts), ("by 4 routes", _routes), ("users, by 4 routes", _users)):
        for kind, bad in (("without", 0), ("with", 1)):
            times = []
            for _ in range(5):
                began = time.perf_counter()
                run(bad)
                times.append((time.perf_counter() - began) / 2000 * 1e6)
            name = f"{what}, a look {kind} bad events"
            rows.append((name, f"{statistics.median(times):.1f}", f"{min(times):.1f}–{max(times):.1f}"))
    table("one core: µs a look", ("", "median", "range"), rows)
    rows = [("one by one", *_one_by_one()), ("in one array (this benchmark's)", *_in_one_array())]
    table("10,000 streams, half of them with a bad event: ms a look", ("", "median", "range"), rows)


def _one_by_one() -> tuple[str, str]:
    streams, times = [CountStream(CountJudge()) for _ in range(10_000)], []
    for second in range(3):
        began = time.perf_counter()
        for index, stream in enumerate(streams):
            stream.update(canary_bad=0, canary_total=25, stable_bad=int((index + second) % 2 == 0), stable_total=475)
        times.append((time.perf_counter() - began) * 1e3)
    return f"{statistics.median(times):.0f}", f"{min(times):.0f}–{max(times):.0f}"


def _in_one_array() -> tuple[str, str]:
    streams, times = StrataStreams(10_000), []
    for second in range(20):
        bad = (np.arange(10_000) + second) % 2 == 0
        look = np.stack([np.zeros(10_000), np.full(10_000, 25.0), bad.astype(float), np.full(10_000, 475.0)])
        began = time.perf_counter()
        streams.update(look[None])
        times.append((time.perf_counter() - began) * 1e3)
    return f"{statistics.median(times):.0f}", f"{min(times):.0f}–{max(times):.0f}"
