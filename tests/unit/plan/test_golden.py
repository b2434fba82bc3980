"""Seven plans, value by value, as files that a reviewer reads; and one digest of all 6,400.

A change of the plan shows here as a difference of text. `PILOTAGE_GOLDEN=write pytest tests/unit/plan/test_golden.py`
writes the files anew.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
from collections.abc import Callable
from datetime import date, time
from pathlib import Path

import pytest

from pilotage import Answers, Calendar, Freeze, Plan, Service, Window, make_plan
from pilotage.model import answers as a
from pilotage.model.wave import WaveUndo
from pilotage.plan.difference import difference
from pilotage.plan.headlines import contrast
from pilotage.plan.numbers import Override
from pilotage.plan.reasons import why
from pilotage.plan.tenant_waves import WantedWave, WantedWaves

from .test_difference import leaves

FILES = Path(__file__).parent / "golden"
BERLIN = Calendar(
    "Europe/Berlin",
    ("Europe/Berlin", "America/New_York"),
    {date(2027, 5, 6): "Ascension Day"},
    (Freeze.of_days("audit", date(2027, 4, 1), date(2027, 4, 2), "Europe/Berlin", "pilotage.yaml:40"),),
    (Window(frozenset({0, 1, 2, 3}), time(10), time(15)),),
)
MEASURED = {"application_error_rate": "envoy", "response_time_p95": "envoy", "memory_utilization": "process"}
SIX_HOURS = {"canary.phase_duration": Override("6h", "pilotage.yaml:31")}

WAVES = WantedWaves(
    header="x-tenant", at_most=2, undo=WaveUndo.FAILED, apart=(("globex", "hooli"),), source="pilotage.yaml:20",
    waves=(
        WantedWave(name="early", members=("acme", "umbrella"), size=2, bake=86400),
        WantedWave(name="eu", members=("globex", "initech"), size=30, bake=0, approval=True, day=4),
        WantedWave(name="us", members=("stark",), size=8),
        WantedWave(name="late", members=("hooli", "globex-gov"), size=20),
        WantedWave(name="rest", rest=True, size=40),
    ),
)  # fmt: skip

PLANS: dict[str, Callable[[], Plan]] = {
    "major-canary": lambda: make_plan(
        Answers("major", "canary", "distributed", "quarterly", "low", ["customer-facing", "enterprise"]),
        version="2.4.0", release_date=date(2027, 6, 19), today=date(2027, 2, 1), calendar=BERLIN,
        service=Service("shop", instances=4, overrides=SIX_HOURS, measured=MEASURED),
    ),
    "minor-blue-green": lambda: make_plan(
        Answers("minor", "blue-green", "medium", "weekly", "medium", ["customer-facing"]), version="2.4.0",
        release_date=date(2027, 6, 17), calendar=BERLIN,
        service=Service("shop", overrides={"blue_green.require_approval": Override(True, "pilotage.yaml:31")}),
    ),
    "patch-rolling": lambda: make_plan(
        Answers("patch", "rolling", "small", "monthly", "high", ["internal-only"]), version="2.4.1",
        release_date=date(2027, 6, 18), service=Service("shop", instances=4),
    ),
    "hotfix-big-bang": lambda: make_plan(
        Answers("hotfix", "big-bang", "large", "monthly", "zero-downtime", ["enterprise", "multi-tenant"]),
        version="2.4.2", release_date=date(2027, 6, 20), today=date(2027, 6, 17), service=Service("shop", instances=2),
    ),
    "flag-toggle": lambda: make_plan(
        Answers("feature-flag", "feature-toggle", "small", "continuous", "medium", ["multi-tenant"]), version="2.5.0",
        release_date=date(2027, 6, 18), today=date(2027, 6, 11),
    ),
    "zero-downtime-rolling": lambda: make_plan(
        Answers("minor", "rolling", "medium", "continuous", "zero-downtime", ["internal-only", "enterprise"]),
        version="2.6.0", service=Service("shop", instances=3, downtime=True),
    ),
    "tenant-waves": lambda: make_plan(
        Answers("minor", "canary", "medium", "monthly", "medium", ["multi-tenant"]), version="2.7.0",
        release_date=date(2027, 6, 18), calendar=BERLIN, service=Service("shop", instances=4, waves=WAVES),
    ),
}  # fmt: skip


def kept(name: str, text: str) -> str:
    """The text in the file, after writing it when asked to."""
    file = FILES / name
    if os.environ.get("PILOTAGE_GOLDEN") == "write":
        FILES.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return file.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PLANS)
def test_the_plan_is_the_one_that_was_reviewed(name: str) -> None:
    text = json.dumps(PLANS[name]().to_dict(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    assert text == kept(f"{name}.json", text)


def test_r2_all_plans_have_the_digest_that_every_python_version_finds() -> None:
    every = itertools.product(
        a.ReleaseType, a.DeploymentStrategy, a.TeamSize, a.ReleaseFrequency, a.RiskTolerance, a.Stakeholder
    )
    digest = hashlib.sha256()
    for combination in every:
        digest.update(make_plan(Answers(*combination), version="1", service=Service(instances=4)).hash.encode())
    assert digest.hexdigest() + "\n" == kept("all-plans.sha256", digest.hexdigest() + "\n")


PAIRS = [
    *itertools.pairwise(PLANS),
    ("patch-rolling", "minor-blue-green"),
    ("flag-toggle", "major-canary"),
]


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_the_difference_is_the_one_that_was_reviewed(before: str, after: str) -> None:
    changes = difference(PLANS[before](), PLANS[after]())
    lines = [contrast(PLANS[before](), PLANS[after]()), ""]
    lines += [f"{c.part} | {c.what} | {c.before} → {c.after} | for {c.whom} | {c.reason}" for c in changes]
    text = "\n".join(lines) + "\n"
    assert text == kept(f"from-{before}-to-{after}.txt", text)


@pytest.mark.parametrize("name", ["major-canary", "hotfix-big-bang", "flag-toggle"])
def test_the_reasons_are_those_that_were_reviewed(name: str) -> None:
    """One line for each kind of value: the first of each list, and every setting."""
    made = PLANS[name]()
    paths = {re.sub(r"\[\d+\]", "[]", path): path for path in reversed(leaves(made.to_dict(), ""))}
    found = sorted([*paths.values(), *(setting.path for setting in made.settings)])
    text = "".join(f"{path}: {' · '.join(why(made, path).because)}\n" for path in found)
    assert text == kept(f"why-{name}.txt", text)
