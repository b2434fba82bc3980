"""Keeps the level of the model up with a repository: of its newest ripe changes, the intercept of each horizon.

Repositories differ most in how often they repair at all, and least in what makes a change risky: weights that were
fitted to one repository foretold its later changes no better than the shipped ones, an intercept did
(docs/decisions/0130-training-recalibrates-only.md).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pilotage.model.errors import Conflict
from pilotage.model.risk import Horizon
from pilotage.risk.labels import Labelled, ripe
from pilotage.risk.model import RiskModel, sigmoid

NEWEST = 600
"""Ripe changes of source that the intercept comes from: more of them are of another time."""
LEAST_CHANGES, LEAST_HARMFUL = 300, 5
"""With less than this the shipped level is the better guess."""
_PRECISION = 4.0
"""Of the normal prior around the shipped intercept: between repositories it varies by about a half."""


class TooLittleHistory(Conflict):
    """The repository has too few ripe changes to learn from."""


@dataclass(frozen=True, kw_only=True)
class Level:
    """How right a model's level is on changes that it has not learned from. foretold, found: the shares that need a
    repair · brier: mean squared error of the probabilities."""

    changes: int
    foretold: float
    found: float
    brier: float

    @property
    def error(self) -> float:
        """The factor between foretold and found, at least 1; infinite where nothing was found."""
        if not self.found or not self.foretold:
            return math.inf
        return max(self.foretold / self.found, self.found / self.foretold)


@dataclass(frozen=True, kw_only=True)
class Check:
    """How right the level is on the newest ripe changes: as shipped, and as kept up with the changes before them."""

    horizon: Horizon
    shipped: Level
    own: Level

    @property
    def better(self) -> bool:
        return self.own.error < self.shipped.error and self.own.brier <= self.shipped.brier

    @property
    def worse(self) -> bool:
        return self.own.error > self.shipped.error and self.own.brier >= self.shipped.brier


def level(model: RiskModel, labelled: Sequence[Labelled], horizon: Horizon) -> Level:
    p = [model.probability(one.measured, horizon) for one in labelled]
    y = [float(one.harmful(horizon)) for one in labelled]
    count = max(len(y), 1)
    brier = sum((a - b) ** 2 for a, b in zip(p, y, strict=True)) / count
    return Level(changes=len(y), foretold=sum(p) / count, found=sum(y) / count, brier=brier)


def kept_up(model: RiskModel, labelled: Sequence[Labelled], now: float, origin: str) -> RiskModel:
    """The model with the intercepts of the newest ripe changes of source. A horizon with too few of them moves as the
    one before it. Raises TooLittleHistory where the shortest has too few. now: Unix seconds."""
    shift, intercepts = 0.0, list[float]()
    for horizon, intercept in zip(Horizon, model.intercepts, strict=True):
        known = ripe_source(labelled, horizon, now)[-NEWEST:]
        harmful = sum(one.harmful(horizon) for one in known)
        enough = len(known) >= LEAST_CHANGES and harmful >= LEAST_HARMFUL
        if not enough and not intercepts:
            raise TooLittleHistory(
                f"{len(known)} changes of source {horizon.words.removeprefix('within ')} old or older, of which "
                f"{harmful} needed a repair: at least {LEAST_CHANGES} and {LEAST_HARMFUL} are needed to learn from"
            )
        if enough:
            scores = [logit(model.probability(one.measured, horizon)) for one in known]
            shift = shift_of(scores, harmful)
        # A longer horizon foretells no less.
        intercepts.append(max([intercept + shift, *intercepts[-1:]]))
    return replace(model, intercepts=tuple(intercepts), origin=origin)


def checked(model: RiskModel, labelled: Sequence[Labelled], horizon: Horizon, now: float) -> Check | None:
    """None where the changes are too few to learn from some and to look at the rest."""
    known = ripe_source(labelled, horizon, now)
    newer = known[-min(NEWEST, len(known) // 2) :]
    try:
        own = kept_up(model, labelled, newer[0].measured.change.landed if newer else 0, "")
    except TooLittleHistory:
        return None
    return Check(horizon=horizon, shipped=level(model, newer, horizon), own=level(own, newer, horizon))


def ripe_source(labelled: Sequence[Labelled], horizon: Horizon, now: float) -> list[Labelled]:
    return [one for one in ripe(labelled, horizon, now) if one.measured.source]


def shift_of(scores: Sequence[float], harmful: int) -> float:
    """What is added to log-odds so that they foretell as many harmful ones as there are: maximum a posteriori with the
    prior that nothing needs adding. By Newton's method."""
    shift = 0.0
    for _ in range(50):
        p = [sigmoid(score + shift) for score in scores]
        slope = sum(one * (1 - one) for one in p) + _PRECISION
        step = (harmful - sum(p) - _PRECISION * shift) / slope
        shift += max(-1.0, min(1.0, step))
        if abs(step) < 1e-9:
            break
    return shift


def logit(p: float) -> float:
    p = min(max(p, 1e-12), 1 - 1e-12)
    return math.log(p / (1 - p))
