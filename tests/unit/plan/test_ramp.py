"""`canary.weights: auto` and `canary.holdback` in a plan (R13, C22), and what the plan says of users hurt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from pilotage import Answers, Plan, Service, Traffic, make_plan
from pilotage.model.answers import DeploymentStrategy, RiskTolerance
from pilotage.model.plan import Step, StepKind
from pilotage.model.risk import Assessment, RiskLevel, Standing
from pilotage.plan.numbers import BadOverride, Override
from pilotage.plan.reasons import why

BUSY = Traffic(500, 0.001)
AUTO = {"canary.weights": "auto"}


def plan(
    overrides: Mapping[str, object] | None = None,
    traffic: Traffic | None = BUSY,
    risk: Assessment | None = None,
    **changes: Any,
) -> Plan:
    usual = Answers("minor", "canary", "medium", "weekly", "medium", ["customer-facing"])
    written = {path: Override(value, "pilotage.yaml:31") for path, value in (overrides or {}).items()}
    service = Service(instances=8, overrides=written, traffic=traffic)
    return make_plan(replace(usual, **changes), version="2.4.0", service=service, risk=risk)


def watches(made: Plan) -> list[Step]:
    return [step for step in made.steps if step.kind in (StepKind.ANALYSE, StepKind.BAKE)]


def weights(made: Plan) -> object:
    return made.setting("canary.weights").value


def test_r13_auto_doubles_the_weight_in_short_steps_holds_a_quarter_and_bakes() -> None:
    made = plan(AUTO)
    found = watches(made)
    assert [step.weight for step in found] == [1, 2, 4, 8, 16, 32, 64, 128, 250, 1000]
    assert [step.duration for step in found[:8]] == [60] * 8
    assert [step.ramp for step in found] == [True] * 8 + [False] * 2
    assert sum(step.duration for step in found[:-1]) == made.number("canary.phase_duration")
    assert found[-1].kind is StepKind.BAKE
    assert made.number("canary.ramp") == 1
    assert [step.instances for step in found] == [1, 1, 1, 1, 1, 1, 1, 2, 2, 8]


def test_a_plan_with_a_ramp_survives_its_own_json() -> None:
    made = plan(AUTO)
    again = Plan.from_json(made.to_json())
    assert (again, again.hash) == (made, made.hash)
    assert [step.ramp for step in again.steps] == [step.ramp for step in made.steps]


def test_only_the_steps_of_a_ramp_ask_for_less() -> None:
    assert not any(step.ramp for strategy in DeploymentStrategy for step in plan(deployment_strategy=strategy).steps)
    raised = {step.id: step.needs for step in plan(AUTO).steps if step.kind is StepKind.SET_WEIGHT}
    assert raised["weight-0.2%"][-1] == raised["weight-25%"][-1] == "evidence of harm below 20 to 1"
    assert "or not worse than stable" in raised["weight-100%"][-1]


def test_the_plan_says_what_the_weights_are_made_of_and_whom_they_hurt() -> None:
    made = plan(AUTO)
    said, hurt = made.notes[:2]
    assert said.startswith(
        "canary.weights: auto starts at 0.1%: at 500 requests per second, a total outage would cost "
    )
    assert "in the 13s before the rollback (interval 1s, analysis 1s, switch 1s, drain 10s)" in said
    assert "the weight doubles every 1m up to 25%; it stays at 25% for 3h52m" in said
    assert hurt == "expected users affected by a bad release: 31 (fixed steps: 61)"
    reason = why(made, "canary.weights")
    assert reason.because[0] == "overridden in pilotage.yaml:31"
    assert hurt in reason.because[1]


def test_where_a_ramp_hurts_more_the_plan_says_so() -> None:
    """An hour is too short to know of twice as many errors at 100 requests a second, and fixed steps take three."""
    hurt = plan(AUTO, Traffic(100, 0.001), risk_tolerance=RiskTolerance.HIGH).notes[1]
    assert hurt.endswith("; fixed steps affect fewer: remove auto, or lengthen canary.phase_duration")


def test_fixed_steps_say_the_same_the_other_way_round() -> None:
    made = plan()
    assert weights(made) == (5, 25, 50, 100)
    assert made.notes[0] == "expected users affected by a bad release: 61 (canary.weights: auto: 31)"
    assert made.notes[0] in why(made, "canary.weights").because[1]


@pytest.mark.parametrize(
    ("traffic", "words"),
    [
        (
            Traffic(99, 0.001),
            "at 99 requests per second (below 100), short steps at smaller weights yield too little",
        ),
        (None, "it needs the environment's traffic"),
    ],
)
def test_where_auto_cannot_be_worked_out_fixed_steps_stay_and_the_plan_says_why(
    traffic: Traffic | None, words: str
) -> None:
    made = plan(AUTO, traffic)
    assert weights(made) == (5, 25, 50, 100)
    assert made.notes[0].startswith(f"canary.weights: auto keeps the fixed steps: {words}")
    assert made.number("canary.ramp") == 0
    assert any(words in sentence for sentence in why(made, "canary.ramp").because)
    assert made.steps == plan(None, traffic).steps


def test_without_traffic_a_plan_says_nothing_of_users_hurt() -> None:
    assert not any("users hurt" in note for note in plan(traffic=None).notes)
    assert not any("users hurt" in note for note in plan(deployment_strategy=DeploymentStrategy.ROLLING).notes)


@pytest.mark.parametrize(
    ("tolerance", "level", "first"),
    [
        (RiskTolerance.HIGH, None, 7),
        (RiskTolerance.MEDIUM, None, 7),
        (RiskTolerance.MEDIUM, RiskLevel.LOW, 7),
        (RiskTolerance.MEDIUM, RiskLevel.MEDIUM, 7),
        (RiskTolerance.LOW, None, 3),
        (RiskTolerance.MEDIUM, RiskLevel.HIGH, 3),
        (RiskTolerance.ZERO_DOWNTIME, None, 1),
        (RiskTolerance.MEDIUM, RiskLevel.CRITICAL, 1),
        (RiskTolerance.LOW, RiskLevel.HIGH, 1),
    ],
)
def test_r17_r18_less_tolerance_and_more_risk_begin_smaller(
    tolerance: RiskTolerance, level: RiskLevel | None, first: int
) -> None:
    """Ten errors in 13 s at 100 requests a second are 0.7 %; half of it for each of the two that is careful."""
    risk = assessed(level, 0.5) if level else None
    made = plan(AUTO, Traffic(100, 0.001), risk, risk_tolerance=tolerance)
    assert watches(made)[0].weight == first


def assessed(level: RiskLevel, percent: float, standing: Standing | None = None) -> Assessment:
    return Assessment(
        "A..B", 7, percent, level, (), (), (), DeploymentStrategy.CANARY, (), "", "", standing=standing,
        horizon_days=30,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("level", "percent", "first"),
    [
        (RiskLevel.LOW, 29, 7),
        (RiskLevel.LOW, 100, 7),  # whatever the probability: a low risk is not slowed
        (RiskLevel.MEDIUM, 30, 7),
        (RiskLevel.MEDIUM, 40, 5),  # 7.5 errors
        (RiskLevel.MEDIUM, 60, 3),  # 5 errors
        (RiskLevel.HIGH, 75, 3),  # 4 errors
        (RiskLevel.HIGH, 100, 2),  # 3 errors
        (RiskLevel.CRITICAL, 5, 1),  # 2.5 errors, because of what was found
    ],
)
def test_r17_the_first_weight_follows_the_probability(level: RiskLevel, percent: float, first: int) -> None:
    """Ten errors are 0.7 %. Above 30 %, the errors that are risked times the probability stay the same."""
    made = plan(AUTO, Traffic(100, 0.001), assessed(level, percent))
    found = watches(made)
    assert found[0].weight == first
    assert sum(step.duration for step in found[:-1]) == made.number("canary.phase_duration"), "no longer than usual"


def test_r17_the_plan_says_why_it_begins_smaller() -> None:
    risk = assessed(RiskLevel.HIGH, 82, Standing(10, 9))
    made = plan(AUTO, Traffic(100, 0.001), risk)
    (why_smaller,) = (one for one in made.notes if one.startswith("canary.weights"))
    assert why_smaller.startswith(
        "canary.weights: auto starts at 0.2% instead of 0.7%, because of the high risk (82% probability that at least "
        "one of 7 changes will need a fix within 30 days; riskier than 9 of the last 10 releases): at 100 requests "
    )
    assert "riskier than 9 of the last 10 releases" in " ".join(why(made, "canary.weights").because)
    assert made.hash == plan(AUTO, Traffic(100, 0.001), risk).hash
    assert not any("instead of" in one for one in plan(AUTO, Traffic(100, 0.001), assessed(RiskLevel.LOW, 5)).notes)
    # On a busy service the usual first weight is the smallest that there is.
    assert not any("instead of" in one for one in plan(AUTO, Traffic(5000, 0.001), risk).notes)


def test_r17_fixed_weights_are_never_changed() -> None:
    risk = assessed(RiskLevel.HIGH, 82)
    assert weights(plan(None, Traffic(50, 0.001), risk)) == (5, 25, 50, 100)
    assert weights(plan({"canary.weights": ["10%", "100%"]}, BUSY, risk)) == (10, 100)


@pytest.mark.parametrize(
    ("level", "rate", "expected"),
    [
        (RiskLevel.HIGH, 50, (1, 5, 25, 50, 100)),
        (RiskLevel.CRITICAL, 50, (1, 5, 25, 50, 100)),
        (RiskLevel.MEDIUM, 50, (5, 25, 50, 100)),
        (RiskLevel.LOW, 50, (5, 25, 50, 100)),
        # 200 requests, twice analysis.min_requests, in 4 h: 1.4 a second at 1 %, 0.7 at 2 %.
        (RiskLevel.HIGH, 1, (2, 5, 25, 50, 100)),
        (RiskLevel.HIGH, 0.5, (5, 25, 50, 100)),
        (RiskLevel.HIGH, None, (5, 25, 50, 100)),
    ],
)
def test_r17_with_little_traffic_an_unusual_risk_is_worth_one_step_more(
    level: RiskLevel, rate: float | None, expected: tuple[int, ...]
) -> None:
    traffic = None if rate is None else Traffic(rate, 0.001)
    risk = assessed(level, 80, Standing(10, 9))
    made = plan(AUTO, traffic, risk)
    assert weights(made) == expected
    said = f"first weight {expected[0]}% for 4h instead of 5%, which comes one step later: {level} risk (80% prob"
    assert any(note.startswith(said) for note in made.notes) is (len(expected) == 5)
    if len(expected) == 5:
        hotfix = plan(AUTO, traffic, risk, release_type="hotfix")
        assert weights(hotfix) == (5, 25, 50, 100), "a hotfix is not slowed"


def test_harm_that_no_metric_shows_lengthens_the_reaction_time() -> None:
    seen = plan(AUTO, Traffic(100, 0.001))
    unseen = plan({**AUTO, "canary.detection_time": "2m"}, Traffic(100, 0.001))
    assert (watches(seen)[0].weight, watches(unseen)[0].weight) == (7, 1)
    assert "in the 2m before the rollback (canary.detection_time)" in unseen.notes[0]
    shorter = plan({**AUTO, "canary.detection_time": "2s"}, Traffic(100, 0.001))
    assert weights(shorter) == weights(seen), "a plan cannot claim to be faster than it is"


def test_a_ramp_is_approved_once_and_everyone_once_more() -> None:
    gates = [step.title for step in plan({**AUTO, "canary.require_approval": True}).steps if step.kind is StepKind.GATE]
    assert gates == [
        "approval to send 0.1% and to double it up to 25%",
        "approval to send 25%",
        "approval to send 100%",
    ]


def test_auto_is_asked_for_by_the_weights_alone() -> None:
    with pytest.raises(BadOverride, match=r"^pilotage\.yaml:31: canary\.ramp cannot be set by itself; write canary"):
        plan({"canary.ramp": True})
    with pytest.raises(BadOverride, match="'automatic' is not a list of shares"):
        plan({"canary.weights": "automatic"})


# ── A share kept on stable ─────────────────────────────────────────────────────────────────────────────────────


def test_c22_a_holdback_stays_on_stable_through_the_bake_and_follows_after_it() -> None:
    made = plan({"canary.holdback": "5%"}, None)
    assert [(step.kind, step.weight, step.instances) for step in made.steps][-7:] == [
        (StepKind.SCALE, 500, 8),
        (StepKind.SET_WEIGHT, 950, 8),
        (StepKind.BAKE, 950, 8),
        (StepKind.SCALE, 950, 8),
        (StepKind.SET_WEIGHT, 1000, 8),
        (StepKind.DRAIN, 1000, 8),
        (StepKind.RETIRE, 1000, 8),
    ]
    assert "canary.holdback" in [d.setting for step in made.steps if step.id == "weight-95%" for d in step.derived]
    assert not any("no comparison side by side" in trigger for trigger in made.rollback.triggers)


def test_with_auto_the_holdback_ends_the_ramp() -> None:
    assert [step.weight for step in watches(plan({**AUTO, "canary.holdback": "10%"}))][-2:] == [250, 900]


@pytest.mark.parametrize(
    ("holdback", "words"),
    [
        ("50%", "50% leaves the canary at most 50%, and canary.weights reaches 50% before 100%"),
        ("60%", "Use less than 50%, or remove the higher weights"),
        ("0.01%", "the smallest share above 0% is 0.1%"),
    ],
)
def test_a_holdback_that_leaves_no_room_for_the_weights_is_refused(holdback: str, words: str) -> None:
    with pytest.raises(BadOverride, match=r"^pilotage\.yaml:31: canary\.holdback: ") as refused:
        plan({"canary.holdback": holdback}, None)
    assert words in str(refused.value)
    if holdback == "60%":
        assert watches(plan({**AUTO, "canary.holdback": holdback}))[-1].weight == 400


def test_r4_a_hotfix_that_its_holdback_makes_too_long_is_told_which_number_to_change() -> None:
    overrides: dict[str, object] = {"canary.holdback": "5%", "canary.phase_duration": "1m"}
    made = plan(overrides, None, release_type="hotfix", risk_tolerance=RiskTolerance.LOW)
    (found,) = [c for c in made.conflicts if c.name == "hotfix-outlasts-its-day"]
    assert found.relaxation == "canary.holdback: 0%"
