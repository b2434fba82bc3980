"""Compares gauges (memory, processor, pools, conversion) of two versions, with tests that are valid at any time.

Samples of a gauge are correlated; a test that assumes independence is certain far too early. So samples are averaged
over blocks of several times stable's own correlation time, estimated from successive differences (von Neumann, Annals
of Mathematical Statistics 1941; batch means: Conway, Management Science 1963). The first samples only estimate that
time. A block that turns out too short grows; bets on shorter blocks stay.

The level is judged by betting on signs. If the canary's typical level is within a factor of stable's, at most half of
the blocks have a canary mean above that factor times stable's. So each block is at best a fair coin, and a bettor's
capital an e-process (Waudby-Smith & Ramdas, JRSS-B 2024; for signs, de la Peña, Annals of Probability 1999). This needs
no bounds on values and no variance, and a single outlier decides nothing.

The slope is judged by sequential ranks: without drift, the rank of a block's difference (canary less stable) among
earlier ones is uniform and independent of earlier ranks (Barndorff-Nielsen, Annals of Mathematical Statistics 1963), so
a bettor on high ranks has at most a fair game (Vovk, Nouretdinov, Gammerman, ICML 2003). A leak is the highest again
and again.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from pilotage.judge.rate_words import confidence
from pilotage.model.json import JsonObject, each, entries, number_at, object_at, optional, pair_at, read_as, whole_at
from pilotage.model.observation import Verdict, VerdictKind

_BETS = (0.2, 0.4, 0.6, 0.8, 0.95)
"""Shares of the capital staked; their average is the evidence, so that no share needs to be chosen."""

_LEARNING = 60
"""Samples that only teach how long the correlation lasts."""

_TIMES = 4
"""Correlation times a block: its mean then has a correlation of about an eighth with its neighbour's."""


class Memory:
    """How long a series remembers: its integrated correlation time in samples, as of a first-order process."""

    def __init__(self) -> None:
        self._count, self._mean, self._squares, self._steps, self._last = 0, 0.0, 0.0, 0.0, 0.0

    def add(self, value: float) -> None:
        if self._count:
            self._steps += (value - self._last) ** 2
        self._last = value
        self._count += 1
        off = value - self._mean
        self._mean += off / self._count
        self._squares += off * (value - self._mean)

    @property
    def samples(self) -> int:
        return self._count

    @property
    def time(self) -> float:
        """(1 + ρ) / (1 − ρ), where ρ is the correlation of neighbours; 1 where nothing varies."""
        if self._count < 3 or self._squares <= 0:
            return 1.0
        correlation = max(0.0, 1 - self._steps / (self._count - 1) / (2 * self._squares / self._count))
        return (1 + correlation) / (1 - min(correlation, 0.999))

    def to_dict(self) -> JsonObject:
        return vars(self).copy()

    def restore(self, saved: JsonObject) -> None:
        vars(self).update(entries(number_at, saved))


_LATE, _SUM, _RICHEST = 0.5, 1.07, 1e250


class Bettors:
    """Capital of several bettors, half of it betting from the first event on and the rest beginning later.

    Harm may start late, after everyone who bet on it has lost. At event i a share of the rest starts, which falls as 1
    / (i log² i): a mixture of e-processes that start at times fixed in advance is one.
    """

    def __init__(self, count: int) -> None:
        self._capital = [1 - _LATE] * count
        self._unstarted = _LATE
        self.events = 0

    def bet(self, factors: Sequence[float]) -> None:
        """Multiply each bettor's capital by its factor, whose mean under the null must be at most one."""
        self.events += 1
        place = self.events + 2
        begins = min(self._unstarted, _LATE / _SUM / (place * math.log(place) ** 2))
        self._unstarted -= begins
        self._capital = [min((c + begins) * f, _RICHEST) for c, f in zip(self._capital, factors, strict=True)]

    @property
    def evidence(self) -> float:
        """Natural logarithm of the e-value."""
        return math.log(sum(self._capital) / len(self._capital) + self._unstarted)

    def to_dict(self) -> JsonObject:
        return {"capital": self._capital, "unstarted": self._unstarted, "events": self.events}

    def restore(self, saved: JsonObject) -> None:
        self._capital, self._unstarted = each(number_at, saved, "capital"), number_at(saved, "unstarted")
        self.events = whole_at(saved, "events")


class Coin:
    """Bets on a coin that is fair or worse under the null: 1 ± share a toss."""

    def __init__(self) -> None:
        self.bettors = Bettors(len(_BETS))

    def toss(self, heads: bool) -> None:
        self.bettors.bet([1 + bet if heads else 1 - bet for bet in _BETS])


_POWERS = (1, 3, 7)
_MOST = 512
"""Differences kept; then the ranks start again, the capital stays."""


class Ranks:
    """Bets on high sequential ranks: in proportion to u, u³ and u⁷ of the rank's place u in 0…1."""

    def __init__(self) -> None:
        self.bettors = Bettors(len(_POWERS))
        self._sorted: list[float] = []

    def place(self, value: float) -> None:
        """Take in the next difference. Of equals the rank is the middle one."""
        low, high = bisect_left(self._sorted, value), bisect_right(self._sorted, value)
        self._sorted.insert(low, value)
        size = len(self._sorted)
        if size > 1:
            rank = ((low + high) / 2 + 0.5) / size
            self.bettors.bet([rank**power / _mean_power(size, power) for power in _POWERS])
        if size >= _MOST:
            self._sorted = []

    def forget(self) -> None:
        """Differences of another kind follow: rank those among themselves."""
        self._sorted = []

    def to_dict(self) -> JsonObject:
        return {"bettors": self.bettors.to_dict(), "sorted": self._sorted}

    def restore(self, saved: JsonObject) -> None:
        self.bettors.restore(object_at(saved, "bettors"))
        self._sorted = each(number_at, saved, "sorted")


@cache
def _mean_power(size: int, power: int) -> float:
    """The exact mean of a bet on the rank among `size`, each equally likely."""
    return sum(((place + 0.5) / size) ** power for place in range(size)) / size


@dataclass
class _Block:
    canary: float = 0.0
    stable: float = 0.0
    samples: int = 0


class GaugeJudge:
    """Judges the level and the slope of one gauge.

    factor: the canary's level over stable's that is not called harm (below 1 with `higher_is_worse=False`: a loss) ·
    alpha: probability of ever calling a harmless canary harmful, shared in halves by level and slope · block: least
    samples in a block; more when they are correlated · limit: the level at which the gauge kills, for the forecast.
    """

    def __init__(
        self,
        metric: str,
        factor: float = 2.0,
        alpha: float = 0.001,
        *,
        higher_is_worse: bool = True,
        judge_slope: bool = True,
        block: int = 5,
        limit: float | None = None,
    ) -> None:
        if not (factor > 0 and 0 < alpha < 1 and block >= 1):
            raise ValueError("factor > 0, 0 < alpha < 1 and block ≥ 1 are needed")
        self.metric, self.factor, self.alpha, self.limit = metric, factor, alpha, limit
        self._sign = 1 if higher_is_worse else -1
        self._judge_slope = judge_slope
        self.block = block
        self._open = _Block()
        self._level, self._slope = Coin(), Ranks()
        self._memory = Memory()
        self._first: tuple[float, float] | None = None
        self._last: tuple[float, float] = (math.nan, math.nan)
        self._samples = 0

    def update(self, canary: float, stable: float) -> Verdict:
        """Take in one sample of both versions. Raises ValueError for what is no number."""
        if not (math.isfinite(canary) and math.isfinite(stable)):
            raise ValueError(f"{self.metric}: samples must be finite: canary {canary}, stable {stable}")
        self._samples += 1
        self._memory.add(stable)
        if self._memory.samples <= _LEARNING:
            return self.verdict()
        block = self._open
        block.canary += canary
        block.stable += stable
        block.samples += 1
        if block.samples >= self.block:
            self._open = _Block()
            self._close(block.canary / block.samples, block.stable / block.samples)
        return self.verdict()

    def _close(self, canary: float, stable: float) -> None:
        self._last = (canary, stable)
        self._first = self._first or self._last
        needed = math.ceil(_TIMES * self._memory.time)
        if needed > 1.25 * self.block:
            # This block is too short to bet on, and so are the ranks among its like.
            self.block = needed
            self._slope.forget()
            return
        self._level.toss(self._sign * (canary - self.factor * stable) > 0)
        self._slope.place(self._sign * (canary - stable))

    def forget(self) -> None:
        """Samples of another kind follow (other instances): compare those among themselves."""
        self._open = _Block()
        self._slope.forget()

    def verdict(self) -> Verdict:
        """What is known now."""
        bar = math.log((2 if self._judge_slope else 1) / self.alpha)
        level, slope = self._level.bettors.evidence, self._slope.bettors.evidence if self._judge_slope else 0.0
        canary, stable = self._last
        if self._level.bettors.events == 0:
            few = f"{self._samples} samples; {_LEARNING + self.block} or more are needed for a comparison"
            return Verdict(self.metric, VerdictKind.INSUFFICIENT_DATA, few)
        harmful = max(level, slope) >= bar
        sure = confidence(self.alpha)
        words = f"canary {canary:.4g}, stable {stable:.4g}"
        if level >= bar:
            words += f": {'more' if self._sign > 0 else 'less'} than {self.factor:g} times as much, {sure}"
        elif harmful:
            words += f": it {'grows' if self._sign > 0 else 'falls'} compared with stable, {sure}{self._forecast()}"
        return Verdict(
            self.metric,
            VerdictKind.FAIL if harmful else VerdictKind.INCONCLUSIVE,
            words,
            ratio=canary / stable if stable else None,
            evidence=max(level, slope),
            samples=self._samples,
            canary=f"{canary:.4g}",
            stable=f"{stable:.4g}",
        )

    def _forecast(self) -> str:
        """When the growth so far reaches the limit, in samples from now."""
        if self.limit is None or self._first is None:
            return ""
        grown = (self._last[0] - self._first[0]) / max(1, self._samples - self.block)
        left = (self.limit - self._last[0]) / grown if grown * self._sign > 0 else math.inf
        return f"; at this pace it reaches {self.limit:.4g} after {left:.0f} more samples" if left < 1e7 else ""

    def to_dict(self) -> JsonObject:
        return {
            "block": self.block, "open": vars(self._open), "level": self._level.bettors.to_dict(),
            "slope": self._slope.to_dict(), "memory": self._memory.to_dict(), "first": self._first,
            "last": None if math.isnan(self._last[0]) else self._last, "samples": self._samples,
        }  # fmt: skip

    def restore(self, saved: JsonObject) -> None:
        self.block, self._open = whole_at(saved, "block"), read_as(_Block, saved, "open")
        self._level.bettors.restore(object_at(saved, "level"))
        self._slope.restore(object_at(saved, "slope"))
        self._memory.restore(object_at(saved, "memory"))
        self._first = optional(pair_at, saved, "first")
        self._last = optional(pair_at, saved, "last") or (math.nan, math.nan)
        self._samples = whole_at(saved, "samples")
