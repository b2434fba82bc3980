"""How long the judge will need: the expected time to a decision for the harm that matters.

Each look adds, in the mean, the Kullback–Leibler divergence between what happens and the null to the logarithm of the
evidence, so log(bar) / KL looks are needed; no sequential test of that error needs fewer in the mean (Wald, Annals
of Mathematical Statistics 1945). The mixture over unknown harms costs the logarithm of its grid's size on top.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

GRID = 25
"""Points of the mixture in `counts`."""


@dataclass(frozen=True)
class Forecast:
    """seconds: expected time to a decision, infinite where it can never come · events: bad events until then."""

    seconds: float
    events: float

    @property
    def sentence(self) -> str:
        return f"needs {self.span} at this traffic" if self.span else "this traffic is too low for a result"

    @property
    def span(self) -> str:
        """In words, such as "about 40 minutes"; empty where it can never come."""
        if not math.isfinite(self.seconds):
            return ""
        minutes = self.seconds / 60
        shown = f"{self.seconds:.0f} seconds" if minutes < 2 else f"{minutes:.0f} minutes"
        if minutes >= 120:
            shown = f"{minutes / 60:.0f} hours"
        return f"about {shown}"


def information(theta: float, null: float, canary: float, stable: float) -> float:
    """Kullback–Leibler divergence a second, in nats, between a rate ratio `theta` and `null`.

    canary, stable: expected bad events a second of each version, the canary's already with `theta`.
    """
    if canary <= 0 or stable <= 0:
        return 0.0
    exposure = canary / stable / theta
    bad = canary + stable
    p, q = theta * exposure / (1 + theta * exposure), null * exposure / (1 + null * exposure)
    return bad * (p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q)))


def time_to_decision(
    *,
    requests: float,
    share: float,
    base_rate: float,
    harm: float,
    tolerated_ratio: float = 1.25,
    alpha: float = 0.001,
    dispersion: float = 1.0,
    so_far: float = 0.0,
) -> Forecast:
    """When harm of a given size would be detected.

    requests: of both versions a second · share: the canary's, 0…1 · base_rate: of bad events on stable, 0…1 · harm: the
    ratio of rates that matters, above `tolerated_ratio` · so_far: logarithm of the evidence already there.
    """
    if harm <= tolerated_ratio:
        raise ValueError(f"harm must be above the tolerated ratio of {tolerated_ratio:g}, not {harm:g}")
    canary, stable = requests * share * min(1.0, base_rate * harm), requests * (1 - share) * base_rate
    speed = information(harm, tolerated_ratio, canary, stable) / dispersion
    missing = max(0.0, math.log(2 / alpha) + math.log(GRID) / 2 - so_far)
    seconds = missing / speed if speed > 0 else math.inf
    return Forecast(seconds, canary * seconds if math.isfinite(seconds) else math.inf)
