"""A logistic model of harm: small, additive, shipped as JSON, and refitted to a team's own history where it has one.

log-odds = intercept + Σ weight · (measure − mean) / deviation. The part of a factor is the sum of its measures' terms:
what it adds to the log-odds of a change that is average in everything. docs/explanation/risk-model.md names the data.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from pilotage.model.errors import Conflict, Invalid
from pilotage.model.json import Json, find, number_at, object_at, text_at
from pilotage.model.risk import RiskFactor
from pilotage.risk.features import FEATURES

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

FORMAT = 1
_F = RiskFactor
FACTOR_OF: Mapping[str, RiskFactor] = {
    **dict.fromkeys(FEATURES, _F.COMPLEXITY),
    "infrastructure": _F.INFRASTRUCTURE,
    "configuration": _F.INFRASTRUCTURE,
    "migration": _F.MIGRATIONS,
    "dependencies": _F.DEPENDENCIES,
    **dict.fromkeys(("authors", "experience", "experience_here", "ownership", "newcomer"), _F.EXPERIENCE),
    "night": _F.TIMING,
    "weekend": _F.TIMING,
}
"""Which of R17's six factors each measure speaks for."""


class BadModel(Invalid):
    """The file is not a risk model, or has another format."""


@dataclass(frozen=True)
class RiskModel:
    """means, deviations, weights: one per measure, in the order of FEATURES · scales: one per factor, in R17's order, 1
    as shipped · origin: what it was trained on, in words."""

    intercept: float
    means: tuple[float, ...]
    deviations: tuple[float, ...]
    weights: tuple[float, ...]
    scales: tuple[float, ...] = (1.0,) * len(RiskFactor)
    origin: str = ""

    def parts(self, measures: Sequence[float]) -> dict[RiskFactor, float]:
        """What each factor adds to the log-odds of a change."""
        found = dict.fromkeys(RiskFactor, 0.0)
        for name, x, mean, deviation, weight in zip(
            FEATURES, measures, self.means, self.deviations, self.weights, strict=True
        ):
            found[FACTOR_OF[name]] += weight * (x - mean) / deviation
        return {factor: found[factor] * scale for factor, scale in zip(RiskFactor, self.scales, strict=True)}

    def probability(self, measures: Sequence[float]) -> float:
        return sigmoid(self.intercept + sum(self.parts(measures).values()))

    def to_json(self) -> str:
        content = {
            "format": FORMAT,
            "origin": self.origin,
            "intercept": round(self.intercept, 4),
            "scales": dict(zip((str(f) for f in RiskFactor), (round(s, 4) for s in self.scales), strict=True)),
            "measures": {
                name: {"weight": round(w, 4), "mean": round(m, 4), "deviation": round(d, 4)}
                for name, w, m, d in zip(FEATURES, self.weights, self.means, self.deviations, strict=True)
            },
        }
        return json.dumps(content, indent=1) + "\n"

    @staticmethod
    def from_json(text: str) -> RiskModel:
        """Raises BadModel when `text` is not a model of this format with these measures."""
        try:
            read: Json = json.loads(text)
            measures = object_at(read, "measures")
            if find(read, "format") != FORMAT or set(measures) != set(FEATURES):
                raise BadModel(f"not a risk model of format {FORMAT} with the measures of this version")
            column = {
                key: tuple(float(number_at(measures, name, key)) for name in FEATURES)
                for key in ("weight", "mean", "deviation")
            }
            scales = tuple(float(number_at(read, "scales", factor)) for factor in RiskFactor)
            return RiskModel(
                float(number_at(read, "intercept")),
                column["mean"],
                column["deviation"],
                column["weight"],
                scales,
                text_at(read, "origin"),
            )
        except BadModel:
            raise
        except (ValueError, OverflowError, RecursionError) as error:
            raise BadModel(f"not a risk model: {error}") from None


@cache
def shipped() -> RiskModel:
    """The model that comes with this version."""
    return RiskModel.from_json(files("pilotage.risk").joinpath("model.json").read_text(encoding="utf-8"))


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


LEAST_CHANGES, LEAST_HARMFUL = 200, 20
"""A history with less than this teaches nothing that the shipped model does not know better."""


class TooLittleHistory(Conflict):
    """The repository has too few labelled changes to learn from."""


def refit(model: RiskModel, measures: Sequence[Sequence[float]], harmful: Sequence[bool], origin: str) -> RiskModel:
    """The model with its intercept and the weight of each factor fitted to a team's own changes.

    Seven numbers, by maximum a posteriori: the intercept is free, each factor's scale has a normal prior around the
    shipped 1 with a deviation of a half (ridge; Hoerl & Kennard, Technometrics 1970). Raises TooLittleHistory.
    """
    import numpy as np

    if len(measures) < LEAST_CHANGES or sum(harmful) < LEAST_HARMFUL:
        raise TooLittleHistory(
            f"{len(measures)} changes of which {sum(harmful)} needed a fix: at least {LEAST_CHANGES} and "
            f"{LEAST_HARMFUL} are needed to learn from"
        )
    unscaled = RiskModel(model.intercept, model.means, model.deviations, model.weights)
    parts = np.array([list(unscaled.parts(m).values()) for m in measures])
    x, y = np.column_stack([np.ones(len(parts)), parts]), np.array(harmful, dtype=float)
    prior = np.array([0.0, *[1.0] * len(RiskFactor)])
    precision = np.diag([0.0, *[4.0] * len(RiskFactor)])
    fitted = newton(x, y, prior, precision)
    scales = tuple(max(0.0, float(scale)) for scale in fitted[1:])
    return RiskModel(float(fitted[0]), model.means, model.deviations, model.weights, scales, origin)


def newton(x: Floats, y: Floats, prior: Floats, precision: Floats) -> Floats:
    """Logistic regression with a normal prior (mean, precision matrix), by Newton's method on numpy arrays."""
    import numpy as np

    beta = prior.astype(float).copy()
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
        gradient = x.T @ (y - p) - precision @ (beta - prior)
        step = np.linalg.solve((x * (p * (1 - p))[:, None]).T @ x + precision + 1e-9 * np.eye(len(beta)), gradient)
        beta = beta + step
        if float(np.abs(step).max()) < 1e-8:
            break
    return beta
