"""`plan diff`, `--why`, `retarget`: what changes for whom, and why a value is what it is."""

from __future__ import annotations

from datetime import date
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilotage import Calendar, Plan, Service
from pilotage.model.answers import (
    DeploymentStrategy,
    ReleaseFrequency,
    ReleaseType,
    RiskTolerance,
    Stakeholder,
    TeamSize,
)
from pilotage.model.plan_change import PlanChange
from pilotage.plan.difference import by_part, difference, told_again
from pilotage.plan.numbers import Override
from pilotage.plan.reasons import NoSuchPath, why
from tests.plans import planned

plan = partial(planned, stakeholder_complexity="customer-facing", calendar=Calendar("Europe/Berlin"))


def found(changes: tuple[PlanChange, ...], part: str, what: str) -> PlanChange:
    return next(change for change in changes if (change.part, change.what) == (part, what))


def test_r3_the_same_plan_has_no_difference() -> None:
    assert difference(plan(), plan()) == ()


def test_r3_a_lower_tolerance_changes_numbers_steps_readiness_and_alerts_and_says_because_of_what() -> None:
    changes = difference(plan(), plan(risk_tolerance="low"))
    assert changes[0] == PlanChange("inputs", "risk_tolerance", "medium", "low", "everyone", "given")
    duration = found(changes, "settings", "canary.phase_duration")
    assert (duration.before, duration.after, duration.reason) == ("4h", "1d", "risk_tolerance: low")
    step = found(changes, "steps", "analyse at 5% for 1d")
    assert (step.before, step.after, step.whom) == (
        "5% on 1 instance for 4h, timeout 4h15m", "5% on 1 instance for 1d, timeout 1d5m", "users",
    )  # fmt: skip
    assert "canary.phase_duration: risk_tolerance: low" in step.reason
    coverage = found(changes, "readiness", "Unit test coverage")
    assert (coverage.before[:6], coverage.after[:6], coverage.whom) == ("≥ 80 %", "≥ 90 %", "engineering lead")
    approval = found(changes, "readiness", "Approval to go to production")
    assert (approval.before, approval.reason) == ("–", "risk_tolerance: low")
    alert = found(changes, "alerts", "High Error Rate")
    assert (alert.before, alert.after) == ("> 5%, critical", "> 1%, critical")
    assert found(changes, "alerts", "Low Success Rate").after == "–"
    assert "at once" in found(changes, "rollback", "triggers").after


def test_r3_another_audience_adds_messages_for_it() -> None:
    changes = difference(plan(), plan(stakeholder_complexity=["customer-facing", "enterprise"]))
    briefing = found(changes, "communication", "Executive briefing")
    assert (briefing.before, briefing.whom) == ("–", "executives")
    assert briefing.after == "48 hours before the start of the rollout"
    assert briefing.reason == "stakeholder_complexity: customer-facing, enterprise"
    assert set(by_part(changes)) == {"inputs", "readiness", "communication", "settings", "steps"}
    assert [change.what for change in changes if change.part == "steps"] == ["approval to go to production"], "C17"


def test_r3_an_override_names_its_line_as_the_reason() -> None:
    service = Service(overrides={"canary.phase_duration": Override("30m", "pilotage.yaml:31")})
    changes = difference(plan(), plan(service))
    assert found(changes, "settings", "canary.phase_duration").reason == "pilotage.yaml:31"


def test_r3_another_strategy_changes_steps_rollback_and_timeline() -> None:
    changes = difference(plan(release_type="major"), plan(release_type="major", deployment_strategy="blue-green"))
    assert found(changes, "rollback", "done within").after == "30s"
    assert found(changes, "steps", "switch all requests to the preview").before == "–"
    assert found(changes, "timeline", "deployment execution").after == "1–2 open days"


def test_r3_scheduled_and_continuous() -> None:
    changes = difference(plan(), plan(release_frequency="continuous"))
    assert found(changes, "timeline", "planning phase").after == "–"
    assert found(changes, "timeline", "production deployment").after == "12h"
    assert found(changes, "retrospective", "held").after == "weekly, 90 minutes"


def test_r3_instances_health_and_conflicts() -> None:
    changes = difference(plan(), plan(Service(instances=8, measured={"application_error_rate": "envoy"})))
    assert found(changes, "inputs", "instances").after == "8"
    assert found(changes, "health", "error rate measured by").after == "envoy"
    conflict = difference(plan(), plan(stakeholder_complexity=["internal-only", "customer-facing"]))
    assert "internal-only means" in found(conflict, "conflicts", "internal-only-with-others").after


def test_a_change_that_no_part_speaks_of_is_still_shown() -> None:
    service = Service(overrides={"canary.phase_duration": Override("4h", "pilotage.yaml:31")})
    (change,) = difference(plan(), plan(service))
    assert (change.part, change.what) == ("other", "settings")


@settings(max_examples=60, deadline=None)
@given(*2 * [
    st.builds(
        plan, version=st.sampled_from(["1", "2"]), release_date=st.sampled_from([None, date(2027, 6, 16)]),
        release_type=st.sampled_from(ReleaseType), deployment_strategy=st.sampled_from(DeploymentStrategy),
        team_size=st.sampled_from(TeamSize), release_frequency=st.sampled_from(ReleaseFrequency),
        risk_tolerance=st.sampled_from(RiskTolerance), stakeholder_complexity=st.sampled_from(Stakeholder),
    )
])  # fmt: skip
def test_r3_two_plans_differ_exactly_when_their_hashes_do(a: Plan, b: Plan) -> None:
    assert bool(difference(a, b)) == (a.hash != b.hash)
    assert all(change.what and change.whom and change.reason for change in difference(a, b))


# ── Another date ───────────────────────────────────────────────────────────────────────────────────────────────


def test_retarget_moves_what_hangs_on_the_date_and_nothing_else() -> None:
    changes = difference(plan(release_date=date(2027, 6, 16)), plan(release_date=date(2027, 6, 23)))
    assert set(by_part(changes)) == {"inputs", "timeline", "readiness", "on-call", "communication"}
    announcement = found(changes, "communication", "Release Announcement")
    assert announcement.before.startswith("2027-06-07")
    assert announcement.after.startswith("2027-06-14")
    assert found(changes, "timeline", "latest safe start").before == "2027-03-23"


@pytest.mark.parametrize(
    ("today", "audiences"),
    [
        (date(2027, 6, 1), []),
        (date(2027, 6, 7), ["customers", "support"]),
        (date(2027, 6, 18), ["customers", "support", "key accounts"]),
    ],
)
def test_retarget_says_who_was_told_the_old_date_and_must_be_told_again(today: date, audiences: list[str]) -> None:
    again = told_again(plan(release_date=date(2027, 6, 16)), plan(release_date=date(2027, 6, 23)), today)
    assert [retold.audience for retold in again] == audiences
    assert all(retold.owner and retold.told_by for retold in again)


def test_nobody_is_told_again_when_the_date_stays() -> None:
    kept = plan(release_date=date(2027, 6, 18))
    assert told_again(kept, plan(release_date=date(2027, 6, 18), risk_tolerance="low"), date(2027, 6, 18)) == ()


# ── Why ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("canary.phase_duration", "4h", "because risk_tolerance is medium"),
        ("canary.weights", "5% → 25% → 50% → 100%", "the default for all answers"),
        ("steps[2].duration", 14400, "canary.phase_duration: because risk_tolerance is medium"),
        ("steps[analyse-5%].duration", 14400, "canary.phase_duration: because risk_tolerance is medium"),
        ("steps[0].title", "run 1 instance of the new version", "because deployment_strategy is canary"),
        ("answers.team_size", "medium", "one of the six answers"),
        ("release_date", "2027-06-16", "given with --date"),
        ("timeline.phases[0].start", "2027-03-23", "Planning takes 10–15 open days, counted backwards"),
        ("readiness[unit_test_coverage].requirement", "≥ 80 %", "follows from the six answers: "),
        ("alerts[high_error_rate].limit", 5, "limit rollback_triggers.error_rate"),
        ("communication[release_announcement].due", "2027-06-07", "follows from the six answers: "),
        ("retrospective.minutes", 90, "follows from the six answers: "),
        ("rollback.timeout", "2m", "the default for all answers"),
        ("facts.scope", "new features without breaking changes", "follows from the six answers: release_type minor"),
    ],
)
def test_why_a_value_is_what_it_is(path: str, value: object, words: str) -> None:
    reason = why(plan(release_date=date(2027, 6, 16)), path)
    assert reason.value == value
    assert any(words in sentence for sentence in reason.because)


def test_why_an_overridden_number_names_the_line_and_what_it_would_be() -> None:
    service = Service(overrides={"canary.phase_duration": Override("30m", "pilotage.yaml:31")})
    reason = why(plan(service), "steps[2].duration")
    assert reason.value == 1800
    assert "canary.phase_duration: overridden in pilotage.yaml:31" in reason.because
    assert any("without the override 4h (risk_tolerance: medium)" in line for line in reason.because)


def test_why_a_capped_limit_names_the_strategy() -> None:
    reason = why(plan(deployment_strategy="blue-green"), "rollback_triggers.error_rate")
    assert reason.because[0] == "because deployment_strategy is blue-green"
    assert "5% by risk tolerance, lowered" in reason.because[1]


def test_why_a_moved_date_and_a_missed_lead() -> None:
    moved = why(plan(release_date=date(2027, 6, 19)), "release_date")
    assert "2027-06-19 is a Saturday" in moved.because[0]
    hotfix = plan(release_type="hotfix", deployment_strategy="rolling")
    missed = why(hotfix, "communication[release_announcement].lead")
    assert any("is recorded" in line for line in missed.because)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("stepps", "the plan has no 'stepps'; it has format, service"),
        ("steps[99]", r"steps has no \[99\]; it has 0 … 13, or scale-5%"),
        ("steps[0].colour", r"steps\[0\] has no 'colour'"),
        ("steps[0]!", "unreadable from '!' on"),
        ("version.major", "version has no 'major'; it has no parts"),
        ("conflicts[0]", r"conflicts has no \[0\]; it has nothing"),
    ],
)
def test_why_of_nothing_says_what_there_is(path: str, words: str) -> None:
    with pytest.raises(NoSuchPath, match=words):
        why(plan(), path)


def test_every_leaf_of_a_plan_has_a_reason() -> None:
    made = plan(release_date=date(2027, 6, 16))
    for path in leaves(made.to_dict(), ""):
        assert why(made, path).because, path


def leaves(data: object, path: str) -> list[str]:
    if isinstance(data, dict):
        return [leaf for key, value in data.items() for leaf in leaves(value, f"{path}.{key}" if path else key)]
    if isinstance(data, list):
        return [leaf for index, value in enumerate(data) for leaf in leaves(value, f"{path}[{index}]")]
    return [path]
