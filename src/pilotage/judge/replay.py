"""Judges the past with the code that judges the present: when would it have decided, and what would that have cost?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pilotage.judge.count_stream import CountStream
from pilotage.judge.counts import CountJudge
from pilotage.judge.gauges import GaugeJudge
from pilotage.model.errors import Invalid
from pilotage.model.observation import Verdict, VerdictKind


@dataclass(frozen=True)
class Look:
    """Counts of one interval that ended at `at`, Unix seconds."""

    at: float
    canary_bad: int
    canary_total: int
    stable_bad: int
    stable_total: int


@dataclass(frozen=True)
class Moment:
    """The judge's verdict at a look, and the number of failed users of the canary by then."""

    at: float
    verdict: Verdict
    hurt: int


@dataclass(frozen=True)
class Replay:
    """The whole of it. decided: the first moment of harm or safety, None without one · tolerated: the margin."""

    moments: tuple[Moment, ...]
    decided: Moment | None
    tolerated: float
    notes: tuple[str, ...]

    @property
    def began(self) -> float:
        return self.moments[0].at

    @property
    def spared(self) -> int:
        """Users the canary failed after a decision of harm: a rollback then would have spared them."""
        if self.decided is None or self.decided.verdict.kind is not VerdictKind.FAIL:
            return 0
        return self.moments[-1].hurt - self.decided.hurt

    @property
    def sentence(self) -> str:
        last = self.moments[-1]
        if self.decided is None:
            return f"no decision in {last.at - self.began:.0f} s: {last.verdict.sentence}"
        after = self.decided.at - self.began
        word = "harm" if self.decided.verdict.kind is VerdictKind.FAIL else "no harm"
        cost = f", {self.decided.hurt} users affected until then, {self.spared} more avoided" if word == "harm" else ""
        return f"{word} after {after:.0f} s{cost}: {self.decided.verdict.sentence}"


class NothingToReplay(Invalid):
    """The figures contain no request to the canary, or no sample."""


@dataclass(frozen=True)
class Sample:
    """One reading of a gauge on both versions at a time, Unix seconds."""

    at: float
    canary: float
    stable: float


@dataclass(frozen=True)
class GaugeReplay:
    """Samples in the order of their times; decided: the first that the judge called harm, and its verdict."""

    samples: tuple[Sample, ...]
    decided: tuple[Sample, Verdict] | None
    last: Verdict
    notes: tuple[str, ...]

    @property
    def sentence(self) -> str:
        if self.decided is None:
            return f"no harm in {self.samples[-1].at - self.samples[0].at:.0f} s: {self.last.sentence}"
        sample, verdict = self.decided
        return f"harm after {sample.at - self.samples[0].at:.0f} s: {verdict.sentence}"


def replay_gauge(samples: Iterable[Sample], judge: GaugeJudge) -> GaugeReplay:
    """Feed the samples in the order of their times; of samples with one time the first counts."""
    ordered, notes = _in_order(samples)
    if not ordered:
        raise NothingToReplay("there are no samples")
    decided, verdict = None, judge.verdict()
    for sample in ordered:
        verdict = judge.update(sample.canary, sample.stable)
        if decided is None and verdict.kind is VerdictKind.FAIL:
            decided = (sample, verdict)
    return GaugeReplay(tuple(ordered), decided, verdict, tuple(notes))


def replay(looks: Iterable[Look], judge: CountJudge) -> Replay:
    """Feed the looks in the order of their times; of looks with one time the first counts (late and duplicated
    samples). The watch continues after a decision, so that the picture shows all of it."""
    ordered, notes = _in_order(looks)
    if not any(look.canary_total for look in ordered):
        raise NothingToReplay("no row has requests to the canary")
    stream, hurt, decided, moments = CountStream(judge), 0, None, []
    for look in ordered:
        hurt += look.canary_bad
        verdict = stream.update(
            canary_bad=look.canary_bad, canary_total=look.canary_total, stable_bad=look.stable_bad,
            stable_total=look.stable_total,
        )  # fmt: skip
        moments.append(Moment(look.at, verdict, hurt))
        if decided is None and verdict.kind in (VerdictKind.FAIL, VerdictKind.PASS):
            decided = moments[-1]
    return Replay(tuple(moments), decided, judge.tolerated_ratio, tuple(notes))


T = TypeVar("T", Look, Sample)


def _in_order(things: Iterable[T]) -> tuple[list[T], list[str]]:
    given = list(things)
    ordered = sorted(given, key=lambda thing: thing.at)
    notes = []
    if ordered != given:
        notes.append("some rows were out of order: sorted by time")
    unique = {thing.at: thing for thing in reversed(ordered)}
    if len(unique) < len(ordered):
        notes.append(f"{len(ordered) - len(unique)} rows had the time of another row: ignored")
    return sorted(unique.values(), key=lambda thing: thing.at), notes


def from_counters(samples: Iterable[Sequence[float]]) -> Iterator[Look]:
    """Looks from counters that only grow: (time, canary bad, canary total, stable bad, stable total), in any order.

    A counter that fell began again: what it shows is what has happened since. Of samples of one time the first counts.
    """
    before: tuple[float, ...] | None = None
    ordered = {at: values for at, *values in reversed(list(samples))}
    for at, values in sorted(ordered.items()):
        if before is not None:
            grown = [new - old if new >= old else new for new, old in zip(values, before, strict=True)]
            bad_c, all_c, bad_s, all_s = (round(value) for value in grown)
            yield Look(at, min(bad_c, all_c), all_c, min(bad_s, all_s), all_s)
        before = tuple(values)
