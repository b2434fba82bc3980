"""Compares gauges (memory, processor, pools, conversion) of two versions, and may be looked at for ever.

Samples of a gauge follow one another closely; a test that takes them for independent is sure far too soon. Samples are
therefore averaged over blocks, and the block grows (halving the number of blocks) as long as neighbouring blocks of
stable still resemble one another: the batch-means method (Conway, Management Science 1963; the lag-one test as in
Fishman, Operations Research 1978). Only closed blocks bet.

The level is judged by betting on signs: of blocks in which the canary's mean exceeds stable's times a factor no more
than half do so if the canary's typical level is within it, so each block is at best a fair coin and a bettor's capital
an e-process (Waudby-Smith & Ramdas, JRSS-B 2024; for signs, de la Peña, Annals of Probability 1999). No bounds on the
values and no variance are needed, and a single wild sample decides nothing. The slope is judged in the same way, by the
sign of the second half of two blocks less the first, the canary's less stable's: a leak rises again and again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from pilotage.model.observation import Verdict, VerdictKind

_BETS = (0.2, 0.4, 0.6, 0.8, 0.95)
"""Shares of the capital staked; their average is the evidence, so that no share needs to be chosen."""

_CORRELATED = 0.3
"""Lag-one correlation of block means above which blocks are too short."""

_ENOUGH = 12
"""Blocks after which the correlation is known well enough to double the block."""


class Coin:
    """Capital of bettors on a coin that is fair or worse under the null: 1 ± share a toss, averaged over the shares.

    Harm may begin late, so bettors begin at tosses 0, 1, 2, 4, 8, … with half, a quarter, … of the capital; whoever
    has not begun keeps theirs. A mixture of e-processes is one.
    """

    def __init__(self) -> None:
        self._logs: list[list[float]] = []
        self.tosses = 0

    def toss(self, heads: bool) -> None:
        if self.tosses & (self.tosses - 1) == 0:
            self._logs.append([0.0] * len(_BETS))
        self.tosses += 1
        for logs in self._logs:
            for index, bet in enumerate(_BETS):
                logs[index] += math.log1p(bet if heads else -bet)

    @property
    def evidence(self) -> float:
        """Natural logarithm of the e-value."""
        shares = [
            (log - (start + 1) * math.log(2) - math.log(len(_BETS)))
            for start, logs in enumerate(self._logs)
            for log in logs
        ]
        shares.append(-len(self._logs) * math.log(2))
        top = max(shares)
        return top + math.log(sum(math.exp(share - top) for share in shares))

    def to_dict(self) -> dict[str, Any]:
        return {"logs": self._logs, "tosses": self.tosses}

    def restore(self, saved: dict[str, Any]) -> None:
        self._logs, self.tosses = [list(logs) for logs in saved["logs"]], saved["tosses"]


@dataclass
class _Block:
    canary: float = 0.0
    stable: float = 0.0
    samples: int = 0


class GaugeJudge:
    """Judges the level and the slope of one gauge.

    factor: the canary's level over stable's that is not called harm (below 1 with `higher_is_worse=False`: a loss) ·
    alpha: probability of ever calling a harmless canary harmful, shared in halves by level and slope · block: samples
    in the first blocks; more when they are correlated · limit: the level at which the gauge kills, for the forecast.
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
        self._level, self._slope = Coin(), Coin()
        self._means: list[float] = []
        self._half: tuple[float, float] | None = None
        self._first: tuple[float, float] | None = None
        self._last: tuple[float, float] = (math.nan, math.nan)
        self._samples = 0

    def update(self, canary: float, stable: float) -> Verdict:
        """Take in one sample of both versions. Raises ValueError for what is no number."""
        if not (math.isfinite(canary) and math.isfinite(stable)):
            raise ValueError(f"{self.metric}: samples must be finite: canary {canary}, stable {stable}")
        self._samples += 1
        block = self._open
        block.canary += canary
        block.stable += stable
        block.samples += 1
        if block.samples == self.block:
            self._open = _Block()
            self._close(block.canary / block.samples, block.stable / block.samples)
        return self.verdict()

    def _close(self, canary: float, stable: float) -> None:
        self._last = (canary, stable)
        self._first = self._first or self._last
        self._level.toss(self._sign * (canary - self.factor * stable) > 0)
        if self._half is None:
            self._half = (canary, stable)
        else:
            before = self._half
            self._half = None
            self._slope.toss(self._sign * ((canary - before[0]) - (stable - before[1])) > 0)
        self._means.append(stable)
        if len(self._means) >= _ENOUGH:
            if _lag_one(self._means) > _CORRELATED:
                self.block *= 2
                self._half = None
            self._means = []

    def verdict(self) -> Verdict:
        """What is known now."""
        bar = math.log((2 if self._judge_slope else 1) / self.alpha)
        level, slope = self._level.evidence, self._slope.evidence if self._judge_slope else 0.0
        canary, stable = self._last
        if self._level.tosses == 0:
            few = f"{self._samples} of {self.block} samples that a first comparison needs"
            return Verdict(self.metric, VerdictKind.INSUFFICIENT_DATA, few)
        harmful = max(level, slope) >= bar
        words = f"canary {canary:.4g}, stable {stable:.4g}"
        if level >= bar:
            words += f": {'more' if self._sign > 0 else 'less'} than {self.factor:g} times as much, {self._sure()}"
        elif harmful:
            words += f": it {'grows' if self._sign > 0 else 'falls'} against stable, {self._sure()}{self._forecast()}"
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

    def _sure(self) -> str:
        return f"sure at {100 * (1 - self.alpha):.4g} %"

    def to_dict(self) -> dict[str, Any]:
        return {
            "block": self.block, "open": vars(self._open), "level": self._level.to_dict(),
            "slope": self._slope.to_dict(), "means": self._means, "half": self._half, "first": self._first,
            "last": self._last, "samples": self._samples,
        }  # fmt: skip

    def restore(self, saved: dict[str, Any]) -> None:
        self.block, self._open = saved["block"], _Block(**saved["open"])
        self._level.restore(saved["level"])
        self._slope.restore(saved["slope"])
        self._means = list(saved["means"])
        self._half = _pair(saved["half"])
        self._first = _pair(saved["first"])
        self._last = _pair(saved["last"]) or (math.nan, math.nan)
        self._samples = saved["samples"]


def _pair(saved: list[float] | None) -> tuple[float, float] | None:
    return (saved[0], saved[1]) if saved else None


def _lag_one(values: list[float]) -> float:
    """Correlation of neighbours; 0 where nothing varies."""
    mean = sum(values) / len(values)
    spread = sum((value - mean) ** 2 for value in values)
    if spread == 0:
        return 0.0
    return sum((a - mean) * (b - mean) for a, b in pairwise(values)) / spread
