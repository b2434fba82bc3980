"""How fast a canary should get its users: a ramp worked out from traffic, and the users that a bad release would hurt.

While the judge watches, users hurt until detection grow only slowly with the canary's weight, because the same errors
that hurt are what the judge learns from. What the weight multiplies outright is the reaction time: errors continue
while the judge looks, the router switches and connections drain. So a ramp starts where even a total outage costs only
some errors within the reaction time, and doubles up to 25 %, where the judge learns fast and most users are still safe.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pilotage.model.traffic import WHOLE

TOP = 250
"""Per mille at which a ramp holds. A smaller value misses small harm within the phase, a larger one exposes more
users."""

ERRORS = 10.0
"""What a total outage at the first weight may cost within the reaction time."""

SLOWEST = 60.0
"""Seconds at a weight of the ramp, at most; longer ramps keep small harms unseen for longer than they save."""

HARMS = ((2.0, 0.30), (5.0, 0.25), (10.0, 0.20), (50.0, 0.15), (math.inf, 0.10))
"""How bad a bad release is: the factor on stable's error rate, and how probable; infinite where every request fails.

An assumption, with most of its weight on small harm; twice the weight on total outages speaks the more for a ramp."""

LATER = 3600.0
"""Seconds at full exposure after which someone finds, by other means, harm that the judge has missed."""

OF_ERRORS = 0.45
"""Share of `analysis.false_positive_rate` that the comparison of error rates has."""

_MIXTURE = math.log(80) / 2
"""What not knowing the harm's size costs the evidence, in nats: the root of the judge's eighty alternatives, as in its
forecast."""

_POINTS = 32


@dataclass(frozen=True)
class Stage:
    """So many seconds with this share (0…1) of requests on the new version."""

    weight: float
    seconds: float


@dataclass(frozen=True)
class Ramp:
    """Weights (per mille) that follow one another every `every` seconds, then `TOP` for `hold` seconds."""

    weights: tuple[int, ...]
    every: int | float
    hold: int | float

    @property
    def stages(self) -> tuple[Stage, ...]:
        return (*(Stage(weight / WHOLE, self.every) for weight in self.weights), Stage(TOP / WHOLE, self.hold))


def ramp(*, rate: float, reaction: float, duration: float, errors: float = ERRORS, tick: float = 1.0) -> Ramp:
    """The ramp for `rate` requests a second of all users, with `duration` seconds until everyone has the release.

    reaction: seconds from the first error to the last user back on stable · errors: accepted cost of a total outage at
    the first weight in that time · tick: seconds between two looks, the shortest step.

    The first weight is errors / (rate × reaction), between 0.1 % and 25 %; each weight lasts at most a minute. All
    doublings together take about a quarter of `duration` at most, so that the hold at 25 % has time to find small harm.
    """
    if min(rate, reaction, duration, errors, tick) <= 0:
        raise ValueError("rate, reaction, duration, errors and tick must be above 0")
    return ramp_from(max(1, min(TOP, math.floor(WHOLE * errors / (rate * reaction)))), duration, tick)


def ramp_from(first: int, duration: float, tick: float = 1.0) -> Ramp:
    """The ramp that starts at `first` per mille, at most at `TOP`, in whole seconds if they are longer than a look."""
    every = min(SLOWEST, duration / (4 * max(1.0, math.log2(TOP / first))))
    every = max(tick, math.floor(every))
    weights = []
    while first < TOP:
        weights.append(first)
        first *= 2
    return Ramp(tuple(weights), every, max(duration - len(weights) * every, every))


def expected_hurt(
    stages: Sequence[Stage],
    *,
    rate: float,
    base: float,
    reaction: float,
    tolerated: float = 1.25,
    alpha: float = 0.001,
    share: float = OF_ERRORS,
    later: float = LATER,
    harms: Sequence[tuple[float, float]] = HARMS,
) -> float:
    """Requests that fail because of a bad release, averaged over `harms`; a user affected twice counts twice.

    stages: the weights until everyone has the release; full exposure follows for `later` seconds · rate: requests a
    second of all users · base: stable's error rate, 0…1 · reaction: seconds from detection to rollback · share: of
    `alpha` for the comparison of errors.

    Deterministic: no harm is simulated. The logarithm of the evidence grows on average by the Kullback–Leibler
    divergence of the actual from the tolerated rate (Wald, Annals of Mathematical Statistics 1945). Its spread is that
    of a Brownian motion's first passage of the bar (Siegmund, Sequential Analysis, 1985). At full exposure nothing is
    compared, so missed harm continues until `later`.
    """
    if not (rate > 0 and 0 < base < 1 and reaction >= 0):
        raise ValueError("rate above 0, base between 0 and 1 and reaction of at least 0 are needed")
    needed = math.log(1 / (share * alpha)) + _MIXTURE
    everything = (*stages, Stage(1.0, later))
    return sum(
        chance * _Harm(everything, rate, base, min(harm, 1 / base), tolerated, needed).hurt(reaction)
        for harm, chance in harms
    )


class _Harm:
    """One size of harm along a schedule."""

    def __init__(
        self, stages: Sequence[Stage], rate: float, base: float, harm: float, tolerated: float, needed: float
    ) -> None:
        self._needed = needed
        self._excess = rate * base * (harm - 1)
        self._legs = tuple(_legs(stages, rate * base, harm, tolerated))

    def hurt(self, reaction: float) -> float:
        """Failures beyond stable's rate over time, as long as the harm was not sure `reaction` seconds earlier."""
        end = self._legs[-1].end
        cuts = {leg.begins for leg in self._legs} | {end}
        cuts |= {cut + reaction for cut in cuts if cut + reaction < end}
        return sum(self._between(left, right, reaction) for left, right in pairwise(sorted(cuts)))

    def _between(self, left: float, right: float, reaction: float) -> float:
        """Trapezoids, narrow at the left: after a step of the weight the evidence moves fastest."""
        weight = self._at((left + right) / 2).weight
        times = [left, *(left + (right - left) * 10 ** (-4 * (1 - i / _POINTS)) for i in range(_POINTS + 1))]
        unknown = [self._unknown(time - reaction) for time in times]
        area = sum((b - a) * (x + y) / 2 for (a, b), (x, y) in zip(pairwise(times), pairwise(unknown), strict=True))
        return self._excess * weight * area

    def _at(self, time: float) -> _Leg:
        return next(leg for leg in reversed(self._legs) if leg.begins <= time)

    def _unknown(self, time: float) -> float:
        """Probability that the evidence has not reached the bar by `time`."""
        if time <= 0:
            return 1.0
        leg = self._at(time)
        mean = leg.mean + leg.speed * (time - leg.begins)
        variance = leg.variance + leg.spread * (time - leg.begins)
        if variance <= 0:
            return 1.0
        deviation, bar = math.sqrt(variance), self._needed
        reflected = _normal((-mean - bar) / deviation)
        crossed = _normal((mean - bar) / deviation)
        if reflected > 0:
            crossed += math.exp(min(700.0, 2 * bar * mean / variance + math.log(reflected)))
        return max(0.0, 1 - crossed)


@dataclass(frozen=True)
class _Leg:
    """A stage with the evidence's mean and variance at its start, and their growth per second."""

    begins: float
    end: float
    weight: float
    mean: float
    variance: float
    speed: float
    spread: float


def _legs(stages: Sequence[Stage], usual: float, harm: float, tolerated: float) -> Iterator[_Leg]:
    """usual: bad requests a second if all requests were stable's."""
    at = mean = variance = 0.0
    for stage in stages:
        if stage.seconds <= 0:
            continue
        speed, spread = _evidence(usual, stage.weight, harm, tolerated)
        yield _Leg(at, at + stage.seconds, stage.weight, mean, variance, speed, spread)
        at, mean, variance = at + stage.seconds, mean + speed * stage.seconds, variance + spread * stage.seconds


def _evidence(usual: float, weight: float, harm: float, tolerated: float) -> tuple[float, float]:
    """Mean and variance that a second adds to the logarithm of the evidence, where bad requests come one by one.

    Given a bad request, it is the canary's with probability θr / (1 + θr), r the odds of the assignment: `counts`.
    """
    if not 0 < weight < 1:
        return 0.0, 0.0
    canary, stable, odds = usual * harm * weight, usual * (1 - weight), weight / (1 - weight)
    p, q = harm * odds / (1 + harm * odds), tolerated * odds / (1 + tolerated * odds)
    hit, missed = math.log(p / q), math.log((1 - p) / (1 - q))
    return canary * hit + stable * missed, canary * hit**2 + stable * missed**2


def _normal(z: float) -> float:
    return math.erfc(-z / math.sqrt(2)) / 2
