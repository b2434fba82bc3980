"""Labels public repositories' changes and measures them: `python -m benchmarks.risk_model.label CLONE… --into FOLDER`.

What is kept of each change are its measures, its day, its lines added and its label: nothing of anybody's code or text.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from pilotage.adapters.git import Git
from pilotage.risk.labels import label


def _one(clone: Path, into: Path) -> str:
    name = clone.parent.name if clone.name == "repo" else clone.name
    git = Git(clone)
    found = label(git.changes(["HEAD"]))
    np.savez_compressed(
        into / f"{name}.npz",
        features=np.array([m.measures for m in found.measured], dtype=np.float32),
        at=np.array([m.change.landed for m in found.measured]),
        added=np.array([sum(f.added for f in m.change.files) for m in found.measured]),
        harmful=np.array(found.harmful),
    )
    first = git.run("rev-list", "--max-parents=0", "HEAD").split()[-1]
    (into / f"{name}.range").write_text(f"{first[:12]}..{git.commit('HEAD')[:12]}\n")
    return f"{name}: {len(found.harmful)} changes of source, {np.mean(found.harmful):.1%} harmful"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clones", nargs="+", type=Path)
    parser.add_argument("--into", type=Path, required=True)
    asked = parser.parse_args()
    asked.into.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(2) as pool:
        for words in pool.map(_one, asked.clones, [asked.into] * len(asked.clones)):
            print(words, flush=True)


if __name__ == "__main__":
    sys.exit(main())
