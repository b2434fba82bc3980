"""Contradictory answers (R8): named, explained, with the smallest change that frees the plan."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from pilotage import Acceptance, Service
from pilotage.model.schedule import Conflict
from pilotage.plan.conflicts import NAMES
from pilotage.plan.making import PlanRefused
from pilotage.plan.numbers import Override
from tests.plans import USUAL, planned

CASES = [
    ("big-bang-with-zero-downtime", {"deployment_strategy": "big-bang", "risk_tolerance": "zero-downtime"}),
    ("flag-release-with-big-bang", {"deployment_strategy": "big-bang", "release_type": "feature-flag"}),
    ("big-bang-with-continuous-frequency", {"deployment_strategy": "big-bang", "release_frequency": "continuous"}),
    ("big-bang-with-tenant-waves", {"deployment_strategy": "big-bang", "stakeholder_complexity": "multi-tenant"}),
    ("hotfix-waits-for-its-train", {"release_type": "hotfix", "release_frequency": "quarterly"}),
    ("hotfix-waits-for-its-train", {"release_type": "hotfix", "release_frequency": "monthly"}),
    ("hotfix-outlasts-its-day", {"release_type": "hotfix", "deployment_strategy": "canary", "risk_tolerance": "low"}),
    ("internal-only-with-others", {"stakeholder_complexity": ["internal-only", "enterprise"]}),
]


plan = partial(
    planned, deployment_strategy="blue-green", release_frequency="weekly", stakeholder_complexity="enterprise"
)


@pytest.mark.parametrize(("name", "changes"), CASES)
def test_r8_the_conflict_is_there_and_stops_the_plan(name: str, changes: dict[str, Any]) -> None:
    made = plan(**changes)
    assert name in [conflict.name for conflict in made.stopped_by]
    assert name not in [conflict.name for conflict in plan().conflicts]
    (found,) = [conflict for conflict in made.conflicts if conflict.name == name]
    assert all(any(name in pair for pair in found.between) for name in changes)


def test_r8_usual_answers_have_none() -> None:
    assert plan().conflicts == ()
    assert plan(release_type="hotfix").conflicts == ()
    assert plan(deployment_strategy="big-bang").conflicts == ()


@pytest.mark.parametrize(("name", "changes"), CASES)
def test_r8_the_proposal_frees_the_plan(name: str, changes: dict[str, Any]) -> None:
    (conflict,) = [c for c in plan(**changes).conflicts if c.name == name]
    path, _, value = conflict.relaxation.partition(": ")
    value = value.removesuffix(", for this release")
    if path in USUAL:
        answer: object = value.strip("[]").split(", ") if path == "stakeholder_complexity" else value
        freed = plan(**{**changes, path: answer})
    else:
        freed = plan(Service(overrides={path: Override(value, "here")}), **changes)
    assert name not in [c.name for c in freed.conflicts]


@pytest.mark.parametrize(
    ("strategy", "instances", "relaxation"),
    [
        ("canary", 4, "canary.phase_duration: 8h"),
        ("feature-toggle", 4, "feature_toggle.phase_duration: 4h30m"),
        ("rolling", 600, "rolling.wait_time_between_batches: 2m24s"),
    ],
)
def test_r4_a_hotfix_that_takes_longer_than_its_day(strategy: str, instances: int, relaxation: str) -> None:
    made = plan(Service(instances=instances), release_type="hotfix", deployment_strategy=strategy, risk_tolerance="low")
    (found,) = [c for c in made.conflicts if c.name == "hotfix-outlasts-its-day"]
    assert found.relaxation == relaxation
    path, value = relaxation.split(": ")
    freed = plan(
        Service(instances=instances, overrides={path: Override(value, "here")}),
        release_type="hotfix", deployment_strategy=strategy, risk_tolerance="low",
    )  # fmt: skip
    assert "hotfix-outlasts-its-day" not in [c.name for c in freed.conflicts]


def test_c26_rolling_a_thousand_hosts_one_by_one_is_computed_and_the_smallest_batch_proposed() -> None:
    made = plan(Service(instances=1000), release_type="major", deployment_strategy="rolling", risk_tolerance="low")
    (found,) = [c for c in made.conflicts if c.name == "rolling-outlasts-its-phase"]
    assert not found.blocking
    assert "1000 batches take up to 3d22h26m40s, and the execution phase has 3 days" in found.explanation
    assert found.relaxation == "rolling.batch_size: 2, with rolling.max_unavailable: 2"
    overrides = {name: Override(2, "here") for name in ("rolling.batch_size", "rolling.max_unavailable")}
    freed = plan(
        Service(instances=1000, overrides=overrides), release_type="major", deployment_strategy="rolling",
        risk_tolerance="low",
    )  # fmt: skip
    assert freed.conflicts == ()


def test_c26_the_warning_names_what_collides_and_where_it_comes_from() -> None:
    made = plan(Service(instances=300), release_type="patch", deployment_strategy="rolling", risk_tolerance="low")
    assert made.conflicts == (
        Conflict(
            "rolling-outlasts-its-phase",
            ("rolling.batch_size", "rolling.wait_time_between_batches", "instances: 300"),
            "300 batches take up to 1d4h20m, and the execution phase has 1 day",
            "rolling.batch_size: 2, with rolling.max_unavailable: 2",
            False,
            "R14, C26",
        ),
    )


def test_r4_a_hotfix_that_no_wait_makes_short_enough_is_told_to_change_its_strategy() -> None:
    service = Service(
        instances=4,
        overrides={
            "rolling.wait_time_between_batches": Override("2d", "here"),
            "rolling.batch_size": Override(4, "here"),
        },
    )
    made = plan(service, release_type="hotfix", deployment_strategy="rolling")
    (found,) = [c for c in made.conflicts if c.name == "hotfix-outlasts-its-day"]
    assert (found.relaxation, found.source) == ("rolling.wait_time_between_batches: 6h", "R4, R8")
    huge = plan(Service(instances=90_000), release_type="hotfix", deployment_strategy="rolling", risk_tolerance="low")
    (never,) = [c for c in huge.conflicts if c.name == "hotfix-outlasts-its-day"]
    assert never.relaxation == "deployment_strategy: blue-green"


def test_c16_a_migration_that_closes_the_service_and_zero_downtime() -> None:
    made = plan(Service(downtime=True), risk_tolerance="zero-downtime")
    assert [c.name for c in made.stopped_by] == ["downtime-with-zero-downtime"]
    assert plan(Service(downtime=True)).conflicts == ()


def test_r8_acceptance_is_recorded_with_reason_and_name() -> None:
    accept = {"big-bang-with-tenant-waves": Acceptance("one tenant so far", "ada")}
    made = plan(accept=accept, deployment_strategy="big-bang", stakeholder_complexity="multi-tenant")
    assert made.stopped_by == ()
    assert (made.conflicts[0].reason, made.conflicts[0].accepted_by) == ("one tenant so far", "ada")


@pytest.mark.parametrize(
    ("acceptance", "name", "words"),
    [
        (Acceptance("because", "ada"), "made-up", "no conflict is called 'made-up'; this plan has none"),
        (Acceptance(" ", "ada"), NAMES[0], "add a reason to accept it"),
        (Acceptance("x", "y", "pilotage.yaml:7"), "made-up", "pilotage.yaml:7: no conflict is called"),
    ],
)
def test_r8_an_acceptance_of_nothing_is_refused(acceptance: Acceptance, name: str, words: str) -> None:
    with pytest.raises(PlanRefused, match=words):
        plan(accept={name: acceptance})


def test_r8_the_file_may_accept_what_these_answers_do_not_have() -> None:
    assert plan(accept={NAMES[0]: Acceptance("x", "y", "pilotage.yaml:7")}).conflicts == ()
