"""How much more a count varies than independent events would: bursts, retries, diurnal noise.

At block lengths of 1, 2, 4, … looks, neighbouring blocks of the stable version are compared: for independent events
the squared difference of their counts has, relative to its Poisson variance, a mean of 1; its mean φ is the
dispersion (McCullagh & Nelder, Generalized Linear Models, 1989, section 4.5, with von Neumann's successive
differences, so that a slow drift is not taken for noise). Long blocks see bursts that last.
"""

from __future__ import annotations

import math

from pilotage.model.json import JsonObject, each, list_at, number_at, whole_at

SCALES = 8
"""Block lengths from 1 to 2⁷ looks."""

SUSPECTED = 2.0
"""Dispersion taken for granted while hardly an event is known."""

_FLICKERS, _EVENTS_EACH = 2.0, 4.0
"""What is suspected beyond that: 1 for each 4 events a pair of looks, at most 2. A rate that flickers disperses counts
in proportion to their mean (φ = 1 + mean × relative variance of the rate), so few events cannot be dispersed much."""

_PAIRS = 6
"""Fewer pairs of blocks than this say nothing about a length."""

_EVENTS = 4.0
"""Expected events a pair below which its ratio is noise."""


class Dispersion:
    """Streaming and bounded: three numbers a block length.

    usual: what history says; without one the events are suspected of coming in bursts (`SUSPECTED`) until the looks
    show otherwise, or the first burst that hits the canary would be taken for its fault.
    """

    def __init__(self, usual: float | None = None) -> None:
        if usual is not None and not 1 <= usual < math.inf:
            raise ValueError(f"a dispersion is at least 1, not {usual}")
        self._usual = usual
        self._looks = 0
        self._open: list[list[float]] = [[0, 0] for _ in range(SCALES)]
        self._before: list[list[float] | None] = [None] * SCALES
        self._squares = [0.0] * SCALES
        self._expected = [0.0] * SCALES
        self._pairs = [0] * SCALES
        self._found = [1.0] * SCALES
        self.factor = SUSPECTED + _FLICKERS if usual is None else usual

    def update(self, bad: float, total: float) -> None:
        """Take in one look at the stable version. `factor` is from then on what the looks so far say.

        total: stable's exposure, in any unit.
        """
        self._looks += 1
        for scale in range(SCALES):
            self._open[scale][0] += bad
            self._open[scale][1] += total
            if self._looks % (1 << scale):
                return
            # A closed block is one of the two halves of the next longer one.
            bad, total = self._open[scale]
            self._open[scale] = [0, 0]
            self._close(scale, bad, total)

    def _close(self, scale: int, bad: float, total: float) -> None:
        before, self._before[scale] = self._before[scale], [bad, total]
        if before is None or not total or not before[1]:
            return
        self._before[scale] = None
        share = total / before[1]
        expected = (bad + before[0]) / (total + before[1]) * total * (1 + share)
        if expected <= 0:
            if self._usual is None and not self._pairs[0]:
                self.factor = SUSPECTED
            return
        self._squares[scale] += (bad - before[0] * share) ** 2
        self._expected[scale] += expected
        self._pairs[scale] += 1
        self._found[scale] = self._at(scale)
        self.factor = max(self._usual or self._shrunk(), *self._found)

    def _shrunk(self) -> float:
        """The estimate at the shortest length, drawn towards the suspicion as if that were `_PAIRS` pairs."""
        pairs, expected = self._pairs[0], self._expected[0]
        if not pairs:
            return SUSPECTED
        suspected = SUSPECTED + min(_FLICKERS, expected / pairs / _EVENTS_EACH)
        return max(1.0, (pairs * self._squares[0] / expected + _PAIRS * suspected) / (pairs + _PAIRS))

    def _at(self, scale: int) -> float:
        pairs = self._pairs[scale]
        if pairs < _PAIRS or self._expected[scale] < _EVENTS * pairs:
            return 1.0
        # One standard error below the estimate: of many lengths, one is high by chance.
        return self._squares[scale] / self._expected[scale] / (1 + math.sqrt(2 / pairs))

    def to_dict(self) -> JsonObject:
        return {
            "looks": self._looks, "open": self._open, "before": self._before, "squares": self._squares,
            "expected": self._expected, "pairs": self._pairs, "factor": self.factor,
        }  # fmt: skip

    def restore(self, saved: JsonObject) -> None:
        self._looks, self.factor = whole_at(saved, "looks"), number_at(saved, "factor")
        self._open = [each(number_at, pair) for pair in list_at(saved, "open")]
        self._before = [None if pair is None else each(number_at, pair) for pair in list_at(saved, "before")]
        self._squares, self._expected = each(number_at, saved, "squares"), each(number_at, saved, "expected")
        self._pairs = each(whole_at, saved, "pairs")
        self._found = [self._at(scale) for scale in range(SCALES)]
