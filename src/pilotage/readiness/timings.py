"""Reads reports of benchmarks: pytest-benchmark, hyperfine, k6's summaries, and `{name: [seconds, …]}`.

Times of runs that failed say nothing, so that each format's own word about failures counts: exit codes, failed requests
and checks, thresholds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from pilotage.model.readiness import BadEvidence
from pilotage.readiness.evidence import number, shaped
from pilotage.readiness.formats import HYPERFINE, K6, PYTEST_BENCHMARK, SECONDS, recognise

MOST_FAILED = 0.01
"""Largest share of failed requests or checks with which k6's times count, if it has no threshold for them."""


@dataclass(frozen=True, kw_only=True)
class Timings:
    """runs: benchmark → what each run took, one number where only a summary is known · faults: why they do not count,
    one sentence each."""

    runs: Mapping[str, tuple[float, ...]]
    faults: tuple[str, ...] = ()


def timings(content: bytes, name: str) -> Timings:
    """Raises BadEvidence for what is no report of benchmarks, and for one without a run."""
    report = recognise(content, name, READERS)
    found = dict[str, tuple[float, ...]]()
    faults = []
    for one in READERS[report.format](report.content, name):
        if isinstance(one, str):
            faults.append(one)
            continue
        called, runs = one
        if not runs:
            raise BadEvidence(f"{name}: {called} has no runs")
        times = tuple(number(run, name, f"a run of {called}") for run in runs)
        found[called] = found.get(called, ()) + times
    if not found and not faults:
        raise BadEvidence(f"{name} contains no benchmarks")
    return Timings(runs=found, faults=tuple(faults))


_Told = tuple[str, "tuple[object, ...]"] | str
"""A benchmark with its runs, or what is wrong with all of them."""


class _Stats(msgspec.Struct, frozen=True):
    median: float | None = None
    data: tuple[float, ...] | None = None


class _Benchmark(msgspec.Struct, frozen=True):
    name: str
    stats: _Stats
    fullname: str | None = None


class _PytestBenchmark(msgspec.Struct, frozen=True):
    benchmarks: tuple[_Benchmark, ...]


def _pytest_benchmark(read: object, name: str) -> Iterator[_Told]:
    for one in shaped(read, _PytestBenchmark, name).benchmarks:
        yield one.fullname or one.name, _runs(one.stats.data, one.stats.median)


class _Command(msgspec.Struct, frozen=True):
    command: str
    command_name: str | None = None
    median: float | None = None
    times: tuple[float, ...] | None = None
    exit_codes: tuple[int | None, ...] | None = None


class _Hyperfine(msgspec.Struct, frozen=True):
    results: tuple[_Command, ...]


def _hyperfine(read: object, name: str) -> Iterator[_Told]:
    for one in shaped(read, _Hyperfine, name).results:
        called, codes = one.command_name or one.command, one.exit_codes or ()
        # None: ended by a signal. hyperfine continues after either with --ignore-failure.
        if bad := [code for code in codes if code != 0]:
            how = "a signal" if bad[0] is None else f"status {bad[0]}"
            yield f"{len(bad)} of {len(codes)} runs of {called[:60]!r} failed, with {how}"
        yield called, _runs(one.times, one.median)


def _runs(several: tuple[float, ...] | None, one: float | None) -> tuple[float, ...]:
    return several or (() if one is None else (one,))


def _k6(read: object, name: str) -> Iterator[_Told]:
    """What `handleSummary` gets and what `--summary-export` writes: the same numbers, with and without `values`."""
    found = shaped(read, _K6, name)
    if "checks" not in found.metrics and found.root_group is not None:
        yield from _checks_of(found.root_group)
    for metric, told in found.metrics.items():
        crossed = list(_crossed(told, name))
        yield from (f"k6: {metric} misses its threshold {rule}" for rule in crossed)
        values = shaped(told.get("values", told), dict[str, object], name)
        base = metric.partition("{")[0]
        if base in ("http_req_failed", "checks") and not told.get("thresholds"):
            yield from _failures(metric, base, values, name)
        if metric == "http_reqs" and values.get("count") == 0:
            yield "k6: no request was sent"
        if "duration" in metric:
            for quantile in ("med", "p(95)", "p(99)"):
                if values.get(quantile) is not None:
                    yield f"{metric} {quantile}", (values[quantile],)


class _Check(msgspec.Struct, frozen=True):
    passes: int
    fails: int
    name: str = ""


class _Group(msgspec.Struct, frozen=True):
    """Lists as `handleSummary` gets them, objects by name as `--summary-export` writes them."""

    checks: tuple[_Check, ...] | dict[str, _Check] | None = None
    groups: tuple[_Group, ...] | dict[str, _Group] | None = None


class _K6(msgspec.Struct, frozen=True):
    metrics: dict[str, dict[str, object]]
    root_group: _Group | None = None


def _checks_of(group: _Group) -> Iterator[str]:
    """What failed of all checks, for a summary without their metric."""
    checks, left = list[_Check](), [group]
    while left:
        one = left.pop()
        checks += one.checks.values() if isinstance(one.checks, dict) else one.checks or ()
        left += one.groups.values() if isinstance(one.groups, dict) else one.groups or ()
    failed, every = sum(check.fails for check in checks), sum(check.fails + check.passes for check in checks)
    if every and failed / every > MOST_FAILED:
        yield f"k6: {failed} of {every} checks failed"


def _crossed(metric: Mapping[str, object], name: str) -> Iterator[str]:
    """Thresholds that were not kept. `--summary-export` says true of those, `handleSummary` says ok: false of them
    (grafana/k6#1498)."""
    for rule, told in shaped(metric.get("thresholds") or {}, dict[str, dict[str, object] | bool], name).items():
        failed = told if isinstance(told, bool) else told.get("ok") is not True
        if failed:
            yield rule


def _failures(metric: str, base: str, values: Mapping[str, object], name: str) -> Iterator[str]:
    if base == "checks" and values.get("passes") == 0 and values.get("fails") == 0:
        return  # none was made, and a rate of none is written as 0
    given = values.get("rate", values.get("value"))
    if given is None:
        raise BadEvidence(f"{name}: {metric} has neither rate nor value")
    share = number(given, name, metric)
    failed, what = (share, "requests") if base == "http_req_failed" else (1 - share, "checks")
    if failed > MOST_FAILED:
        yield f"k6: {100 * failed:.3g} % of the {what} failed ({metric}); at most {100 * MOST_FAILED:g} % may"


def _seconds(read: object, name: str) -> Iterator[_Told]:
    for called, runs in shaped(read, dict[str, object], name).items():
        yield called, tuple(runs) if isinstance(runs, list) else (runs,)


READERS: Mapping[str, Callable[[object, str], Iterator[_Told]]] = {
    PYTEST_BENCHMARK: _pytest_benchmark, HYPERFINE: _hyperfine, K6: _k6, SECONDS: _seconds,
}  # fmt: skip
