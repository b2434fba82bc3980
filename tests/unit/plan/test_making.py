"""Making a plan: one text for one plan, overrides traced to their lines, wrong input refused."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotage import Answers, Plan, Service, make_plan
from pilotage.model.answers import RiskTolerance
from pilotage.model.canonical import canonical_json
from pilotage.model.plan import StepKind, Unit
from pilotage.plan.making import PlanRefused
from pilotage.plan.numbers import BadOverride, Override
from pilotage.plan.rows import ROWS, Row
from pilotage.plan.values import read_value, show_value
from tests import plans

answers = partial(plans.answers, release_frequency="weekly", stakeholder_complexity="customer-facing")
plan = partial(plans.planned, release_frequency="weekly", stakeholder_complexity="customer-facing")


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
    assert all(step.undo and step.timeout > 0 for step in made.steps)


def test_r2_a_plan_survives_its_own_json_and_keeps_its_hash() -> None:
    made = plan(Service(instances=3))
    again = Plan.from_dict(json.loads(made.to_json()))
    assert again == made
    assert again.hash == made.hash
    assert Plan.from_dict(made.to_dict()) == made
    assert made.to_json() == canonical_json(made.to_dict())


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ({"format": 1}, "not a plan of format 9"),
        ({"steps": "many"}, "not a plan"),
        ({"surprise": 1}, "keys or values that this version does not know"),
        ({"answers": {"release_type": "minor"}}, "not a plan"),
    ],
)
def test_what_is_no_plan_is_refused(damage: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Plan.from_dict({**plan().to_dict(), **damage})


def test_r3_the_published_schema_accepts_every_plan_and_nothing_else() -> None:
    import jsonschema

    schema = Plan.json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(plan().to_dict(), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**plan().to_dict(), "steps": [{"id": 3}]}, schema)


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
        ("canary.weights", [1, 100], "has numbers without %: write [1%, 100%]"),
        ("canary.weights", [5, "25%", "100%"], "write [5%, 25%, 100%]"),
        ("canary.weights", ["50%", "5%", "100%"], "does not rise"),
        ("rollback_triggers.error_rate", "101%", "is not between 0% and 100%"),
        ("rollback_triggers.response_time_factor", 0.5, "is not a number of at least 1"),
        ("analysis.min_requests", -1, "is not a whole number"),
        ("rollback_auto", "yes", "is not true or false"),
        ("hold.on_timeout", "promote", "is not rollback or pause"),
        ("canary.tester_header", "x y", "is not a header's name"),
        ("rollback_triggers.response_time_factor", float("inf"), "is not a number of at least 1"),
        ("rolling.batch_size", "many", "is not a number of instances such as 2"),
        ("rolling.batch_size", True, "is not a number of instances"),
        ("blue_green.bake_duration", "long", "'long' is not a duration"),
    ],
)
def test_a_wrong_override_says_where_and_what_would_be_right(path: str, value: object, words: str) -> None:
    with pytest.raises(BadOverride, match=r"^pilotage\.yaml:9: ") as error:
        plan(Service(overrides={path: Override(value, "pilotage.yaml:9")}))
    assert words in str(error.value)


def test_an_approval_stands_before_each_weight_when_asked_for() -> None:
    service = Service(overrides={"canary.require_approval": Override(True, "here")})
    kinds = [step.kind for step in plan(service).steps]
    assert kinds.count(StepKind.GATE) == 4
    assert kinds[:3] == [StepKind.GATE, StepKind.SCALE, StepKind.SET_WEIGHT]


@given(st.sampled_from(ROWS), st.sampled_from(RiskTolerance))
def test_every_default_is_shown_as_it_could_be_written(row: object, tolerance: RiskTolerance) -> None:
    assert isinstance(row, Row)
    shown = show_value(row.unit, row.value(tolerance))
    written: object = {"true": True, "false": False}.get(shown, shown)
    if row.unit in (Unit.WEIGHTS, Unit.SEGMENTS):
        written = shown.split(" → ")
    elif row.unit is Unit.FACTOR:
        written = float(shown.rstrip("×"))
    elif row.unit is Unit.COUNT:
        written = int(shown)
    assert read_value(row.unit, written) == row.value(tolerance)


@pytest.mark.parametrize("field", ["release_type", "team_size", "risk_tolerance", "stakeholder_complexity"])
def test_r1_an_answer_outside_its_list_is_an_error(field: str) -> None:
    with pytest.raises(ValueError, match="enormous"):
        answers(**{field: "enormous"})


def test_r1_stakeholders_may_be_several_but_not_none() -> None:
    with pytest.raises(ValueError, match="stakeholder_complexity"):
        Answers("minor", "canary", "small", "weekly", "low", [])


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"version": ""}, "Name the version to release"),
        ({"version": " \n"}, "it is empty. Name the version to release"),
        ({"version": "v1\n2"}, r"'v1\\n2' is not usable as a version"),
        ({"version": " 1.0"}, "' 1.0' is not usable as a version"),
        ({"version": "-x"}, "'-x' is not usable as a version"),
        ({"version": "\u202e1.0"}, "is not usable as a version"),
        ({"version": "1" * 129}, "it has 129 characters; at most 128 are allowed"),
        ({"service": Service(instances=0)}, "must be at least 1, got 0"),
        ({"done": ["building"]}, "no phase is called 'building'; there are planning_phase, development_phase"),
        ({"done": ["testing_phase"]}, "testing_phase cannot be complete before planning_phase"),
    ],
)
def test_wrong_input_is_named_with_what_would_be_right(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(PlanRefused, match=words):
        make_plan(answers(), **{"version": "1", **wrong})


def test_every_wrong_override_is_named_at_once_with_line_and_column() -> None:
    overrides = {
        "canary.phase_duration": Override("10 m", "pilotage.yaml:9", 30),
        "canary.weigths": Override([1], "pilotage.yaml:10", 21),
        "hold.timeout": Override("1h", "pilotage.yaml:11", 21),
        "rollback_auto": Override("maybe", "pilotage.yaml:12", 22),
    }
    with pytest.raises(BadOverride) as error:
        plan(Service(overrides=overrides))
    first, *rest = str(error.value).splitlines()
    assert first == "3 overrides are wrong"
    assert [line.partition(": ")[0] for line in rest] == [
        "pilotage.yaml:9:30",
        "pilotage.yaml:10:21",
        "pilotage.yaml:12:22",
    ]
    assert "did you mean canary.weights?" in rest[1]
