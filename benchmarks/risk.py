"""The risk model on changes it has not seen: `python benchmarks/risk.py`, from stored measures and labels.

Two tests. One repository of the training data is left out at a time. And a set of repositories that nothing was ever
learned from or chosen by. Beside the model: lines added, and lines of source added, which is the fairer baseline. Then
what each part of the model is worth, the releases, and what is not foretold.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.risk_model.chosen import RANKED, SHAPE, WHOLE
from benchmarks.risk_model.columns import FRESH, LEARNED, Changes, Fitted, Floats, Shape, fit, others, read
from benchmarks.risk_model.figures import Figures, auc, figures, kept_up, precision_area, sigmoid
from benchmarks.risk_model.releases import release_table

from pilotage.model.risk import Horizon

RESAMPLES = 100
DAYS_30 = Horizon.DAYS_30
SHOWN = (DAYS_30, Horizon.YEARS_2)


@dataclass(frozen=True, kw_only=True)
class Test:
    """A set of repositories, and of each the model that has not seen it."""

    title: str
    data: tuple[Changes, ...]
    learned: Sequence[Changes]

    def models(self, shape: Shape) -> list[Fitted]:
        if self.data == tuple(self.learned):
            return [fit(others(self.learned, one), shape) for one in self.data]
        return [fit(self.learned, shape)] * len(self.data)


def interval(score: Floats, harmful: np.ndarray) -> str:
    chance = np.random.default_rng(1)
    n = len(score)
    found = [auc(score[rows], harmful[rows]) for rows in (chance.integers(0, n, n) for _ in range(RESAMPLES))]
    low, high = np.nanquantile(found, [0.025, 0.975])
    return f"{auc(score, harmful):.3f} ({low:.3f}–{high:.3f})"


def tells(one: Changes, horizon: Horizon) -> bool:
    """Whether enough of its changes are ripe."""
    mine = one.known(horizon) & one.source
    return bool(mine.sum() >= 200 and one.harmful(horizon)[mine].sum() >= 10)


_COLUMNS = (
    "repository", "changes", "of source", "repaired", "AUC, source (95 %)", "lines added", "lines of source added",
    "AUC, all changes", "reverts aside", "PR-AUC", "lines of source added", "Brier", "slope", "level error", "kept up",
)  # fmt: skip


def table(test: Test, scores: Sequence[Floats], horizon: Horizon) -> None:
    print(f"\n## {test.title}: a repair {horizon.words}\n")
    print(f"| {' | '.join(_COLUMNS)} |\n{'|---' * len(_COLUMNS)}|")
    rows = []
    for one, score in zip(test.data, scores, strict=True):
        if not tells(one, horizon):
            print(f"| {one.name} | too young |" + " |" * (len(_COLUMNS) - 2))
            continue
        found, later = figures(one, score, horizon), figures(one, kept_up(one, score, horizon), horizon)
        mine = one.known(horizon) & one.source
        y, code = one.harmful(horizon)[mine], one.measure("lines_added")[mine]
        row = [
            found.auc, auc(one.added[mine], y), auc(code, y), found.whole, found.blamed, found.area,
            precision_area(code, y), found.brier, found.slope, found.error, later.error,
        ]  # fmt: skip
        rows.append(row)
        numbers = " | ".join(f"{value:.3f}" for value in row[1:9])
        print(
            f"| {one.name} | {found.changes} | {found.source} | {found.harmful:.1%} | {interval(score[mine], y)} | "
            f"{numbers} | {found.error:.2f}× | {later.error:.2f}× |",
            flush=True,
        )
    mean = np.array(rows).mean(0)
    errors = np.exp(np.log(np.array(rows)[:, 9:]).mean(0))
    numbers = " | ".join(f"**{value:.3f}**" for value in mean[:9])
    print(f"| **mean** | | | | {numbers} | **{errors[0]:.2f}×** | **{errors[1]:.2f}×** |")


def parts(test: Test, chosen: Sequence[Fitted], horizon: Horizon) -> None:
    """Each part of the model, with and without."""
    usual = [model.log_odds(one, horizon) for model, one in zip(chosen, test.data, strict=True)]
    own = [kept_up(one, score, horizon) for one, score in zip(test.data, usual, strict=True)]

    def of(shape: Shape) -> list[Floats]:
        models = test.models(shape)
        return [model.log_odds(one, horizon) for model, one in zip(models, test.data, strict=True)]

    variants: list[tuple[str, Callable[[], list[Floats]]]] = [
        ("the model as shipped", lambda: usual),
        ("with the level kept up (`risk train`)", lambda: own),
        ("without a base rate of changes without source",
         lambda: [m.log_odds(one, horizon, base=False) for m, one in zip(chosen, test.data, strict=True)]),
        ("with ranks of its measures", lambda: of(RANKED)),
        ("with all measures", lambda: of(WHOLE)),
    ]  # fmt: skip
    print(f"\n### With and without: {test.title}, {horizon.words}\n")
    print("| model | AUC, source | AUC, all | reverts aside | PR-AUC | Brier | slope | level error | of all changes |")
    print("|---" * 9 + "|")
    for name, score in variants:
        each = zip(test.data, score(), strict=True)
        found = [figures(one, s, horizon) for one, s in each if tells(one, horizon)]
        print(f"| {name} | {_line(found)} |", flush=True)


def tried(data: Sequence[Changes], horizon: Horizon) -> None:
    """What is stored of some repositories: the kinds of files of the version before, and the words of changed lines."""
    some = [one for one in data if one.beside and tells(one, horizon)]
    print(f"\n### Tried on {len(some)} of the repositories, one left out at a time, {horizon.words}\n")
    print("| model | AUC, source | AUC, all | reverts aside | PR-AUC | Brier | slope | level error | of all changes |")
    print("|---" * 9 + "|")
    names = (
        ("learned from the others of these", "same"), ("with the kinds of files of the version before", "kinds"),
        ("with the words of changed lines", "words"),
    )  # fmt: skip
    for words, name in names:
        found = [figures(one, one.beside[f"score_{name}_{horizon.value}"], horizon) for one in some]
        print(f"| {words} | {_line(found)} |", flush=True)


def _line(found: Sequence[Figures]) -> str:
    def mean(name: str) -> float:
        return float(np.mean([getattr(one, name) for one in found]))

    def typical(name: str) -> float:
        return float(np.exp(np.mean(np.log([getattr(one, name) for one in found]))))

    order = " | ".join(f"{mean(name):.4f}" for name in ("auc", "whole", "blamed", "area", "brier"))
    return f"{order} | {mean('slope'):.2f} | {typical('error'):.2f}× | {typical('whole_error'):.2f}×"


def not_foretold(test: Test, scores: Sequence[Floats]) -> None:
    """Reverts alone: whether the model, and lines of source, tell a change that is taken back later from others."""
    print(f"\n### Reverts are not foretold: {test.title}\n")
    print("| repository | reverted within two years | AUC | AUC, not blamed by a repair | lines of source added |")
    print("|---" * 5 + "|")
    rows = []
    for one, score in zip(test.data, scores, strict=True):
        mine = one.known(Horizon.YEARS_2) & one.source
        y = one.reverted[mine] <= Horizon.YEARS_2
        if y.sum() < 5:
            continue
        # Of the changes that no repair altered: what is left to foretell when repairs are taken away.
        calm = ~((one.harm[mine] <= Horizon.YEARS_2) & ~y)
        code = one.measure("lines_added")[mine]
        row = auc(score[mine], y), auc(score[mine][calm], y[calm]), auc(code, y)
        rows.append(row)
        print(f"| {one.name} | {y.sum()} of {len(y)} | {' | '.join(f'{value:.3f}' for value in row)} |")
    if rows:
        print(f"| **mean** | | {' | '.join(f'**{value:.3f}**' for value in np.array(rows).mean(0))} |")


def calibration(test: Test, scores: Sequence[Floats], horizon: Horizon) -> None:
    print(f"\n### Foretold and found: {test.title}, {horizon.words}, tenths of the probability\n")
    kept = [one.known(horizon) & one.source for one in test.data]
    p = np.concatenate([sigmoid(score[mine]) for score, mine in zip(scores, kept, strict=True)])
    y = np.concatenate([one.harmful(horizon)[mine] for one, mine in zip(test.data, kept, strict=True)])
    print("| foretold | found | changes |\n|---|---|---|")
    for rows in np.array_split(np.argsort(p, kind="stable"), 10):
        print(f"| {p[rows].mean():.1%} | {y[rows].mean():.1%} | {len(rows)} |")
    without = np.concatenate([one.harmful(horizon)[one.known(horizon) & ~one.source] for one in test.data])
    print(f"\n{len(without)} changes without source: {without.mean():.2%} were taken back {horizon.words}")


def main() -> None:
    learned = tuple(read(LEARNED))
    fresh = tuple(read(FRESH)) if FRESH.exists() else ()
    print(f"{platform.platform()}, Python {platform.python_version()}, numpy {np.__version__}")
    tests = [Test(title="one repository left out at a time", data=learned, learned=learned)]
    if fresh:
        tests.append(Test(title="repositories never learned from", data=fresh, learned=learned))
    for horizon in SHOWN:
        tried(learned, horizon)
    for test in tests:
        chosen = test.models(SHAPE)
        for horizon in SHOWN:
            table(test, [m.log_odds(one, horizon) for m, one in zip(chosen, test.data, strict=True)], horizon)
        usual = [m.log_odds(one, DAYS_30) for m, one in zip(chosen, test.data, strict=True)]
        calibration(test, usual, DAYS_30)
        release_table(
            test.title,
            test.data,
            [[m.log_odds(one, horizon) for horizon in Horizon] for m, one in zip(chosen, test.data, strict=True)],
        )
        not_foretold(test, usual)
        for horizon in SHOWN:
            parts(test, chosen, horizon)


if __name__ == "__main__":
    main()
