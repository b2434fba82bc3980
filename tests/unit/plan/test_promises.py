"""Every promise of a plan is kept by code that exists, and shown by a test that exists (R2, R9, R12–R22)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from functools import cache, reduce
from importlib import import_module
from itertools import product
from pathlib import Path

import pytest

from pilotage import Answers, make_plan
from pilotage.model.answers import DeploymentStrategy, ReleaseFrequency, ReleaseType, RiskTolerance, TeamSize
from pilotage.model.plan import Plan
from pilotage.model.wave import WaveUndo
from pilotage.plan.frame import Service
from pilotage.plan.monitoring import health_of
from pilotage.plan.numbers import Override
from pilotage.plan.ramp import Traffic
from pilotage.plan.tenant_waves import WantedWave, WantedWaves
from tests.plans import planned
from tests.promises import PROMISES, Promise

STAKEHOLDERS = (["internal-only"], ["customer-facing", "enterprise", "multi-tenant"])
RAMPING = Service(
    instances=4,
    overrides={"canary.weights": Override("auto", "pilotage.yaml:20")},
    traffic=Traffic(requests_per_second=100, error_rate=0.001),
    measured=dict.fromkeys([*(metric.id for metric in health_of({})), "user_satisfaction"], "prometheus"),
    minds_alerts=True,
)
WAVES = WantedWaves(
    header="x-tenant", undo=WaveUndo.FAILED,
    waves=(
        WantedWave(name="one", members=("a",), bake=0), WantedWave(name="two", members=("b",)),
        WantedWave(name="rest", rest=True),
    ),
)  # fmt: skip
TESTS = Path(__file__).parents[2]


def strings(plan: Plan) -> Iterator[tuple[str, str]]:
    """Part and string of each promise of a plan."""
    for step in plan.steps:
        yield from (("needs", one) for one in step.needs)
        yield from (("judged", one) for one in step.judged)
        yield from (("activity of a step", one) for one in step.activities)
        yield "way back", step.undo
    yield from (("way back", one) for one in plan.rollback.steps)
    yield from (("trigger", one) for one in plan.rollback.triggers)
    yield from (("afterwards", one) for one in plan.rollback.next_steps)
    yield from (("readiness item", one.id) for one in plan.readiness)
    timeline = plan.timeline
    yield from (("afterwards", one) for one in (*timeline.afterwards, *timeline.on_failure))
    for phase in timeline.phases:
        yield from (("activity of a phase or milestone", one.id) for one in phase.activities)
        yield from (("activity of a phase or milestone", one.title) for one in phase.milestones)
    for stage in timeline.stages:
        if stage.estimate is None:
            continue  # the plan names it as the work of the team's own pipeline
        yield from (("activity of a stage", one) for one in stage.activities)
    for alert in plan.alerts:
        yield "alert and its action", f"{alert.id} {alert.action}"
        yield from (("alert and its action", channel) for channel in alert.channels)
    yield from (("channel of a message", message.channel) for message in plan.communication)
    yield from (("moment of a message", str(message.lead)) for message in plan.communication)
    yield from (("duty on call", wave.duty) for wave in plan.on_call)
    look_back = plan.retrospective
    yield "look back", look_back.after_rollback
    yield from (("look back", one) for one in look_back.follow_up)
    yield from (("figure of a retrospective", target.title) for target in look_back.targets)
    yield from (("fact", one) for one in (plan.facts.impact, plan.facts.planning))


@cache
def every_string() -> dict[str, dict[str, str]]:
    """Part → string → the plan that has it, over plans of every kind of answer."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    of_waves = planned(Service(waves=WAVES))
    for part, text in strings(of_waves):
        found[part].setdefault(text, "a plan with waves")
    for kind, strategy, size, frequency, tolerance in product(
        ReleaseType, DeploymentStrategy, (TeamSize.SMALL, TeamSize.LARGE), ReleaseFrequency, RiskTolerance
    ):
        for stakeholders in STAKEHOLDERS:
            answers = Answers(kind, strategy, size, frequency, tolerance, stakeholders)
            plan = make_plan(
                answers,
                version="2.0",
                release_date=date(2027, 9, 1),
                today=date(2026, 11, 25),
                service=RAMPING
                if (strategy, size) == (DeploymentStrategy.CANARY, TeamSize.LARGE)
                else Service(instances=4),
            )
            for part, text in strings(plan):
                found[part].setdefault(text, f"{kind}, {strategy}, {frequency}, {tolerance}, {stakeholders}")
    return found


def test_every_promise_of_a_plan_has_code_that_keeps_it() -> None:
    unkept = [
        f"{part}: {text!r} ({plan})"
        for part, texts in every_string().items()
        for text, plan in texts.items()
        if not any(one.part == part and re.fullmatch(one.pattern, text) for one in PROMISES)
    ]
    assert unkept == []


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: f"{promise.part}: {promise.pattern[:60]}")
def test_the_code_and_the_test_of_a_promise_exist(promise: Promise) -> None:
    module, _, name = promise.keeper.partition(":")
    assert callable(reduce(getattr, name.split("."), import_module(f"pilotage.{module}"))), promise.keeper
    file, _, test = promise.proof.partition("::")
    assert re.search(rf"^(async )?def {re.escape(test)}\(", (TESTS / file).read_text(), re.M), promise.proof
    assert any(re.fullmatch(promise.pattern, text) for text in every_string()[promise.part]), "no plan promises it"
