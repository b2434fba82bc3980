"""A logistic model of harm: small, additive, shipped as JSON, its level kept up with a team's own history.

Of a change that touches source: log-odds = intercept of the horizon + Σ weight · (measure − mean) / deviation. A
factor's part is the sum of its terms: what it adds to the log-odds of a change that is average in everything. A change
without source has the base rate of its horizon. docs/explanation/risk-model.md names the data.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise

from pilotage.model.errors import Invalid
from pilotage.model.json import Json, find, number_at, object_at, text_at
from pilotage.model.risk import Horizon, RiskFactor
from pilotage.risk.features import FEATURES
from pilotage.risk.measured import Measured

DAY = 86400.0
FORMAT = 2
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
_DIGITS = 4
_LARGEST = 1000.0
"""No number of a model is nearly as large."""


class BadModel(Invalid):
    """The file is not a risk model."""


class OldModel(BadModel):
    """The file is a risk model of an earlier version."""


@dataclass(frozen=True)
class Term:
    """measure: of FEATURES."""

    measure: str
    weight: float
    mean: float
    deviation: float

    def of(self, measured: Measured) -> float:
        """What it adds to the log-odds."""
        return self.weight * (measured.of(self.measure) - self.mean) / self.deviation


@dataclass(frozen=True)
class RiskModel:
    """intercepts, without_source: one per horizon, in their order; the latter are probabilities · origin: what it was
    trained on, in words."""

    intercepts: tuple[float, ...]
    without_source: tuple[float, ...]
    terms: tuple[Term, ...]
    origin: str = ""

    def parts(self, measured: Measured) -> dict[RiskFactor, float]:
        """What each factor adds to the log-odds of a change; nothing where it touches no source."""
        found = dict.fromkeys(RiskFactor, 0.0)
        for term in self.terms if measured.source else ():
            found[FACTOR_OF[term.measure]] += term.of(measured)
        return found

    def probability(self, measured: Measured, horizon: Horizon = Horizon.DAYS_30) -> float:
        """That the change needs a repair within the horizon."""
        n = list(Horizon).index(horizon)
        if not measured.source:
            return self.without_source[n]
        return sigmoid(self.intercepts[n] + sum(term.of(measured) for term in self.terms))

    def probability_from(self, measured: Measured, age: float, horizon: Horizon = Horizon.DAYS_30) -> float:
        """That a change which landed `age` days ago, and needed no repair since, needs one within the horizon from now.

        (F(age + horizon) − F(age)) / (1 − F(age)), with F the probability of a repair by a day, which grows evenly from
        one horizon to the next and no more after the last: most repairs come soon, so a change that has lain for weeks
        has shown more than one that landed today.
        """
        by_day = [(0.0, 0.0), *((float(h), self.probability(measured, h)) for h in Horizon)]
        so_far, then = _between(by_day, age), _between(by_day, age + horizon)
        return (then - so_far) / (1 - so_far)

    def to_json(self) -> str:
        content = {
            "format": FORMAT,
            "origin": self.origin,
            "intercepts": _by_horizon(self.intercepts, _DIGITS),
            "without_source": _by_horizon(self.without_source, 6),
            "terms": {
                t.measure: {
                    "weight": round(t.weight, _DIGITS), "mean": round(t.mean, _DIGITS),
                    "deviation": round(t.deviation, _DIGITS),
                }
                for t in self.terms
            },
        }  # fmt: skip
        return json.dumps(content, indent=1) + "\n"

    @staticmethod
    def from_json(text: str) -> RiskModel:
        """Raises OldModel for a file of an earlier version, BadModel where `text` is no model of this one."""
        try:
            read: Json = json.loads(text)
            kind = find(read, "format")
            if kind == 1:
                raise OldModel("this risk model has format 1 of an earlier version: run `pilotage risk train` again")
            if kind != FORMAT:
                raise BadModel(f"not a risk model of format {FORMAT}")
            base = _of_horizons(read, "without_source")
            if not all(0 < rate < 1 for rate in base):
                raise BadModel("not a risk model: `without_source` holds a number that is not between 0 and 1")
            terms = tuple(_term(read, name) for name in object_at(read, "terms"))
            return RiskModel(_of_horizons(read, "intercepts"), base, terms, text_at(read, "origin"))
        except BadModel:
            raise
        except (ValueError, OverflowError, RecursionError) as error:
            raise BadModel(f"not a risk model: {error}") from None


def _between(points: Sequence[tuple[float, float]], day: float) -> float:
    """The probability by a day, on a line through points of (day, probability)."""
    for (begin, low), (end, high) in pairwise(points):
        if day <= end:
            return low + (high - low) * (max(day, begin) - begin) / (end - begin)
    return points[-1][1]


def _by_horizon(values: tuple[float, ...], digits: int) -> dict[str, float]:
    return {str(h.value): round(v, digits) for h, v in zip(Horizon, values, strict=True)}


def _of_horizons(read: Json, name: str) -> tuple[float, ...]:
    found = tuple(float(number_at(read, name, str(h.value))) for h in Horizon)
    if not all(abs(one) < _LARGEST for one in found) or list(found) != sorted(found):
        raise BadModel(f"not a risk model: `{name}` must grow with the horizon")
    return found


def _term(read: Json, name: str) -> Term:
    if name not in FEATURES:
        raise BadModel(f"not a risk model of this version: it has no measure {name[:40]!r}")
    weight, mean, deviation = (float(number_at(read, "terms", name, k)) for k in ("weight", "mean", "deviation"))
    if not all(abs(one) < _LARGEST for one in (weight, mean, deviation)) or deviation <= 0.001:
        raise BadModel(f"not a risk model: the numbers of {name!r} are out of range")
    return Term(name, weight, mean, deviation)


@cache
def shipped() -> RiskModel:
    """The model that comes with this version."""
    return RiskModel.from_json(files("pilotage.risk").joinpath("model.json").read_text(encoding="utf-8"))


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0
