"""What a release of each type is (R4): scope, impact, testing and planning, and that they act."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from pilotage.model.answers import Answers, DeploymentStrategy
from pilotage.model.plan import Plan
from pilotage.model.plan_formats import read_document
from pilotage.model.risk import Assessment, RiskLevel
from pilotage.plan.making import Service, make_plan
from pilotage.risk.assessment import assess
from pilotage.risk.model import shipped

RISK = Assessment(
    "a..b",
    3,
    10.0,
    RiskLevel.LOW,
    (),
    (),
    (),
    DeploymentStrategy.BIG_BANG,
    (),
    "small",
    "model",
    breaking="",
    feature="",
)


def plan(kind: str, frequency: str = "monthly", **options: Any) -> Plan:
    answers = Answers(kind, "canary", "medium", frequency, "medium", ["customer-facing"])
    return make_plan(answers, version="2.0", **options)


@pytest.mark.parametrize(
    ("kind", "impact", "planning", "execution"),
    [
        ("major", "high: comprehensive testing and a migration plan", "4–8 weeks", "2–4 weeks"),
        ("minor", "medium: standard testing and validation", "2–4 weeks", "1–2 weeks"),
        ("patch", "low: focused testing of what is affected", "1–2 weeks", "1 week"),
        ("hotfix", "critical: expedited, with focused validation", "1–3 days", "same day"),
        ("feature-flag", "variable: controlled exposure, watched", "1–2 weeks", "continuous"),
    ],
)
def test_r4_facts_of_a_type(kind: str, impact: str, planning: str, execution: str) -> None:
    facts = plan(kind).facts
    assert (facts.impact, facts.planning, facts.execution) == (impact, planning, execution)


@pytest.mark.parametrize(
    ("kind", "first", "last"),
    [
        ("major", "2027-03-26", "2027-05-07"), ("minor", "2027-05-07", "2027-05-28"),
        ("patch", "2027-05-28", "2027-06-04"), ("hotfix", "2027-06-15", "2027-06-17"),
        ("feature-flag", "2027-06-04", "2027-06-11"),
    ],
)  # fmt: skip
def test_r4_planning_weeks_give_dates_where_no_phases_do(kind: str, first: str, last: str) -> None:
    facts = plan(kind, "continuous", release_date=date(2027, 6, 18)).facts
    assert (str(facts.planning_from), str(facts.planning_by)) == (first, last)


def test_r4_planning_that_should_have_begun_is_told() -> None:
    day, words = date(2027, 6, 18), "planning should have begun by 2027-05-07"
    late = plan("major", "continuous", release_date=day, today=date(2027, 6, 1))
    assert any(words in note for note in late.notes)
    in_time = plan("major", "continuous", release_date=day, today=date(2027, 5, 7))
    assert not any(words in note for note in in_time.notes)


def test_r9_phases_give_the_dates_where_there_are_some() -> None:
    made = plan("major", release_date=date(2027, 6, 16))
    (first, *_) = made.timeline.phases
    assert (made.facts.planning_from, made.facts.planning_by) == (first.start, first.latest_start)


def test_r4_high_impact_wants_a_migration_plan_by_type_or_by_change() -> None:
    def wants(made: Plan) -> bool:
        return any(item.id == "migration_plan" and item.blocking for item in made.readiness)

    assert wants(plan("major"))
    assert not wants(plan("minor"))
    assert not wants(plan("minor", risk=RISK))
    breaking = plan("minor", risk=replace(RISK, breaking="drop the old API"))
    assert wants(breaking)
    assert breaking.facts.level == "high"
    assert "'drop the old API' breaks callers" in breaking.facts.impact
    assert not wants(plan("hotfix", risk=replace(RISK, breaking="drop the old API")))


def test_r4_a_release_of_high_impact_is_tested_comprehensively() -> None:
    """What a team leaves out usually stays a gate; the rest of what it leaves out is left out."""
    service = Service(not_for_us={"integration_test_coverage": "one program", "support_team_training": "no support"})
    found = {
        kind: {item.id for item in plan(kind, service=service).readiness if not item.blocking}
        for kind in ("major", "minor")
    }
    assert found == {
        "major": {"support_team_training"},
        "minor": {"support_team_training", "integration_test_coverage"},
    }


@pytest.mark.parametrize(
    ("kind", "conflicts"),
    [("major", set()), ("minor", {"breaking-change"}), ("patch", {"breaking-change", "new-feature"}),
     ("hotfix", {"breaking-change", "new-feature"}), ("feature-flag", set())],
)  # fmt: skip
def test_r4_changes_beyond_the_scope_of_the_type_are_a_conflict(kind: str, conflicts: set[str]) -> None:
    made = plan(kind, risk=replace(RISK, breaking="drop the old API", feature="search"))
    found = [one for one in made.conflicts if one.source == "R4" and "risk: the changes" in one.between]
    assert {one.name for one in found} == conflicts
    assert not any(one.blocking for one in found)
    assert read_document(made.to_json()) == made


def test_r2_a_plan_with_a_risk_is_read_with_its_own_hash() -> None:
    """A share of none is 0.0 in both: a whole number would be written otherwise than it is read."""
    nothing = assess("a..b", (), (), shipped())
    made = plan("minor", risk=nothing)
    assert read_document(made.to_json()).hash == made.hash
