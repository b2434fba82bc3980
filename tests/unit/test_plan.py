"""The plan: tables of the requirements row by row, one text for one plan, overrides traced to their lines."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotage import Answers, Calendar, Plan, Service, make_plan
from pilotage.model.answers import (
    DeploymentStrategy,
    ReleaseFrequency,
    ReleaseType,
    RiskTolerance,
    Stakeholder,
    TeamSize,
)
from pilotage.model.plan import StepKind
from pilotage.plan.making import PlanRefused
from pilotage.plan.markdown import to_markdown
from pilotage.plan.numbers import PATHS, ROWS, BadOverride, Override, read_value, show_value

H = 3600.0


def answers(**changes: str) -> Answers:
    given = {
        "release_type": "minor",
        "deployment_strategy": "canary",
        "team_size": "medium",
        "release_frequency": "weekly",
        "risk_tolerance": "medium",
        "stakeholders": "customer-facing",
    }
    return Answers(**{**given, **changes})


def plan(service: Service | None = None, **changes: str) -> Plan:
    return make_plan(answers(**changes), version="2.4.0", service=service)


@pytest.mark.parametrize(
    ("requirement", "tolerance", "path", "value"),
    [
        ("R13", "low", "canary.phase_duration", 24 * H),
        ("R13", "medium", "canary.phase_duration", 4 * H),
        ("R13", "high", "canary.phase_duration", 1 * H),
        ("R13 C3", "zero-downtime", "canary.phase_duration", 24 * H),
        ("R13", "medium", "canary.weights", (50, 250, 500, 1000)),
        ("R13", "medium", "advance.error_rate", 0.001),
        ("R13", "medium", "advance.p95", 0.5),
        ("R13", "medium", "rollback.deadline", 120.0),
        ("R18", "low", "limits.error_rate", 0.01),
        ("R18", "medium", "limits.error_rate", 0.05),
        ("R18", "high", "limits.error_rate", 0.10),
        ("R18", "zero-downtime", "limits.error_rate", 0.001),
        ("R18", "low", "limits.latency_factor", 1.2),
        ("R18", "medium", "limits.latency_factor", 1.5),
        ("R18", "high", "limits.latency_factor", 2.0),
        ("R18", "zero-downtime", "limits.latency_factor", 1.05),
        ("R18", "low", "limits.rollback_auto", True),
        ("R18", "medium", "limits.rollback_auto", False),
        ("R18", "high", "limits.rollback_auto", False),
        ("R18", "zero-downtime", "limits.rollback_auto", True),
    ],
)
def test_numbers_are_those_of_the_requirement(requirement: str, tolerance: str, path: str, value: object) -> None:
    setting = plan(risk_tolerance=tolerance).setting(path)
    assert setting.value == value
    assert requirement.split()[0] in setting.source


def test_r13_r22_every_weight_is_scaled_for_set_read_back_and_watched_and_the_last_one_baked() -> None:
    made = plan(Service(instances=4))
    kinds = [(step.kind, step.weight, step.instances) for step in made.steps]
    assert kinds == [
        (StepKind.SCALE, 0, 1),
        (StepKind.SET_WEIGHT, 50, 1),
        (StepKind.ANALYSE, 50, 1),
        (StepKind.SCALE, 50, 1),
        (StepKind.SET_WEIGHT, 250, 1),
        (StepKind.ANALYSE, 250, 1),
        (StepKind.SCALE, 250, 2),
        (StepKind.SET_WEIGHT, 500, 2),
        (StepKind.ANALYSE, 500, 2),
        (StepKind.SCALE, 500, 4),
        (StepKind.SET_WEIGHT, 1000, 4),
        (StepKind.BAKE, 1000, 4),
        (StepKind.DRAIN, 1000, 4),
        (StepKind.RETIRE, 1000, 4),
    ]
    assert all(step.undo and step.deadline > 0 for step in made.steps)


def test_r2_every_canary_combination_has_a_complete_plan_with_an_identity_of_its_own() -> None:
    hashes = set()
    combinations = list(itertools.product(ReleaseType, TeamSize, ReleaseFrequency, RiskTolerance, Stakeholder))
    for kind, team, frequency, tolerance, stakeholder in combinations:
        made = make_plan(Answers(kind, "canary", team, frequency, tolerance, stakeholder), version="1")
        assert made.steps[-1].kind is StepKind.RETIRE
        assert {setting.path for setting in made.settings} == set(PATHS)
        assert made.rollback.moves
        assert made.rollback.triggers
        hashes.add(made.hash)
    assert len(hashes) == len(combinations)


def test_r2_a_plan_survives_its_own_json_and_keeps_its_hash() -> None:
    made = plan(Service(instances=3))
    again = Plan.from_dict(json.loads(made.to_json()))
    assert again == made
    assert again.hash == made.hash


def test_r2_another_process_makes_the_same_bytes() -> None:
    program = (
        "from pilotage import *; print(make_plan(Answers('minor','canary','medium','weekly','medium',"
        "['enterprise','customer-facing']), version='2.4.0').hash)"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "7"}
    )
    named_otherwise = Answers("minor", "canary", "medium", "weekly", "medium", ["customer-facing", "enterprise"])
    assert said.stdout.strip() == make_plan(named_otherwise, version="2.4.0").hash


def test_an_override_takes_the_place_of_a_number_and_names_its_line() -> None:
    service = Service(overrides={"canary.phase_duration": Override("30m", "pilotage.yaml:31")})
    setting = plan(service).setting("canary.phase_duration")
    assert (setting.value, setting.source) == (1800.0, "pilotage.yaml:31")
    assert "without the override 4h" in setting.why
    assert any(step.duration == 1800 for step in plan(service).steps)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("canary.phase_durations", "30m", "did you mean canary.phase_duration?"),
        ("canary.phase_duration", "soon", "'soon' is not a duration such as"),
        ("canary.weights", ["5%", "50%"], "does not end at 100%"),
        ("canary.weights", ["50%", "5%", "100%"], "does not rise"),
        ("limits.error_rate", "101%", "is not between 0% and 100%"),
        ("limits.latency_factor", 0.5, "is not a number of at least 1"),
        ("canary.min_requests", -1, "is not a whole number"),
        ("limits.rollback_auto", "yes", "is not true or false"),
        ("hold.then", "promote", "is not rollback or pause"),
        ("canary.tester_header", "x y", "is not a header's name"),
    ],
)
def test_a_wrong_override_says_where_and_what_would_be_right(path: str, value: object, words: str) -> None:
    with pytest.raises(BadOverride, match=r"^pilotage\.yaml:9: ") as error:
        plan(Service(overrides={path: Override(value, "pilotage.yaml:9")}))
    assert words in str(error.value)


def test_an_approval_stands_before_each_weight_when_asked_for() -> None:
    service = Service(overrides={"canary.approval": Override(True, "here")})
    kinds = [step.kind for step in plan(service).steps]
    assert kinds.count(StepKind.GATE) == 4
    assert kinds[:3] == [StepKind.GATE, StepKind.SCALE, StepKind.SET_WEIGHT]


@pytest.mark.parametrize("strategy", [s for s in DeploymentStrategy if s is not DeploymentStrategy.CANARY])
def test_what_cannot_be_planned_is_refused_by_name(strategy: DeploymentStrategy) -> None:
    with pytest.raises(PlanRefused, match=f"deployment_strategy {strategy} cannot be planned"):
        plan(deployment_strategy=strategy)


def test_c14_a_release_on_a_free_or_frozen_day_moves_earlier_and_says_so() -> None:
    saturday = date(2026, 11, 28)
    calendar = Calendar(frozen=frozenset({date(2026, 11, 27)}))
    made = make_plan(answers(), version="1", release_date=saturday, calendar=calendar)
    assert made.release_date == "2026-11-26"
    assert "moved earlier" in made.notes[0]


@given(st.sampled_from([row for row in ROWS if row.unit not in ("name",)]), st.sampled_from(RiskTolerance))
def test_every_default_is_shown_as_it_could_be_written(row: object, tolerance: RiskTolerance) -> None:
    from pilotage.plan.numbers import Row

    assert isinstance(row, Row)
    shown = show_value(row.unit, row.value(tolerance))
    written: object = {"yes": True, "no": False}.get(shown, shown)
    if row.unit == "per mille":
        written = shown.split(" → ")
    elif row.unit == "factor":
        written = float(shown.rstrip("×"))
    elif row.unit == "count":
        written = int(shown)
    assert read_value(row.unit, written) == row.value(tolerance)


def test_r3_markdown_names_every_step_number_and_trigger() -> None:
    made = plan(Service(name="shop", instances=4))
    text = to_markdown(made)
    assert all(step.title in text for step in made.steps)
    assert all(f"`{setting.path}`" in text for setting in made.settings)
    assert all(trigger in text for trigger in made.rollback.triggers)
    assert made.hash[:12] in text


@pytest.mark.parametrize("field", ["release_type", "team_size", "risk_tolerance", "stakeholders"])
def test_r1_an_answer_outside_its_list_is_an_error(field: str) -> None:
    with pytest.raises(ValueError, match="enormous"):
        answers(**{field: "enormous"})


def test_r1_stakeholders_may_be_several_but_not_none() -> None:
    with pytest.raises(ValueError, match="stakeholders"):
        Answers("minor", "canary", "small", "weekly", "low", [])
