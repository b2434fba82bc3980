"""The result of an experiment (R16): which variant of a flag has fewer errors, and by how much.

The interval is that of the judge's likelihood of the ratio of both error rates, at 95 %. It holds at all looks together
(prior-posterior ratio: Waudby-Smith & Ramdas, NeurIPS 2020), so whoever reads it again and again, and stops when there
is a winner, is wrong as rarely as whoever reads it once. The difference in percentage points is the ratio's distance
from 1, times the rate without the flag.
"""

from __future__ import annotations

import math

import numpy as np

from pilotage.judge.likelihood import Likelihood
from pilotage.judge.rate_words import rate_of
from pilotage.judge.sums import Sums
from pilotage.model.json import JsonObject, each, entries, number_at, object_at, whole_at
from pilotage.model.live import SeenExperiment

ALPHA = 0.05
_CAUTION = "This counts requests: a few users who fail again and again can look like a winner"
_JUDGE = ("users", "clustered", "judge")
"""Where a judge of variants keeps its counts: users stick to a variant, and nothing identifies them."""


def result_of(sums: JsonObject, tolerated_ratio: float) -> SeenExperiment:
    """What is known now. sums: of the judge of variants, as it saves them · tolerated_ratio: that it was made with.
    Raises ValueError for sums of something else."""
    found = object_at(sums, *_JUDGE)
    counts, likelihood = Sums(**entries(whole_at, found, "sums")), Likelihood(tolerated_ratio)
    likelihood.restore(each(number_at, found, "likelihood"))
    if not (counts.canary_total and counts.stable_total):
        return SeenExperiment(sentence="no result yet: there are no requests of both variants")
    low, high = _outwards(likelihood, *likelihood.compare(ALPHA)[1])
    off = 100 * counts.stable_rate
    between = (off * (low - 1), off * (high - 1) if math.isfinite(high) and off else None)
    winner = "on" if high < 1 else "off" if low > 1 else ""
    return SeenExperiment(
        winner=winner,
        on_requests=counts.canary_total,
        off_requests=counts.stable_total,
        difference=100 * counts.canary_rate - off,
        interval=between,
        sentence=_sentence(winner, counts, between),
    )


def _outwards(likelihood: Likelihood, low: float, high: float) -> tuple[float, float]:
    """The next ratios of the grid outside: the ends lie between two of them."""
    theta = likelihood.theta
    first, last = int(np.searchsorted(theta, low)), int(np.searchsorted(theta, high))
    return (
        float(theta[first - 1]) if first > 0 and low > 0 else 0.0,
        float(theta[last + 1]) if last + 1 < len(theta) else math.inf,
    )


def _sentence(winner: str, counts: Sums, between: tuple[float, float | None]) -> str:
    low, high = between
    interval = f"95 % interval {_points(low)} to {'unlimited' if high is None else _points(high)}"
    both = (
        f"{rate_of(counts.canary_bad, counts.canary_total)} of {counts.canary_total:,} requests with the flag fail, "
        f"{rate_of(counts.stable_bad, counts.stable_total)} of {counts.stable_total:,} without it"
    )
    difference = _points(100 * (counts.canary_rate - counts.stable_rate))
    if winner:
        return f"{winner} wins: error rate {difference} percentage points ({interval}); {both}. {_CAUTION}"
    return f"no difference shown: error rate {difference} percentage points ({interval}); {both}"


def _points(value: float) -> str:
    shown = f"{abs(value):.2g}"
    return shown if float(shown) == 0 else f"{'+' if value > 0 else '−'}{shown}"
