"""A plan does not show as checked what nobody checks (rule 5): it names the checks that are skipped."""

from __future__ import annotations

from pilotage import Answers, Service, make_plan
from pilotage.model.step_ids import CHECK_KILL_SWITCH, OWN_CHECKS, PREPARE
from pilotage.rollout import checking


def notes(checks: frozenset[str] | None) -> str:
    answers = Answers("minor", "blue-green", "small", "weekly", "medium", "customer-facing")
    return " ".join(make_plan(answers, version="2.0", service=Service(checks=checks)).notes)


def test_checks_that_nobody_configured_are_named() -> None:
    found = notes(frozenset({"check-smoke"}))
    assert "same data and compatible schema on the preview (check-data)" in found
    assert "check-smoke" not in found
    assert "check-health" not in found, "Pilotage asks that itself"
    assert "skipped unless" not in notes(None), "without a configuration nobody knows"


def test_the_checks_that_pilotage_makes_itself_are_those_that_it_answers() -> None:
    assert OWN_CHECKS - {CHECK_KILL_SWITCH, PREPARE} == set(checking._ASKS)
