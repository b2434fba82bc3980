"""The judge and its peers' rules on the same simulated streams: who undoes good releases, who lets users be hurt.

    python benchmarks/judge.py                     everything, 20,000 hours a line of the first table; takes hours
    python benchmarks/judge.py --quick             few hours, and only of 500 requests a second; within three minutes
    python benchmarks/judge.py --only nulls --hours 2000
    python benchmarks/judge.py --line retries      only lines with this in their name

An hour is 3,600 looks a second apart, 5 % of the requests to the canary, and stable fails 0.1 % of them unless a line
says otherwise (`judge_nulls.py` makes them, `judge_release.py` says what a release does, `judge_peers.py` has the
peers' rules). *Hurt* are requests that the canary failed until its traffic was taken away; otherwise within
the hour.

Three parts. **nulls**: releases that do no harm, and how many of them each rule undoes with the bar that it has by
default. **harm**: at equal false alarms, that is with bars that 1 of 1,000 null hours of the same traffic reaches: a
quarter each steady, diurnal, with bursts of both, overdispersed; where users stick, the same hours without the harm.
**durations**, **memory**, **speed**: as they say.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

import judge_durations
import judge_speed
import numpy as np
from judge_nulls import HARMS, HOUR, NULLS, Hours, Line, fair, ill_instance, users_differ
from judge_peers import RULES, first
from judge_release import ALPHA, BAR, LIMIT, RATIO, WARM_UP, Judged, evidence, histories, hurt, judged, later
from judge_tables import progress, share, table, time_and_hurt

SEED = 14
BATCH = 1000
"""Hours in one array, at 1 GB for the largest lines; fewer streams cost more each."""
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Sizes:
    """hours: of each null line · others: of these, hours that peers judge too, and we with history · fair: null hours
    of each traffic that bars are tuned on · runs: of each harm · durations: runs of each line of durations."""

    hours: int
    others: int
    fair: int
    runs: int
    durations: int


FULL, QUICK = Sizes(20_000, 4_000, 8_000, 200, 200), Sizes(60, 60, 160, 24, 8)


def batches(line: Line, hours: int) -> list[int]:
    """How many streams each batch has; a line of whole days has as many hours in fewer streams."""
    streams = max(2, hours * HOUR // line.looks)
    most = max(100, BATCH * HOUR // line.looks)
    return [min(most, streams - begun) for begun in range(0, streams, most)]


# ── releases that do no harm ─────────────────────────────────────────────────────────────────────────────────────

OURS = ("rolled back", "sure once")
OTHERS = ("with history", "without the log", *RULES)


def null_batch(job: tuple[Line, int, int, int, bool]) -> dict[str, tuple[int, int]]:
    """How many streams of one batch each rule flags, and of how many. The last of the job: for the others, too."""
    line, number, batch, count, others = job
    chance = np.random.default_rng([SEED, number, batch])
    hours = line.make(chance, count, line)
    ours = judged(hours, fresh=line.make is ill_instance)
    found = {"rolled back": ours.rolled_back, "sure once": ours.first}
    if others:
        found |= _others(line, number, hours)
    return {name: (_flagged(seconds), count) for name, seconds in found.items()}


def _others(line: Line, number: int, hours: Hours) -> dict[str, Array]:
    """When the peers' rules flag these hours, and when we do with history, or without the log of failures."""
    fresh = line.make is ill_instance
    found = {name: first(rule.figures(hours), rule.bar) for name, rule in RULES.items()}
    if line.sticky:
        return found | {"without the log": judged(hours, log=False, fresh=fresh).rolled_back}
    before = histories(line.make(np.random.default_rng([SEED, number, 10**6]), 1, line))[0]
    return found | {"with history": judged(hours, before, fresh=fresh).rolled_back}


def _flagged(seconds: Array) -> int:
    return int(np.isfinite(seconds).sum())


def nulls(pool: Executor, sizes: Sizes, lines: Sequence[tuple[int, Line]]) -> None:
    rows = []
    for number, line in lines:
        counts = batches(line, sizes.hours)
        begun = [sum(counts[:batch]) for batch in range(len(counts))]
        others = [not batch or begun[batch] * line.looks < sizes.others * HOUR for batch in range(len(counts))]
        jobs = [(line, number, batch, count, others[batch]) for batch, count in enumerate(counts)]
        parts = list(pool.map(null_batch, jobs))
        totals = {name: np.sum([part[name] for part in parts if name in part], axis=0) for name in parts[0]}
        cells = {name: share(int(hits), int(of)) for name, (hits, of) in totals.items()}
        name, few = f"{line.name}{' †' if line.bad_luck else ''}", totals[next(iter(RULES))][1]
        ours = (name, f"{sum(counts):,}", *(cells[column] for column in OURS), f"{few:,}")
        rows.append((*ours, *(cells.get(column, "–") for column in OTHERS)))
        progress(f"{' '.join(rows[-1][:4])}")
    title = (
        "releases that do no harm: share that each rule undoes, in % (95 % interval); ours may undo 0.1 %\n"
        "  rolled back: by the whole release, after its one second try where it has one; users are counted where they\n"
        "  stick · sure once: the bar was reached, the traffic taken away and the instance replaced or awaited ·\n"
        "  with history: rolled back, knowing the day before · without the log: users stick, nothing tells them apart\n"
        "  † the canary's own bad luck: nothing tells it from a bad release, and no rule should be trusted with it"
    )
    table(title, ("", "hours", *OURS, "hours", *OTHERS), rows)
    _say_what_fails(rows)


def _say_what_fails(rows: Iterable[Sequence[str]]) -> None:
    shares = {row[0]: float(row[2].split()[0]) for row in rows}
    above = [f"{name}: {percent:g} %" for name, percent in shares.items() if percent > 100 * ALPHA]
    print(f"above 0.1 %: {'; '.join(above) if above else 'no line'}\n", flush=True)


# ── harm, at equal false alarms ──────────────────────────────────────────────────────────────────────────────────

TUNED = ("GAVI", "Bayes", "mSPRT", "OBF", "argo", "flagger")


def traffic(line: Line) -> str:
    """What the bars of a line of harm are tuned on."""
    at = f"{line.requests:g}/s"
    if not line.sticky:
        return at
    kind = "users differ" if line.make is users_differ else f"{line.options['retries']:g} retries"
    return f"{at} sticky, {kind}"


def fair_batch(job: tuple[Line, int, int]) -> dict[str, Array]:
    """The highest figure of each rule in each null hour."""
    line, batch, count = job
    chance = np.random.default_rng([SEED, 2, int(line.requests), int(line.sticky), batch])
    if line.sticky:
        hours = line.make(chance, count, replace(line, theta=1.0))
        figures = {"ours": evidence(hours).values}
    else:
        hours, before = fair(chance, count, line.requests)
        figures = {"ours": evidence(hours).values, "history": evidence(hours, histories(before)).values}
    figures |= {name: RULES[name].figures(hours) for name in TUNED}
    return {name: values.max(axis=1) for name, values in figures.items()}


def tuned(pool: Executor, sizes: Sizes, lines: Iterable[Line]) -> dict[str, dict[str, float]]:
    """For each traffic and rule the lowest bar that at most 1 of 1,000 null hours reaches."""
    bars: dict[str, dict[str, float]] = {}
    rows, names = [], ("ours", "history", *TUNED)
    allowed = int(ALPHA * sizes.fair)
    for kind, line in {traffic(line): line for line in lines}.items():
        counts = [min(BATCH, sizes.fair - begun) for begun in range(0, sizes.fair, BATCH)]
        parts = list(pool.map(fair_batch, [(line, batch, count) for batch, count in enumerate(counts)]))
        highest = {name: np.sort(np.concatenate([part[name] for part in parts]))[::-1] for name in parts[0]}
        bars[kind] = {name: _just_above(values[allowed]) for name, values in highest.items()}
        nominal = f"{(highest['ours'] >= BAR).sum()} of {len(highest['ours']):,}"
        rows.append((kind, nominal, *(f"{bars[kind][name]:.3g}" if name in bars[kind] else "–" for name in names)))
        progress(f"bars at {kind}")
    title = f"bars that {allowed} of {sizes.fair:,} null hours reach: logarithms of evidence, z, rates"
    table(title, ("", f"ours reaches {BAR:.2f}", *names), rows)
    return bars


def _just_above(value: float) -> float:
    return float(np.nextafter(np.float32(value), np.float32(np.inf))) if math.isfinite(value) else -1e30


def harm_batch(job: tuple[Line, int, int, dict[str, float]]) -> dict[str, tuple[Array, Array]]:
    """Seconds until each rule takes the traffic away, since harm began, and the users hurt until then."""
    line, number, count, bars = job
    chance = np.random.default_rng([SEED, 3, number])
    hours = line.make(chance, count, line)
    known = histories(_harmless(line, number))[0]
    ours = judged(hours)
    bar = max(BAR, bars["ours"])
    seconds = {"ours": ours.first, "ours tuned": first(evidence(hours, bar=bar).values, bars["ours"])}
    if not line.sticky:
        figures = evidence(hours, known, bar=max(BAR, bars["history"])).values
        seconds |= {"history": first(figures, BAR), "history tuned": first(figures, bars["history"])}
    seconds |= {name: first(RULES[name].figures(hours), bars[name]) for name in TUNED}
    found = {name: (np.maximum(at - line.begins, 0.0), hurt(hours, at)) for name, at in seconds.items()}
    return found | {"second try": (ours.rolled_back - line.begins, _hurt_in_both(hours, ours))}


def _harmless(line: Line, number: int) -> Hours:
    return line.make(np.random.default_rng([SEED, 4, number]), 1, line)


def _hurt_in_both(hours: Hours, ours: Judged) -> Array:
    """Users hurt until the bar is reached first, and in the second try."""
    found = hurt(hours, ours.first)
    again = np.flatnonzero(ours.excused)
    if len(again):
        resumed = ours.first[again].astype(int) + WARM_UP
        tried = later(hours, again, resumed)
        until = np.where(np.isfinite(ours.rolled_back[again]), ours.rolled_back[again] - resumed, np.inf)
        found[again] += hurt(_from_the_start(tried), until)
    return found


def _from_the_start(hours: Hours) -> Hours:
    return Hours(hours.canary_bad, hours.canary_total, hours.stable_bad, hours.stable_total)


def harm(pool: Executor, sizes: Sizes, lines: Sequence[tuple[int, Line]]) -> None:
    bars = tuned(pool, sizes, [line for _, line in lines])
    jobs = [(line, number, sizes.runs, bars[traffic(line)]) for number, line in lines]
    columns = ("ours", "second try", "ours tuned", "history", "history tuned", *TUNED)
    rows, lost = [], []
    for (line, *_), found in zip(jobs, pool.map(harm_batch, jobs), strict=True):
        rows.append((line.name, *(time_and_hurt(*found[name]) if name in found else "–" for name in columns)))
        lost += _who_is_sooner(line, found)
        progress(line.name)
    title = (
        f"harm, {sizes.runs} runs: median seconds · users hurt until the traffic is taken away\n"
        "  ours, history: with the bar that the product has · second try: until it is rolled back, its second try\n"
        "  included · tuned, and all of the others: with the bars of the table above"
    )
    table(title, ("", *columns), rows)
    print("where another rule hurts fewer users at equal false alarms than ours, tuned and without history:")
    print("\n".join(f"  {words}" for words in lost) if lost else "  nowhere", end="\n\n", flush=True)


def _who_is_sooner(line: Line, found: dict[str, tuple[Array, Array]]) -> list[str]:
    mine = float(np.median(found["ours tuned"][1]))
    others = {name: float(np.median(found[name][1])) for name in TUNED}
    best = min(others, key=others.__getitem__)
    if others[best] >= mine:
        return []
    return [f"{line.name}: {best} {others[best]:g} hurt, ours {mine:g}"]


# ── the command ──────────────────────────────────────────────────────────────────────────────────────────────────

PARTS = ("nulls", "harm", "durations", "memory", "speed")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few hours of the lines at 500/s, within three minutes")
    parser.add_argument("--only", choices=PARTS, help="one part")
    parser.add_argument("--hours", type=int, help="hours of each line without harm")
    parser.add_argument("--others", type=int, help="of these, hours that the peers' rules judge, too")
    parser.add_argument("--runs", type=int, help="releases of each line of harm, and of durations")
    parser.add_argument("--line", default="", help="only lines with this in their name")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    parser.add_argument("--profile", action="store_true", help="where the time of a look goes")
    given = parser.parse_args()
    sizes = QUICK if given.quick else FULL
    if given.hours:
        others, known = min(sizes.others, given.hours), min(sizes.fair, given.hours)
        sizes = replace(sizes, hours=given.hours, others=others, fair=known)
    if given.others:
        sizes = replace(sizes, others=given.others)
    if given.runs:
        sizes = replace(sizes, runs=given.runs, durations=given.runs)
    print(_machine(), flush=True)
    with ProcessPoolExecutor(max_workers=given.jobs) as pool:
        parts = (given.only,) if given.only else PARTS[:2] if given.line else PARTS
        for part in parts:
            _run(part, pool, sizes, given.line or ("500/s" if given.quick else ""))
    if given.profile:
        judge_speed.profile()


def _machine() -> str:
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, numpy {version('numpy')}, "
        f"scipy {version('scipy')}, pilotage {version('pilotage')}; seed {SEED}; α = {ALPHA:.1%}, "
        f"tolerated ratio {RATIO:g}, limit {LIMIT:.0%}\n"
    )


def _run(part: str, pool: Executor, sizes: Sizes, only: str) -> None:
    lines = {
        name: [(number, line) for number, line in enumerate(every) if only in line.name]
        for name, every in (("nulls", NULLS), ("harm", HARMS))
    }
    match part:
        case "nulls" if lines["nulls"]:
            nulls(pool, sizes, lines["nulls"])
        case "harm" if lines["harm"]:
            harm(pool, sizes, lines["harm"])
        case "durations":
            judge_durations.durations(pool, sizes.durations)
        case "memory":
            judge_speed.memory(max(8, sizes.runs // 4))
        case "speed":
            judge_speed.speed()


if __name__ == "__main__":
    main()
