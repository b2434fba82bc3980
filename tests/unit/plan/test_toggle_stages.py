"""R16: a feature toggle reaches segments of users before shares of all users, in the order that its stages say."""

from __future__ import annotations

import pytest

from pilotage import Service
from pilotage.model.capabilities import Capabilities, FlagsCapabilities
from pilotage.model.plan import Plan, StepKind
from pilotage.model.segment import Condition, Operator, Segment
from pilotage.plan.dates import PlanRefused
from pilotage.plan.numbers import BadOverride, wrong_value
from tests.plans import a_plan, overrides, planned

STAGES = ["internal", "beta", {"segment": "free-tier"}, "5%", "50%", "100%"]


def of(stages: object, **others: object) -> Plan:
    return a_plan({"feature_toggle.stages": stages, **others}, strategy="feature-toggle")


def test_r16_a_stage_for_each_segment_and_each_share_with_its_watch() -> None:
    found = [step for step in of(STAGES).steps if step.kind in (StepKind.FLAG_RAMP, StepKind.ANALYSE, StepKind.BAKE)]
    assert [step.id for step in found] == [
        "flag-internal", "analyse-internal", "flag-beta", "analyse-beta", "flag-free-tier", "analyse-free-tier",
        "flag-5%", "analyse-5%", "flag-50%", "analyse-50%", "flag-100%", "bake-100%",
    ]  # fmt: skip
    free = found[4]
    assert (free.title, free.audience, free.weight) == (
        "turn the flag on for free-tier users", "free-tier users", 0,
    )  # fmt: skip


def test_r2_the_stages_are_the_two_settings_that_can_also_be_written_one_by_one() -> None:
    plan = of(STAGES)
    assert plan.setting("feature_toggle.segments").value == ("internal", "beta", "free-tier")
    assert plan.setting("feature_toggle.percentages").value == (5, 50, 100)
    one_by_one = {
        "feature_toggle.segments": ["internal", "beta", "free-tier"], "feature_toggle.percentages": STAGES[3:],
    }  # fmt: skip
    assert a_plan(one_by_one, strategy="feature-toggle").hash == plan.hash


def test_r16_without_stages_internal_and_beta_users_come_first_and_none_is_possible() -> None:
    assert a_plan(strategy="feature-toggle").setting("feature_toggle.segments").value == ("internal", "beta")
    shares = [step.id for step in of(["5%", "100%"]).steps if step.kind is StepKind.FLAG_RAMP]
    assert shares == ["flag-5%", "flag-100%"]


@pytest.mark.parametrize(
    ("stages", "why"),
    [
        (["beta", "5%", "internal", "100%"], "the segment internal comes after 5%: name segments before shares"),
        ([{"segment": "beta"}, "beta", "100%"], "the segment beta is named twice: name it once"),
        (["internal", "beta"], "the stages end at a segment, and a release reaches everyone: end them at 100%"),
        (["internal", "5%", "50%"], "['5%', '50%'] does not end at 100%"),
        (["internal", "50%", "5%", "100%"], "does not rise at every step"),
        (["Free tier", "100%"], "'Free tier' is not a segment: write its name, such as beta"),
        ([{"tier": "free"}, "100%"], "is not a segment: write its name"),
        ("internal", "'internal' is not a list of stages such as [internal, beta, 5%, 50%, 100%]"),
    ],
)
def test_stages_that_cannot_be_are_refused_in_one_sentence(stages: object, why: str) -> None:
    with pytest.raises(BadOverride) as refused:
        of(stages)
    assert str(refused.value).startswith("test: feature_toggle.stages: ")
    assert why in str(refused.value)
    assert why in wrong_value("feature_toggle.stages", stages)


def test_stages_and_one_of_their_parts_contradict_each_other() -> None:
    with pytest.raises(BadOverride, match=r"feature_toggle\.stages sets feature_toggle\.percentages, too: write one"):
        of(STAGES, **{"feature_toggle.percentages": ["100%"]})


FREE = {"free-tier": Segment(conditions=(Condition(attribute="tier", operator=Operator.IN, values=("free",)),))}


def test_r16_a_segment_that_the_environments_flag_does_not_have_is_named_with_its_line() -> None:
    stages = {"feature_toggle.stages": ["internal", "free-teir", "100%"]}
    with pytest.raises(PlanRefused) as refused:
        a_plan(stages, strategy="feature-toggle", service=Service(segments=FREE))
    assert str(refused.value) == (
        "test: the flag of production has no segment free-teir under flag.segments: did you mean free-tier?"
    )
    with pytest.raises(PlanRefused, match=r"no segment free-teir .* add it, such as free-teir: \{attribute: tier"):
        a_plan(stages, strategy="feature-toggle", service=Service(segments={}))
    a_plan({"feature_toggle.stages": STAGES}, strategy="feature-toggle", service=Service(segments=FREE))


def test_r16_a_rule_that_the_provider_cannot_write_is_refused_with_what_would_do() -> None:
    def refusal(can: FlagsCapabilities) -> str:
        service = Service(segments=FREE, overrides=overrides({"feature_toggle.stages": STAGES}))
        with pytest.raises(PlanRefused) as refused:
            planned(
                service, deployment_strategy="feature-toggle", target=Capabilities(flags=can, flags_name="own")
            )  # fmt: skip
        return str(refused.value).removeprefix("the environment cannot execute this plan. ")

    some = FlagsCapabilities(operators=(Operator.STARTS_WITH, Operator.CONTAINS))
    assert refusal(some) == (
        "flag-free-tier: flag provider own cannot compare tier by in: use one of starts-with, contains, or a provider "
        "with it, such as flagd"
    )
    assert "take the segment out of the stages, or a provider" in refusal(FlagsCapabilities(operators=()))


def test_a_name_that_is_close_is_suggested() -> None:
    with pytest.raises(BadOverride, match=r"did you mean feature_toggle\.stages\?"):
        a_plan({"feature_toggle.stage": STAGES}, strategy="feature-toggle")
