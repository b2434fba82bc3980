"""The stored changes of public repositories, as columns, and a fit of the model to them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pilotage.model.risk import Horizon
from pilotage.risk.features import FEATURES
from pilotage.risk.model import RiskModel, Term

HERE = Path(__file__).parent
LEARNED, FRESH = HERE / "learned.npz", HERE / "fresh.npz"
FIRST = 200
"""The first changes of each repository only teach what is usual."""
WINDOW = 200
"""Changes of source that a change is ranked among: the latest before it."""
RIDGE = 10.0
LEAST_DEVIATION = 0.5
_ASSUMED = 10
_DAY = 86400

Floats = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Changes:
    """One repository, oldest first. measures: n × FEATURES · ranks: the same · added: lines of any file · harm: days
    until the first repair or revert, infinite for never · repaired, reverted: of one of them · releases: numbers of
    the changes that are the last of one · until: when the reading ended, Unix seconds · beside: other scores."""

    name: str
    measures: Floats
    ranks: Floats
    source: Truths
    at: Floats
    added: Floats
    harm: Floats
    repaired: Floats
    reverted: Floats
    releases: tuple[int, ...]
    until: float
    beside: dict[str, Floats]

    def known(self, horizon: Horizon) -> Truths:
        """The changes that are ripe and have a past."""
        found: Truths = (self.at <= self.until - horizon * _DAY) & (np.arange(len(self.at)) >= FIRST)
        return found

    def harmful(self, horizon: Horizon) -> Truths:
        found: Truths = self.harm <= horizon
        return found

    def measure(self, name: str) -> Floats:
        found: Floats = self.measures[:, FEATURES.index(name)]
        return found


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What a model takes: measures, and ranks of measures among the repository's latest changes of source."""

    measures: tuple[str, ...]
    ranks: tuple[str, ...] = ()

    def values(self, of: Changes) -> Floats:
        columns = [of.measure(name) for name in self.measures]
        columns += [of.ranks[:, FEATURES.index(name)] for name in self.ranks]
        return np.column_stack(columns)


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A model as columns. The shipped one is of a shape without ranks."""

    shape: Shape
    intercepts: tuple[float, ...]
    without_source: tuple[float, ...]
    weights: Floats
    mean: Floats
    deviation: Floats

    def log_odds(self, of: Changes, horizon: Horizon, *, base: bool = True) -> Floats:
        """Of many changes: as `RiskModel.probability`. base: changes without source have their own rate."""
        n = list(Horizon).index(horizon)
        score: Floats = self.intercepts[n] + (self.shape.values(of) - self.mean) / self.deviation @ self.weights
        rate = self.without_source[n]
        return np.where(of.source, score, np.log(rate / (1 - rate))) if base else score

    def model(self, origin: str) -> RiskModel:
        numbers = [[float(one) for one in row] for row in zip(self.weights, self.mean, self.deviation, strict=True)]
        terms = tuple(Term(name, *row) for name, row in zip(self.shape.measures, numbers, strict=True))
        return RiskModel(self.intercepts, self.without_source, terms, origin)


def read(path: Path) -> list[Changes]:
    with np.load(path) as stored:
        names = sorted({key.partition("|")[0] for key in stored})
        return [
            _one(name, {k.partition("|")[2]: stored[k] for k in stored if k.partition("|")[0] == name})
            for name in names
        ]


def _one(name: str, column: dict[str, np.ndarray]) -> Changes:
    measures, source = column["features"].astype(float), column["source"].astype(bool)
    repaired, reverted = column["repaired"].astype(float), column["reverted"].astype(float)
    return Changes(
        name=name,
        measures=measures,
        ranks=ranks(measures, source),
        source=source,
        at=column["at"].astype(float),
        added=column["added"].astype(float),
        harm=np.minimum(repaired, reverted),
        repaired=repaired,
        reverted=reverted,
        releases=tuple(int(n) for n in column["releases"]),
        until=float(np.median(column["at"][-9:])),
        beside={k: column[k].astype(float) for k in column if k.startswith("score")},
    )


def ranks(measures: Floats, source: Truths) -> Floats:
    """Of each measure, the share of the latest changes of source below it, of equal ones a half. Ten equal changes are
    assumed beside those seen, so that the second change of a repository is not an extreme."""
    found = np.full(measures.shape, 0.5)
    rows = np.flatnonzero(source)
    seen = np.minimum(np.arange(len(rows)), WINDOW) + _ASSUMED
    for n in range(measures.shape[1]):
        values = measures[rows, n]
        padded = np.concatenate([np.full(WINDOW, np.nan), values])
        before = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[: len(rows)]
        below, equal = (before < values[:, None]).sum(1), (before == values[:, None]).sum(1)
        found[rows, n] = (2 * below + equal + _ASSUMED) / (2 * seen)
    return found


def fit(parts: Sequence[Changes], shape: Shape) -> Fitted:
    """One set of weights for all horizons, an intercept for each (proportional odds; McCullagh, JRSS B 1980)."""
    rows = [(part, horizon, part.known(horizon) & part.source) for part in parts for horizon in Horizon]
    x = np.vstack([shape.values(part)[kept] for part, _, kept in rows])
    y = np.concatenate([part.harmful(horizon)[kept] for part, horizon, kept in rows]).astype(float)
    mean, deviation = x.mean(0), x.std(0)
    deviation[: len(shape.measures)] = np.maximum(deviation[: len(shape.measures)], LEAST_DEVIATION)
    z = (x - mean) / deviation
    which = np.concatenate([np.full(kept.sum(), list(Horizon).index(h)) for _, h, kept in rows])
    dummies = (which[:, None] == np.arange(len(Horizon))).astype(float)
    columns = np.column_stack([dummies, z])
    ridge = np.array([*[1e-6] * len(Horizon), *[RIDGE] * z.shape[1]])
    weights = newton(columns, y, ridge)[-z.shape[1] :]
    intercepts = [_level(z[which == n] @ weights, y[which == n]) for n in range(len(Horizon))]
    return Fitted(
        shape=shape,
        intercepts=tuple(intercepts),
        without_source=tuple(_base(parts, horizon) for horizon in Horizon),
        weights=weights,
        mean=mean,
        deviation=deviation,
    )


def _level(score: Floats, y: Floats) -> float:
    """The intercept with which the model foretells as many as there were."""
    return float(newton(np.ones((len(y), 1)), y, np.array([1e-9]), score)[0])


def _base(parts: Iterable[Changes], horizon: Horizon) -> float:
    harmful = np.concatenate([part.harmful(horizon)[part.known(horizon) & ~part.source] for part in parts])
    return float((harmful.sum() + 0.5) / (len(harmful) + 1))


def newton(x: Floats, y: Floats, ridge: Floats, offset: Floats | float = 0.0) -> Floats:
    """Logistic regression with a ridge, by Newton's method."""
    beta = np.zeros(x.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(x @ beta + offset, -30, 30)))
        gradient = x.T @ (y - p) - ridge * beta
        step = np.linalg.solve((x * (p * (1 - p))[:, None]).T @ x + np.diag(ridge + 1e-9), gradient)
        beta = beta + np.clip(step, -2, 2)
        if float(np.abs(step).max()) < 1e-8:
            break
    return beta


def others(data: Sequence[Changes], but: Changes) -> list[Changes]:
    return [one for one in data if one.name != but.name]
