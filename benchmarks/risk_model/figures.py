"""How good forecasts are: order, level, slope; and the level kept up as time goes by, as `risk train` does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from benchmarks.risk_model.columns import Changes, Floats, Truths, newton
from scipy.stats import rankdata

from pilotage.model.risk import Horizon
from pilotage.risk.assessment import MOST_AGE
from pilotage.risk.recalibration import LEAST_CHANGES, LEAST_HARMFUL, NEWEST, shift_of

_DAY = 86400
_STEP = 100
"""Changes after which the level is kept up again."""


def sigmoid(score: Floats) -> Floats:
    found: Floats = 1 / (1 + np.exp(-np.clip(score, -30, 30)))
    return found


def auc(score: Floats, harmful: Truths) -> float:
    """Probability that a harmful change scores above a harmless one."""
    ranks, n = rankdata(score), int(harmful.sum())
    if n in (0, len(harmful)):
        return float("nan")
    return float((ranks[harmful].sum() - n * (n + 1) / 2) / (n * (len(harmful) - n)))


def precision_area(score: Floats, harmful: Truths) -> float:
    """Average precision: the area below the curve of precision over recall."""
    found = harmful[np.argsort(-score, kind="stable")]
    precision = np.cumsum(found) / np.arange(1, len(found) + 1)
    return float(precision[found].mean()) if harmful.any() else float("nan")


@dataclass(frozen=True, kw_only=True)
class Figures:
    """auc, area, brier, slope, error: of the changes of source · whole: AUC of all changes · blamed: the same where a
    repair counts and a revert does not · error: the factor between foretold and found, at least 1; of all changes in
    `whole_error` · ratio: foretold to found, of source."""

    changes: int
    source: int
    harmful: float
    auc: float
    whole: float
    blamed: float
    area: float
    brier: float
    slope: float
    error: float
    whole_error: float
    ratio: float


def figures(of: Changes, score: Floats, horizon: Horizon) -> Figures:
    """score: log-odds of each change."""
    known = of.known(horizon)
    mine, y = known & of.source, of.harmful(horizon)
    p = sigmoid(score)
    return Figures(
        changes=int(known.sum()),
        source=int(mine.sum()),
        harmful=float(y[mine].mean()),
        auc=auc(score[mine], y[mine]),
        whole=auc(score[known], y[known]),
        blamed=auc(score[known], of.repaired[known] <= horizon),
        area=precision_area(score[mine], y[mine]),
        brier=float(((p[mine] - y[mine]) ** 2).mean()),
        slope=slope(score[mine], y[mine]),
        error=_factor(p[mine].mean(), y[mine].mean()),
        whole_error=_factor(p[known].mean(), y[known].mean()),
        ratio=float(p[mine].mean() / y[mine].mean()),
    )


def _factor(one: float, other: float) -> float:
    return float(max(one / other, other / one)) if one and other else float("inf")


def slope(score: Floats, harmful: Truths) -> float:
    """Of the calibration: 1 where the log-odds are spread as they should be, less where they are too sure."""
    x = np.column_stack([np.ones(len(score)), score])
    return float(newton(x, harmful.astype(float), np.array([1e-9, 1e-9]))[1])


def kept_up(of: Changes, score: Floats, horizon: Horizon) -> Floats:
    """The scores with the intercept of the newest ripe changes at that time, again after every hundred changes."""
    found, rows = score.copy(), np.flatnonzero(of.source)
    harm, at = of.harmful(horizon), of.at
    for begin, end in pairwise([*range(0, len(rows), _STEP), len(rows)]):
        block = rows[begin:end]
        ripe = rows[:begin][at[rows[:begin]] <= at[block[0]] - horizon * _DAY][-NEWEST:]
        if len(ripe) >= LEAST_CHANGES and harm[ripe].sum() >= LEAST_HARMFUL:
            found[block] = score[block] + shift_of(score[ripe].tolist(), int(harm[ripe].sum()))
    return found


@dataclass(frozen=True, kw_only=True)
class Releases:
    """One row a release, oldest first. at: Unix seconds · p: that something of it needs a repair within the horizon of
    the release, as foretold · after: whether a repair of it landed within the horizon after it was released · ever:
    within the horizon of the change itself."""

    at: Floats
    p: Floats
    changes: Floats
    lines: Floats
    after: Truths
    ever: Truths


def releases(of: Changes, scores: Sequence[Floats], horizon: Horizon) -> Releases:
    """Consecutive version tags; those that are ripe, and after the first changes. scores: log-odds by horizon."""
    harm, probabilities = of.harm, np.column_stack([np.zeros(len(of.at)), *map(sigmoid, scores)])
    rows = []
    for first, last in pairwise(of.releases):
        at = float(of.at[last])
        if first < 200 or at > of.until - horizon * _DAY:
            continue
        n = slice(first + 1, last + 1)
        fixed = of.at[n] + harm[n] * _DAY
        after = bool(((fixed > at) & (fixed <= at + horizon * _DAY)).any())
        ever = bool((harm[n] <= horizon).any())
        lines = np.expm1(of.measure("lines_added")[n]).sum()
        made = of.at[n][of.source[n]].max() if of.source[n].any() else at
        ages = np.clip((made - of.at[n]) / _DAY, 0, MOST_AGE)
        p = _from_now(probabilities[n], ages, horizon)
        rows.append((1 - np.prod(1 - p), last - first, lines, after, ever, at))
    table = np.array(rows, dtype=float).reshape(-1, 6)
    return Releases(
        at=table[:, 5],
        p=table[:, 0],
        changes=table[:, 1],
        lines=table[:, 2],
        after=table[:, 3] > 0,
        ever=table[:, 4] > 0,
    )


def _from_now(probabilities: Floats, ages: Floats, horizon: Horizon) -> Floats:
    """As `RiskModel.probability_from`, of many changes. ages: days, counted as `risk.assessment` does."""
    days = [0.0, *map(float, Horizon)]
    pairs = list(zip(probabilities, ages, strict=True))
    so_far = np.array([np.interp(age, days, p) for p, age in pairs])
    then = np.array([np.interp(age + horizon, days, p) for p, age in pairs])
    found: Floats = (then - so_far) / (1 - so_far)
    return found


def together(parts: Sequence[Releases]) -> Releases:
    return Releases(
        at=np.concatenate([one.at for one in parts]),
        p=np.concatenate([one.p for one in parts]),
        changes=np.concatenate([one.changes for one in parts]),
        lines=np.concatenate([one.lines for one in parts]),
        after=np.concatenate([one.after for one in parts]),
        ever=np.concatenate([one.ever for one in parts]),
    )
