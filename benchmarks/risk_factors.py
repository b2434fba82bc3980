"""For each factor a public change that raises it and one that nearly does and must not: `… risk_factors.py FOLDER`.

FOLDER holds clones named `OWNER+NAME` or `NAME`, with their whole history. Exit 1 when one is judged otherwise.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pilotage.adapters.git import Git
from pilotage.app.risk import Question, assess_range
from pilotage.model.risk import RiskFactor

WEDNESDAY = datetime(2026, 11, 25, 10, tzinfo=UTC)
FRIDAY = datetime(2026, 11, 27, 17, tzinfo=UTC)
FRIDAY_10 = datetime(2026, 11, 27, 10, tzinfo=UTC)


@dataclass(frozen=True)
class Case:
    """said: what the factor's sentence must hold, and must not hold where `raised` is False."""

    factor: RiskFactor
    repository: str
    commit: str
    what: str
    raised: bool
    said: str
    when: datetime = WEDNESDAY


CASES = (
    Case(RiskFactor.COMPLEXITY, "rails/rails", "3b5ed2cf62", "a new method of 16 decisions", True, "decisions"),
    Case(RiskFactor.COMPLEXITY, "pallets/flask", "adf363679d", "828 lines, each method simple", False, "decisions"),
    Case(RiskFactor.INFRASTRUCTURE, "prometheus/prometheus", "716003851d", "another base image", True, "image"),
    Case(RiskFactor.INFRASTRUCTURE, "prometheus/prometheus", "3a9464f158", "a build pipeline's action", False, "lines"),
    Case(RiskFactor.MIGRATIONS, "saleor/saleor", "701e850865", "tables and columns are dropped", True, "drops table"),
    Case(RiskFactor.MIGRATIONS, "saleor/saleor", "6902b62fa4", "nullable columns are added", False, ";"),
    Case(RiskFactor.DEPENDENCIES, "saleor/saleor", "6c7c18c759", "faker 26 → 40", True, "→"),
    Case(RiskFactor.DEPENDENCIES, "saleor/saleor", "8f7b1530ec", "petl 1.7.17 → 1.7.20", False, "→"),
    Case(RiskFactor.EXPERIENCE, "celery/celery", "d77b50981", "its author's first", True, "changed nothing here"),
    Case(RiskFactor.EXPERIENCE, "pallets/flask", "adf363679d", "by its maintainer", False, "changed nothing here"),
    Case(RiskFactor.TIMING, "pallets/flask", "adf363679d", "on Friday at 17:00", True, "before non-work", FRIDAY),
    Case(RiskFactor.TIMING, "pallets/flask", "adf363679d", "on Friday at 10:00", False, "before non-work", FRIDAY_10),
)  # fmt: skip


def _clone(folder: Path, name: str) -> Path:
    places = (folder / name.replace("/", "+") / "repo", folder / name.replace("/", "+"), folder / name.split("/")[1])
    return next(place for place in places if place.exists())


def main() -> int:
    wrong = 0
    print("| factor | change | what it is | raised | level | why |\n|---|---|---|---|---|---|")
    for case in CASES:
        asked = Question(f"{case.commit}^..{case.commit}", case.when)
        found = assess_range(Git(_clone(Path(sys.argv[1]), case.repository)), asked).assessment
        factor = next(f for f in found.factors if f.factor is case.factor)
        found_of = [f.sentence for f in found.findings if f.factor is case.factor and f.mitigation]
        raised = any(case.said in sentence for sentence in (factor.sentence, *found_of))
        wrong += raised is not case.raised
        shown = "yes" if raised else "no"
        level = factor.level if factor.scored else "not scored"
        print(
            f"| {case.factor} | {case.repository}@{case.commit} | {case.what} | "
            f"{shown if raised is case.raised else f'**{shown}, wrong**'} | {level} | "
            f"{'; '.join((factor.sentence, *found_of))} |"
        )
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
