"""When a retrospective is held, by whom, and what it compares (R25, R26)."""

from __future__ import annotations

from datetime import date

import pytest

from tests.plans import planned as plan


@pytest.mark.parametrize(
    ("frequency", "timing", "due"),
    [
        ("continuous", "weekly", date(2027, 3, 19)),
        ("weekly", "after each release", date(2027, 3, 19)),
        ("monthly", "monthly", date(2027, 3, 31)),
        ("quarterly", "monthly", date(2027, 3, 31)),
    ],
)
def test_r25_when(frequency: str, timing: str, due: date) -> None:
    retro = plan(release_frequency=frequency, release_date=date(2027, 3, 17)).retrospective
    assert (retro.timing, retro.due) == (timing, due)
    assert "within 5 working days of any rollback" in retro.after_rollback


@pytest.mark.parametrize(
    ("frequency", "release", "due"),
    [("continuous", date(2027, 3, 19), date(2027, 3, 26)), ("monthly", date(2027, 3, 31), date(2027, 4, 30))],
)
def test_r25_a_slot_on_the_day_of_the_release_is_too_early(frequency: str, release: date, due: date) -> None:
    assert plan(release_frequency=frequency, release_date=release).retrospective.due == due


@pytest.mark.parametrize(
    ("size", "minutes", "agenda"),
    [
        ("small", 60, [5, 15, 10, 10, 10, 5, 5]),
        ("medium", 90, [5, 20, 15, 20, 15, 10, 5]),
        ("large", 120, [5, 30, 20, 25, 20, 15, 5]),
        ("distributed", 120, [5, 30, 20, 25, 20, 15, 5]),
    ],
)
def test_r25_c12_the_agenda_fills_its_slot(size: str, minutes: int, agenda: list[int]) -> None:
    retro = plan(team_size=size).retrospective
    assert retro.minutes == minutes
    assert [item.minutes for item in retro.agenda] == agenda
    assert sum(agenda) == minutes
    assert [item.id for item in retro.agenda] == [
        "opening", "release_review", "what_went_well", "what_could_improve", "action_items", "process_improvements",
        "closing",
    ]  # fmt: skip
    assert any(item.asynchronous for item in retro.agenda) == (size == "distributed")


def test_r25_who() -> None:
    retro = plan().retrospective
    assert retro.required == ("engineering lead", "DevOps engineer", "product manager", "QA lead")
    assert retro.optional == ("customer success manager", "support lead", "security engineer", "business stakeholder")


@pytest.mark.parametrize(
    ("target", "wanted"),
    [
        ("deployment_success_rate", "> 99 %"),
        ("deployment_duration", "trend"),
        ("rollback_frequency", "< 5 %"),
        ("mean_time_to_recovery", "< 30 min"),
        ("bug_escape_rate", "< 2 %"),
        ("customer_reported_issues", "trend"),
        ("performance_regressions", "0"),
        ("security_vulnerabilities", "0"),
        ("team_satisfaction", "survey"),
        ("knowledge_sharing", "trend"),
        ("skill_development", "trend"),
        ("process_adherence", "trend"),
    ],
)
def test_r25_targets(target: str, wanted: str) -> None:
    assert {t.id: t.goal for t in plan().retrospective.targets}[target] == wanted


def test_r26_actions() -> None:
    retro = plan().retrospective
    assert [field.split(":")[0] for field in retro.action_fields] == [
        "description", "owner", "due date", "success criterion", "priority",
    ]  # fmt: skip
    assert [line.split(":")[0] for line in retro.follow_up] == ["weekly", "monthly", "quarterly", "yearly"]
