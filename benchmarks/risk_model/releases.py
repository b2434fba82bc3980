"""What the forecast of a release is worth: consecutive version tags, and how often a repair followed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from benchmarks.risk_model.columns import Changes, Floats, Truths
from benchmarks.risk_model.figures import Releases, auc, kept_up, releases, together

from pilotage.model.risk import Horizon

BOUNDS = (("low", 0.0, 0.3), ("medium", 0.3, 0.75), ("high", 0.75, 1.01))
_H = Horizon.DAYS_30


def release_table(title: str, data: Sequence[Changes], scores: Sequence[Floats]) -> None:
    each = [releases(one, score, _H) for one, score in zip(data, scores, strict=True)]
    own = [releases(one, kept_up(one, score, _H), _H) for one, score in zip(data, scores, strict=True)]
    for words, found in (("as shipped", each), ("with the level kept up", own)):
        whole = together(found)
        print(f"\n### Releases, {words}: {title}, {_H.words}\n")
        print("| level | releases | foretold | a repair came within 30 days of the change | of the release |")
        print("|---|---|---|---|---|")
        for name, low, high in BOUNDS:
            rows = (whole.p >= low) & (whole.p < high)
            if rows.any():
                shares = (whole.p[rows].mean(), whole.ever[rows].mean(), whole.after[rows].mean())
                print(f"| {name} | {rows.sum()} | {' | '.join(f'{share:.1%}' for share in shares)} |")
        print()
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
