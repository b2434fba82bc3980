"""Fits the shipped model: `python -m benchmarks.risk_model.train FOLDER` after `label --words` has filled FOLDER.

FOLDER has `learned`, `fresh` and `before`: all of these changes measured with the kinds of files of the version before.
Writes `learned.npz`, `fresh.npz` and the data sheet `data.md` beside this file, and
`src/pilotage/risk/model.json` from what is in `learned` alone.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
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
    Floats,
    fit,
    log_odds,
    newton,
    others,
    ranks,
    read,
)
from benchmarks.risk_model.licences import LICENCES

from pilotage.model.risk import Horizon
from pilotage.risk.model import RiskModel

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


def words_of(folder: Path, one: Changes) -> Floats:
    """The score of the words of each change, learned forward in time."""
    with np.load(folder / f"{one.name.replace('/', '+')}.words.npz") as read_:
        words = np.split(read_["words"], read_["ends"][:-1])
    return tokens.scores(words, one.at, one.harmful(Horizon.DAYS_90), Horizon.DAYS_90)


def with_words(
    learned: Sequence[Changes], models: Sequence[RiskModel], data: Sequence[Changes],
    words: dict[str, Floats], horizon: Horizon,
) -> list[Floats]:  # fmt: skip
    """The model's log-odds with a term for the words, which the other training repositories have weighed."""
    found = []
    for one, model in zip(data, models, strict=True):
        x, y = [], []
        for other in others(learned, one):
            kept = other.known(horizon) & other.source
            score = log_odds(model, other, horizon)[kept]
            x.append(np.column_stack([np.ones(kept.sum()), score, words[other.name][kept]]))
            y.append(other.harmful(horizon)[kept])
        beta = newton(np.vstack(x), np.concatenate(y).astype(float), np.array([1e-9, 1e-9, 1.0]))
        score = log_odds(model, one, horizon)
        found.append(np.where(one.source, beta[0] + beta[1] * score + beta[2] * words[one.name], score))
    return found


def models_of(learned: Sequence[Changes], data: Sequence[Changes]) -> list[RiskModel]:
    """Of each repository, the model that has not seen it."""
    if all(one.name in {other.name for other in learned} for one in data):
        return [fit(others(learned, one), SHAPE) for one in data]
    return [fit(learned, SHAPE)] * len(data)


def before(folder: Path, data: Sequence[Changes]) -> list[Changes]:
    """The same changes and labels with the measures that the kinds of files of the version before gave."""
    found, measured = [], gather(folder)
    for one in data:
        of = measured[one.name]
        if len(of["at"]) != len(one.at):
            raise SystemExit(f"{one.name}: other changes in {folder}")
        features, source = of["features"].astype(float), of["source"]
        found.append(replace(one, measures=features, ranks=ranks(features, source), source=source))
    return found


def main() -> None:
    folder = Path(sys.argv[1])
    stored = {place: gather(folder / place) for place in ("learned", "fresh")}
    data = {place: store(path, stored[place]) for place, path in (("learned", LEARNED), ("fresh", FRESH))}
    learned = data["learned"]
    head = (
        "| repository | languages | licence | commits read | period | changes | of source | repaired within 30 days |"
    )
    lines = [head, "|---" * 8 + "|"]
    for place, of in data.items():
        lines += ["", f"{place}:", "", *lines[:2]] if place == "fresh" else []
        lines += sheet(folder / place, of)
    (HERE / "data.md").write_text("\n".join([*lines, ""]))
    total = sum(int(one.known(Horizon.DAYS_30).sum()) for one in learned)
    MODEL.write_text(fit(learned, SHAPE, f"{total:,} changes of {len(learned)} public repositories").to_json())
    words = {one.name: words_of(folder / place, one) for place, of in data.items() for one in of}
    earlier = before(folder / "before", learned)
    for place, of in data.items():
        models, old = models_of(learned, of), earlier if place == "learned" else before(folder / "before", of)
        for horizon in _SHOWN:
            _beside(stored[place], f"score_words_{horizon.value}", with_words(learned, models, of, words, horizon), of)
            scores = [log_odds(m, one, horizon) for m, one in zip(models_of(earlier, old), old, strict=True)]
            _beside(stored[place], f"score_kinds_{horizon.value}", scores, of)
        store({"learned": LEARNED, "fresh": FRESH}[place], stored[place])


def _beside(stored: Stored, name: str, scores: Sequence[Floats], data: Sequence[Changes]) -> None:
    for one, score in zip(data, scores, strict=True):
        stored[one.name][name] = (np.round(score * 32) / 32).astype(np.float16)


if __name__ == "__main__":
    main()
