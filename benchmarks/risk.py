"""The risk model against lines added alone and against six factors weighted by hand, on changes it has not seen.

`python benchmarks/risk.py`. Two splits, never at random: one repository left out at a time, and the first 60 % of each
repository's changes for learning, the rest for asking. Lines added alone is the one-feature model of Zeng et al.
("Deep Just-in-Time Defect Prediction: How Far Are We?", ISSTA 2021).
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.stats import rankdata

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.risk_model.train import Data, fit, read, scores

from pilotage.risk.features import FEATURES

RESAMPLES = 200


def auc(score: np.ndarray, harmful: np.ndarray) -> float:
    """Probability that a harmful change scores above a harmless one."""
    ranks, n = rankdata(score), int(harmful.sum())
    return float((ranks[harmful].sum() - n * (n + 1) / 2) / (n * (len(harmful) - n)))


def precision_area(score: np.ndarray, harmful: np.ndarray) -> float:
    """Average precision: the area below the curve of precision over recall."""
    found = harmful[np.argsort(-score, kind="stable")]
    precision = np.cumsum(found) / np.arange(1, len(found) + 1)
    return float(precision[found].mean())


def recall_at_effort(score: np.ndarray, harmful: np.ndarray, lines: np.ndarray, effort: float = 0.2) -> float:
    """Share of the harmful changes met when a fifth of all lines is read, the most harmful a line first."""
    order = np.argsort(-score / (lines + 1), kind="stable")
    within = np.cumsum(lines[order]) <= effort * lines.sum()
    return float(harmful[order][within].sum() / harmful.sum())


def by_hand(features: np.ndarray) -> np.ndarray:
    """Points as a checklist gives them, factor by factor."""
    of = {name: features[:, i].astype(float) for i, name in enumerate(FEATURES)}
    lines = np.expm1(of["lines_added"])
    points = (lines > 20) * 1.0 + (lines > 100) + (lines > 400) + (of["decisions_added"] > np.log1p(10))
    points += 2.0 * (of["infrastructure"] > 0) + 3.0 * (of["migration"] > 0) + 2.0 * (of["dependencies"] > 0)
    found: np.ndarray = points + 2.0 * of["newcomer"] + (of["ownership"] == 0) + of["night"] + of["weekend"]
    return found


def left_out(data: Data) -> Iterator[tuple[str, dict[str, np.ndarray], np.ndarray]]:
    for name, one in data.items():
        model = fit([other for key, other in data.items() if key != name])
        yield name, one, scores(model, one["features"])


def in_time(data: Data) -> Iterator[tuple[str, dict[str, np.ndarray], np.ndarray]]:
    cut = {name: int(0.6 * len(one["at"])) for name, one in data.items()}
    model = fit([{k: v[: cut[name]] for k, v in one.items()} for name, one in data.items()])
    for name, one in data.items():
        later = {k: v[cut[name] :] for k, v in one.items()}
        yield name, later, scores(model, later["features"])


def interval(measure: Callable[..., float], *columns: np.ndarray) -> str:
    chance = np.random.default_rng(1)
    n = len(columns[0])
    found = [measure(*(c[rows] for c in columns)) for rows in (chance.integers(0, n, n) for _ in range(RESAMPLES))]
    low, high = np.quantile(found, [0.025, 0.975])
    return f"{measure(*columns):.3f} ({low:.3f}–{high:.3f})"


_COLUMNS = (
    "repository", "changes", "harmful", "AUC, ours (95 %)", "lines added", "lines of code added", "by hand",
    "PR-AUC, ours", "lines added", "recall at 20 % effort, ours", "lines added", "foretold",
)  # fmt: skip


def table(title: str, split: Iterator[tuple[str, dict[str, np.ndarray], np.ndarray]]) -> None:
    print(f"\n{title}\n")
    print(f"| {' | '.join(_COLUMNS)} |")
    print("|---" * len(_COLUMNS) + "|")
    rows = []
    for name, one, score in split:
        y, lines = one["harmful"], one["added"].astype(float)
        code, hand = one["features"][:, 0].astype(float), by_hand(one["features"])
        row = [
            auc(score, y), auc(lines, y), auc(code, y), auc(hand, y),
            precision_area(score, y), precision_area(lines, y),
            recall_at_effort(score, y, lines), recall_at_effort(np.ones(len(y)), y, lines), score.mean() / y.mean(),
        ]  # fmt: skip
        rows.append(row)
        shown = " | ".join(f"{value:.3f}" for value in row[1:-1])
        print(
            f"| {name} | {len(y)} | {y.mean():.1%} | {interval(auc, score, y)} | {shown} | {row[-1]:.2f}× |", flush=True
        )
    mean = np.array(rows).mean(0)
    print(
        f"| **mean** | | | **{mean[0]:.3f}** | "
        + " | ".join(f"**{v:.3f}**" for v in mean[1:-1])
        + f" | {mean[-1]:.2f}× |"
    )


def calibration(split: Iterator[tuple[str, dict[str, np.ndarray], np.ndarray]]) -> None:
    print("\nForetold and found, repositories left out, tenths of the score\n")
    found = [(score, one["harmful"]) for _, one, score in split]
    score, harmful = np.concatenate([s for s, _ in found]), np.concatenate([h for _, h in found])
    edges = np.quantile(score, np.linspace(0, 1, 11))
    print("| foretold | found | changes |\n|---|---|---|")
    for low, high in pairwise(edges):
        rows = (score >= low) & (score <= high)
        print(f"| {score[rows].mean():.1%} | {harmful[rows].mean():.1%} | {rows.sum()} |")
    brier, base = np.mean((score - harmful) ** 2), harmful.mean() * (1 - harmful.mean())
    print(f"\nBrier score {brier:.4f}; of the base rate alone {base:.4f}")


def main() -> None:
    data = read()
    print(f"{platform.platform()}, Python {platform.python_version()}, numpy {np.__version__}")
    table("One repository left out at a time", left_out(data))
    table("The first 60 % of each repository's changes learned, the rest asked", in_time(data))
    calibration(left_out(data))


if __name__ == "__main__":
    main()
