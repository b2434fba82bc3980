"""What the forecast of a release is worth: consecutive version tags, and how often a repair followed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from benchmarks.risk_model.columns import Changes, Floats, Truths
from benchmarks.risk_model.figures import Releases, auc, kept_up, releases, together

from pilotage.app.earlier_releases import MOST_RELEASES
from pilotage.model.risk import Horizon, RiskLevel
from pilotage.risk.features import YEAR
from pilotage.risk.levels import Released, level_of, standing_of

_H = Horizon.DAYS_30
_TWO_YEARS = 2 * YEAR


def levels(of: Releases) -> list[RiskLevel]:
    """As an assessment without findings has them: each release beside the earlier ones of two years."""
    found = []
    for n, (at, score) in enumerate(zip(of.at, of.p, strict=True)):
        before = [
            Released(float(of.p[k]), {}) for k in range(max(0, n - MOST_RELEASES), n) if of.at[k] > at - _TWO_YEARS
        ]
        found.append(level_of(float(score), standing_of(float(score), before, 0), ()))
    return found


def release_table(title: str, data: Sequence[Changes], scores: Sequence[Sequence[Floats]]) -> None:
    """scores: of each repository, log-odds by horizon."""
    each = [releases(one, score, _H) for one, score in zip(data, scores, strict=True)]
    later = [
        [kept_up(one, score, horizon) for score, horizon in zip(by_horizon, Horizon, strict=True)]
        for one, by_horizon in zip(data, scores, strict=True)
    ]
    own = [releases(one, score, _H) for one, score in zip(data, later, strict=True)]
    for words, found in (("as shipped", each), ("with the level kept up", own)):
        whole, level = together(found), np.array([one.rank for of in found for one in levels(of)])
        print(f"\n### Releases, {words}: {title}, {_H.words}\n")
        print("| level | releases | foretold | a repair came within 30 days of the change | of the release |")
        print("|---|---|---|---|---|")
        for one in (RiskLevel.LOW, RiskLevel.MEDIUM, RiskLevel.HIGH):
            rows = level == one.rank
            if rows.any():
                shares = (whole.p[rows].mean(), whole.ever[rows].mean(), whole.after[rows].mean())
                print(f"| {one} | {rows.sum()} | {' | '.join(f'{share:.1%}' for share in shares)} |")
        brier, base = np.mean((whole.p - whole.after) ** 2), whole.after.mean() * (1 - whole.after.mean())
        print(
            f"\nForetold {whole.p.mean():.1%} on average, found {whole.after.mean():.1%}; Brier score {brier:.4f}, of "
            f"the base rate alone {base:.4f}\n"
        )
        for name, column in (("the model", "p"), ("number of changes", "changes"), ("lines of source added", "lines")):
            ever, after = _order(found, column, "ever"), _order(found, column, "after")
            print(f"- {name}: AUC {ever} (of the change), {after} (of the release)")


def _order(each: Sequence[Releases], score: str, truth: str) -> str:
    """Over all releases, and the mean of the repositories with at least ten that went well and ten that did not."""
    whole = together(each)
    single = []
    for one in each:
        y: Truths = getattr(one, truth)
        if min(y.sum(), (~y).sum()) >= 10:
            single.append(auc(getattr(one, score), y))
    within = f", within {len(single)} repositories {np.mean(single):.3f}" if single else ""
    return f"{auc(getattr(whole, score), getattr(whole, truth)):.3f}{within}"
