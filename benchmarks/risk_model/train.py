"""Fits the shipped model: `python -m benchmarks.risk_model.train FOLDER` after `label` has filled FOLDER.

Writes `changes.npz` beside this file (measures and labels, at most 6,000 changes a repository; the last year is left
out, because its harm is not known yet, and so are the first 200, which have no history), the data sheet `data.md`, and
`src/pilotage/risk/model.json`.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from pilotage.risk.features import FEATURES, YEAR
from pilotage.risk.model import RiskModel, newton

HERE = Path(__file__).parent
MODEL = HERE.parents[1] / "src" / "pilotage" / "risk" / "model.json"
RIDGE = 10.0
LEAST_DEVIATION = 0.5
"""The most that a yes-or-no measure can have: one that is hardly ever seen is not blown up, or a few changes of one
repository would decide what every migration of another is worth."""
_FIRST, _MOST = 200, 6000
_LANGUAGES = {
    "caddyserver/caddy": ("Go", "Apache-2.0"), "celery/celery": ("Python", "BSD-3-Clause"),
    "curl/curl": ("C", "curl"), "expressjs/express": ("JavaScript", "MIT"), "git/git": ("C, shell", "GPL-2.0"),
    "gohugoio/hugo": ("Go", "Apache-2.0"), "netty/netty": ("Java", "Apache-2.0"),
    "pallets/flask": ("Python", "BSD-3-Clause"), "prettier/prettier": ("JavaScript", "MIT"),
    "prometheus/prometheus": ("Go, TypeScript", "Apache-2.0"), "rails/rails": ("Ruby", "MIT"),
    "redis/redis": ("C", "RSALv2 or SSPLv1, before 2024 BSD-3-Clause"), "saleor/saleor": ("Python", "BSD-3-Clause"),
    "scrapy/scrapy": ("Python", "BSD-3-Clause"), "square/okhttp": ("Kotlin, Java", "Apache-2.0"),
    "tokio-rs/tokio": ("Rust", "MIT"), "webpack/webpack": ("JavaScript", "MIT"),
}  # fmt: skip

Data = dict[str, dict[str, np.ndarray]]


def read(path: Path = HERE / "changes.npz") -> Data:
    """Per repository: features (n × FEATURES), harmful, added, at (days since 1970), oldest first."""
    with np.load(path) as stored:
        names = sorted({key.partition("|")[0] for key in stored})
        return {
            name: {key: stored[f"{name}|{key}"] for key in ("features", "harmful", "added", "at")} for name in names
        }


def fit(parts: list[dict[str, np.ndarray]], origin: str = "") -> RiskModel:
    x = np.vstack([part["features"] for part in parts]).astype(float)
    y = np.concatenate([part["harmful"] for part in parts]).astype(float)
    mean, deviation = x.mean(0), np.maximum(x.std(0), LEAST_DEVIATION)
    columns = np.column_stack([np.ones(len(x)), (x - mean) / deviation])
    ridge = np.diag([0.0, *[RIDGE] * x.shape[1]])
    beta = newton(columns, y, np.zeros(columns.shape[1]), ridge)
    return RiskModel(float(beta[0]), tuple(mean), tuple(deviation), tuple(beta[1:]), origin=origin)


def scores(model: RiskModel, features: np.ndarray) -> np.ndarray:
    """Probabilities of many changes at once; the same numbers as `model.probability`."""
    z = (features.astype(float) - np.array(model.means)) / np.array(model.deviations)
    found: np.ndarray = 1 / (1 + np.exp(-(model.intercept + z @ np.array(model.weights))))
    return found


def _gather(folder: Path) -> tuple[Data, list[str]]:
    data: Data = {}
    sheet = []
    for path in sorted(folder.glob("*.npz")):
        name = path.stem.replace("+", "/")
        with np.load(path) as found:
            at = found["at"]
            keep = (np.arange(len(at)) >= _FIRST) & (at < at.max() - YEAR)
            data[name] = {
                "features": found["features"][keep][-_MOST:].astype(np.float16),
                "harmful": found["harmful"][keep][-_MOST:],
                "added": found["added"][keep][-_MOST:].astype(np.int32),
                "at": (at[keep][-_MOST:] // 86400).astype(np.int32),
            }
        one = data[name]
        first, last = (datetime.fromtimestamp(int(d) * 86400, UTC).date() for d in (one["at"].min(), one["at"].max()))
        language, licence = _LANGUAGES[name]
        commits = path.with_suffix(".range").read_text().strip()
        sheet.append(
            f"| {name} | {language} | {licence} | `{commits}` | {first} – {last} | {len(one['at'])} | "
            f"{one['harmful'].mean():.1%} |"
        )
    return data, sheet


def main() -> None:
    data, sheet = _gather(Path(sys.argv[1]))
    np.savez_compressed(HERE / "changes.npz", **{f"{n}|{k}": v for n, one in data.items() for k, v in one.items()})
    head = "| repository | languages | licence | commits read | changes used | of them | harmful |\n" + "|---|" * 7
    (HERE / "data.md").write_text("\n".join([head.replace("||", "|"), *sheet, ""]))
    total = sum(len(one["at"]) for one in data.values())
    model = fit(list(data.values()), f"{total:,} changes of {len(data)} public repositories")
    MODEL.write_text(model.to_json())
    for name, weight in sorted(zip(FEATURES, model.weights, strict=True), key=lambda pair: -abs(pair[1])):
        print(f"{name:<18} {weight:+.3f}")


if __name__ == "__main__":
    main()
