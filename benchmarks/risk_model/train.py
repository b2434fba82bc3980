"""Fits the shipped model: `python -m benchmarks.risk_model.train FOLDER` after `label` has filled FOLDER.

FOLDER has `learned` and `fresh`. It may have `before`, of some of the learned repositories: what `label --words` found
with the kinds of files of the version before. Writes `learned.npz`, `fresh.npz` and the data sheet `data.md` beside
this file, and `src/pilotage/risk/model.json` from what is in `learned` alone.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from benchmarks.risk_model import tokens
from benchmarks.risk_model.chosen import SHAPE
from benchmarks.risk_model.columns import (
    FRESH,
    HERE,
    LEARNED,
    Changes,
    Fitted,
    Floats,
    fit,
    newton,
    others,
    ranks,
    read,
)
from benchmarks.risk_model.licences import LICENCES

from pilotage.model.risk import Horizon

MODEL = HERE.parents[1] / "src" / "pilotage" / "risk" / "model.json"
_SHOWN = (Horizon.DAYS_30, Horizon.YEARS_2)
_COLUMNS = {
    "features": np.float16, "source": np.bool_, "at": np.int32, "added": np.float16, "repaired": np.float16,
    "reverted": np.float16, "releases": np.int32,
}  # fmt: skip

Stored = dict[str, dict[str, np.ndarray]]


def gather(folder: Path) -> Stored:
    """The columns of each repository, as they are stored."""
    found: Stored = {}
    for path in sorted(folder.glob("*.npz")):
        if not path.name.endswith(".words.npz"):
            with np.load(path) as raw:
                # The largest number of half precision is 65,504.
                columns = {k: np.where(raw[k] > 65000, np.inf, raw[k]) if k != "at" else raw[k] for k in _COLUMNS}
                found[path.stem.replace("+", "/")] = {k: columns[k].astype(kind) for k, kind in _COLUMNS.items()}
    return found


def store(path: Path, stored: Stored) -> list[Changes]:
    np.savez_compressed(path, **{f"{name}|{key}": v for name, one in stored.items() for key, v in one.items()})
    return read(path)


def sheet(folder: Path, data: Sequence[Changes]) -> list[str]:
    """What the data are, a line each."""
    found = []
    for one in data:
        with np.load(folder / f"{one.name.replace('/', '+')}.npz") as raw:
            span = str(raw["range"])
        kept = one.known(Horizon.DAYS_30)
        first, last = (datetime.fromtimestamp(at, UTC).date() for at in (one.at[kept].min(), one.at[kept].max()))
        language, licence = LICENCES[one.name]
        source = kept & one.source
        harmful = one.harmful(Horizon.DAYS_30)[source].mean()
        found.append(
            f"| {one.name} | {language} | {licence} | `{span}` | {first} – {last} | {kept.sum()} | {source.sum()} | "
            f"{harmful:.1%} |"
        )
    return found


@dataclass(frozen=True, kw_only=True)
class Before:
    """The same changes and labels as the version before measured them, and the score of their words."""

    changes: Changes
    words: Floats


def before(folder: Path, one: Changes) -> Before | None:
    """None where it was not read. Measures that the version before did not have are as now."""
    path = folder / "before" / f"{one.name.replace('/', '+')}.npz"
    if not path.exists():
        return None
    with np.load(path) as raw, np.load(folder / "learned" / path.name) as now:
        numbers = {commit: n for n, commit in enumerate(raw["commits"].tolist())}
        rows = np.array([numbers[commit] for commit in now["commits"].tolist()])
        measures, source = one.measures.copy(), raw["source"][rows]
        measures[:, : raw["features"].shape[1]] = raw["features"][rows]
    changes = replace(one, measures=measures, ranks=ranks(measures, source), source=source)
    with np.load(path.with_suffix(".words.npz")) as raw:
        every = np.split(raw["words"], raw["ends"][:-1])
    words = [every[row] for row in rows]
    return Before(
        changes=changes, words=tokens.scores(words, one.at, one.harmful(Horizon.DAYS_90), Horizon.DAYS_90)
    )  # fmt: skip


def with_words(
    data: Sequence[Changes], models: Sequence[Fitted], words: Sequence[Floats], horizon: Horizon
) -> list[Floats]:
    """The model's log-odds with a term for the words, which the other repositories have weighed."""
    found = []
    for one, model, mine in zip(data, models, words, strict=True):
        x, y = [], []
        for other, theirs in zip(data, words, strict=True):
            if other.name != one.name:
                kept = other.known(horizon) & other.source
                score = model.log_odds(other, horizon)[kept]
                x.append(np.column_stack([np.ones(kept.sum()), score, theirs[kept]]))
                y.append(other.harmful(horizon)[kept])
        beta = newton(np.vstack(x), np.concatenate(y).astype(float), np.array([1e-9, 1e-9, 1.0]))
        score = model.log_odds(one, horizon)
        found.append(np.where(one.source, beta[0] + beta[1] * score + beta[2] * mine, score))
    return found


def main() -> None:
    folder = Path(sys.argv[1])
    stored = {place: gather(folder / place) for place in ("learned", "fresh")}
    learned, fresh = store(LEARNED, stored["learned"]), store(FRESH, stored["fresh"])
    head = [
        "| repository | languages | licence | commits read | period | changes | of source | repaired in 30 days |",
        "|---" * 8 + "|",
    ]
    lines = [*head, *sheet(folder / "learned", learned), "", *head, *sheet(folder / "fresh", fresh), ""]
    (HERE / "data.md").write_text("\n".join(lines))
    total = sum(int(one.known(Horizon.DAYS_30).sum()) for one in learned)
    MODEL.write_text(fit(learned, SHAPE).model(f"{total:,} changes of {len(learned)} public repositories").to_json())
    beside(folder, learned, stored["learned"])
    store(LEARNED, stored["learned"])


def beside(folder: Path, learned: Sequence[Changes], stored: Stored) -> None:
    """The scores of what was tried, of the repositories that the version before was read of."""
    found = [(one, earlier) for one in learned if (earlier := before(folder, one))]
    some = [one for one, _ in found]
    models = [fit(others(some, one), SHAPE) for one in some]
    kinds = [earlier.changes for _, earlier in found]
    old = [fit(others(kinds, one), SHAPE) for one in kinds]
    for horizon in (Horizon.DAYS_30, Horizon.YEARS_2):
        scores = {
            "same": [model.log_odds(one, horizon) for model, one in zip(models, some, strict=True)],
            "kinds": [model.log_odds(one, horizon) for model, one in zip(old, kinds, strict=True)],
            "words": with_words(some, models, [earlier.words for _, earlier in found], horizon),
        }
        for name, each in scores.items():
            for one, score in zip(some, each, strict=True):
                rounded = (np.round(score * 32) / 32).astype(np.float16)
                stored[one.name][f"score_{name}_{horizon.value}"] = rounded


if __name__ == "__main__":
    main()
