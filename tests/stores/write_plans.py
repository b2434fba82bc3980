"""Writes `plans/COMMIT.json.gz`: a plan of each strategy as the code of that commit writes it.

Run it with the code of the commit: `git archive COMMIT src | tar x -C /tmp/old`, then
`PYTHONPATH=/tmp/old/src python tests/stores/write_plans.py COMMIT`. Only once: a stored example is never written anew.
"""

from __future__ import annotations

import gzip
import json
import sys
from datetime import date
from pathlib import Path

from pilotage import Answers, make_plan

STRATEGIES = ("canary", "blue-green", "rolling", "big-bang", "feature-toggle")
KIND = {"feature-toggle": "feature-flag", "big-bang": "major"}


def main(commit: str) -> None:
    plans = []
    for strategy in STRATEGIES:
        answers = Answers(KIND.get(strategy, "minor"), strategy, "medium", "weekly", "medium", "internal-only")
        plan = make_plan(answers, version="2.0", release_date=date(2027, 9, 1), today=date(2026, 11, 25))
        plans.append({"hash": plan.hash, "text": plan.to_json()})
    place = Path(__file__).with_name("plans") / f"{commit}.json.gz"
    place.write_bytes(gzip.compress(json.dumps(plans).encode(), mtime=0))
    print(place, place.stat().st_size)


if __name__ == "__main__":
    main(sys.argv[1])
