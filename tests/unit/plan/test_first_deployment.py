"""R2, R22: what the plan of a first deployment says: nothing of a comparison, of a wait, or of an earlier version."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from pilotage import PlanRefused, Service, make_plan
from pilotage.model.capabilities import Capabilities, RouterCapabilities
from pilotage.model.plan import Plan
from pilotage.plan.difference import difference
from pilotage.plan.headlines import headlines
from pilotage.render.sections import sections, summary
from tests.plans import answers, planned

STRATEGIES = ("canary", "blue-green", "rolling", "big-bang", "feature-toggle")
EVERYBODY = ("customer-facing", "enterprise", "multi-tenant")


def first(strategy: str = "canary", **inputs: Any) -> Plan:
    service = Service(name="shop", first=True, instances=4)
    return planned(service, deployment_strategy=strategy, stakeholder_complexity=EVERYBODY, **inputs)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_no_step_waits_and_no_word_speaks_of_another_version(strategy: str) -> None:
    plan = first(strategy)
    assert plan.watched == 0
    words = [word for step in plan.steps for word in (step.title, step.undo, *step.needs)]
    words += [*plan.rollback.steps, *plan.rollback.triggers, *(message.draft for message in plan.communication)]
    wrong = ("canary", "preview", "stable", "old ", "wave", "previous", "rolls back", "A rollback")
    assert not [line for line in words for word in wrong if word in line]
    assert plan.notes[0].startswith("first deployment: by the records here no version serves production yet")
    assert not plan.waves
    assert not plan.on_call


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_everyone_has_it_when_it_begins(strategy: str) -> None:
    """C19: so messages of the release are due then, and not hours later."""
    plan = first(strategy, release_date=date(2027, 3, 10), release_frequency="weekly")
    due = {message.id: message.due_at for message in plan.communication}
    assert due["status_page_start"] == due["status_page_done"]
    assert "rollback_notice" not in due
    assert "tenant_wave_start" not in due


def test_a_flag_can_still_take_it_back() -> None:
    assert first("feature-toggle").rollback.steps[0] == "turn the flag off for everyone"
    assert not first("canary").rollback.steps


def test_it_says_so_in_every_form() -> None:
    plan = first()
    shown = {
        section.id: " ".join((*section.sentences, *(" ".join(row) for row in section.rows)))
        for section in sections(plan)
    }
    assert "first deployment: all users get it at once" in summary(plan)
    assert "act from the next version on" in shown["settings"]
    assert "There is no earlier version: no step compares" in shown["steps"]
    assert "There is no earlier version: the rollout fails" in shown["rollback"]
    assert headlines(plan)["rollback within"] == "no earlier version"
    assert Plan.from_json(plan.to_json()) == plan


def test_an_environment_that_could_not_execute_the_next_release_refuses_the_first_one() -> None:
    """Otherwise a team would learn it with the second version."""
    target = Capabilities(router=RouterCapabilities(grain=1000))
    with pytest.raises(PlanRefused, match="the environment cannot execute this plan"):
        make_plan(answers(), version="1.0.0", service=Service(first=True), target=target)


def test_a_comparison_with_the_plan_of_an_update_shows_what_is_left_out() -> None:
    update, initial = planned(Service()), planned(Service(first=True))
    assert update.hash != initial.hash
    changes = {(one.part, one.what): one.after for one in difference(initial, update)}
    assert changes["inputs", "first deployment"] == "no"
    assert ("steps", "analyse at 25% for 12h") in changes or any(part == "steps" for part, _ in changes)
