"""Dates: moved earlier, refused with what would do, and right on the days when clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from pilotage import Answers, Calendar, Freeze, Plan, Window, make_plan
from pilotage.model.calendar import at, later
from pilotage.plan.making import PlanRefused

FRIDAY = date(2026, 11, 27)
BEFORE = ["planning_phase", "development_phase", "testing_phase", "deployment_preparation"]


def plan(day: date | None, calendar: Calendar | None = None, today: date | None = None, **changes: Any) -> Plan:
    done = changes.pop("done", ())
    usual: dict[str, Any] = {
        "release_type": "minor",
        "deployment_strategy": "blue-green",
        "team_size": "medium",
        "release_frequency": "weekly",
        "risk_tolerance": "medium",
        "stakeholder_complexity": "internal-only",
    }
    answers = Answers(**{**usual, **changes})
    return make_plan(answers, version="1", release_date=day, calendar=calendar, today=today, done=done)


@pytest.mark.parametrize(
    ("wanted", "calendar", "lands", "words"),
    [
        (FRIDAY, Calendar(), FRIDAY, ""),
        (date(2026, 11, 28), Calendar(), FRIDAY, "2026-11-28 is a Saturday"),
        (date(2026, 11, 29), Calendar(), FRIDAY, "2026-11-29 is a Sunday"),
        (FRIDAY, Calendar(holidays={FRIDAY: "Moving day"}), date(2026, 11, 26), "a holiday (Moving day)"),
        (
            FRIDAY,
            Calendar(freezes=(Freeze.of_days("sale", FRIDAY, date(2026, 11, 30)),)),
            date(2026, 11, 26),
            "is in the freeze (sale)",
        ),
        (
            FRIDAY,
            Calendar(windows=(Window(frozenset({0, 1}), time(10), time(12)),)),
            date(2026, 11, 24),
            "no rollout that starts in a preferred window and on an open day ends on 2026-11-27",
        ),
        (
            date(2026, 11, 30),
            Calendar(freezes=(Freeze.of_days("sale", date(2026, 11, 25), FRIDAY),)),
            date(2026, 11, 24),
            "the execution phase before 2026-11-30 would include a freeze",
        ),
    ],
)
def test_c14_r11_a_closed_day_moves_the_release_earlier_and_says_why(
    wanted: date, calendar: Calendar, lands: date, words: str
) -> None:
    made = plan(wanted, calendar)
    assert made.release_date == lands
    moved = [note for note in made.notes if "moves earlier" in note]
    assert (words in moved[0] and f"moves earlier to {lands}" in moved[0]) if words else not moved


def test_a_hotfix_does_not_wait_for_monday_and_still_not_in_a_freeze() -> None:
    sunday = date(2026, 11, 29)
    assert plan(sunday, release_type="hotfix").release_date == sunday
    frozen = Calendar(freezes=(Freeze.of_days("sale", sunday, sunday),))
    assert plan(sunday, frozen, release_type="hotfix").release_date == date(2026, 11, 28)


def test_a_canary_that_takes_days_begins_so_that_everyone_has_it_on_the_day() -> None:
    made = plan(date(2026, 11, 26), deployment_strategy="canary", risk_tolerance="low")
    assert made.on_call[0].begins == datetime(2026, 11, 23, 9, tzinfo=UTC)
    assert [wave.begins.date().day for wave in made.on_call] == [23, 23, 24, 25, 26], "its approval, then each weight"
    assert made.on_call[-1].title == "bake at 100% for 1d"
    # 72 hours that would end on a Sunday begin on the Thursday before the Friday on which it lands.
    assert plan(date(2026, 11, 27), deployment_strategy="canary", risk_tolerance="low").on_call[0].begins.day == 24


@pytest.mark.parametrize(
    ("today", "done", "words"),
    [
        (
            date(2026, 11, 23), (),
            "its planning_phase would have to start on 2026-10-06, and today is 2026-11-23. "
            "Changes that would help, smallest first: "
            "name the completed phases: --done planning_phase,development_phase,testing_phase; "
            "--date 2027-01-14 (the shortest path); --date 2027-02-16 (safe: every phase takes its longest time)",
        ),
        (date(2026, 11, 28), BEFORE, "the rollout would have to start on 2026-11-27, and today is 2026-11-28"),
    ],
)  # fmt: skip
def test_a_date_that_cannot_work_names_what_collides_and_the_smallest_change(
    today: date, done: list[str], words: str
) -> None:
    with pytest.raises(PlanRefused) as refusal:
        plan(FRIDAY, today=today, done=done)
    assert words in str(refusal.value)


def test_a_year_of_freeze_is_refused_with_the_freeze_named_and_the_first_day_after_it() -> None:
    frozen = Calendar(freezes=(Freeze.of_days("moratorium", date(2025, 1, 1), date(2027, 2, 28)),))
    with pytest.raises(PlanRefused) as refusal:
        plan(FRIDAY, frozen)
    assert "2026-11-27 is in the freeze (moratorium)" in str(refusal.value)
    assert "lift the freeze 'moratorium'" in str(refusal.value)
    assert "--date 2027-03-02" in str(refusal.value)


def test_no_day_at_all_says_so() -> None:
    holidays = {date(2024, 1, 1) + timedelta(days=n): "closed" for n in range(5000)}
    with pytest.raises(PlanRefused, match="nothing found within two years: open a day in the calendar"):
        plan(FRIDAY, Calendar(holidays=holidays))


def test_windows_that_leave_no_day_are_named() -> None:
    sundays_off = {FRIDAY + timedelta(days=7 * n + 2): "rest" for n in range(-120, 120)}
    never = Calendar(windows=(Window(frozenset({6}), time(10), time(12)),), holidays=sundays_off)
    with pytest.raises(PlanRefused, match="start outside the preferred windows"):
        plan(FRIDAY, never)


def test_r11_a_release_in_a_window_of_the_weekend_lands_there() -> None:
    """A team that agreed on Saturday's night means it; development days are still those of the week."""
    night = Calendar(windows=(Window(frozenset({5}), time(22), time(4)),))
    saturday = date(2026, 11, 28)
    made = plan(saturday, night)
    assert (made.release_date, made.on_call[0].begins) == (saturday, datetime(2026, 11, 28, 22, tzinfo=UTC))
    assert [phase.end for phase in made.timeline.phases][-2:] == [date(2026, 11, 26), saturday]
    assert not night.is_working(saturday)


def test_r11_a_freeze_of_hours_closes_those_hours() -> None:
    """A nightly batch closes no day, a freeze from Friday 17:00 leaves Friday's rollout, one over lunch moves it."""

    def frozen(*hours: tuple[date, int, int]) -> Calendar:
        return Calendar(
            freezes=tuple(
                Freeze(f"freeze {n}", at(day, time(first), "UTC"), later(at(day, time(first), "UTC"), 3600 * length))
                for n, (day, first, length) in enumerate(hours)
            )
        )

    nightly = frozen(*((FRIDAY + timedelta(days=n), 1, 4) for n in range(-300, 300)))
    assert plan(FRIDAY, nightly).release_date == FRIDAY
    weekend = frozen((FRIDAY, 17, 63))
    assert plan(FRIDAY, weekend).on_call[0].begins == at(FRIDAY, time(9), "UTC")
    assert plan(date(2026, 11, 30), weekend).on_call[0].begins == at(date(2026, 11, 30), time(9), "UTC")
    morning = plan(FRIDAY, frozen((FRIDAY, 8, 2)))
    assert morning.on_call[0].begins == at(FRIDAY, time(10), "UTC")
    whole_day = plan(FRIDAY, frozen((FRIDAY, 8, 10)))
    assert whole_day.release_date == FRIDAY - timedelta(days=1)
    assert "is in the freeze (freeze 0)" in whole_day.notes[0]


def test_a_late_start_within_the_slack_is_a_note_with_what_is_left() -> None:
    made = plan(FRIDAY, today=date(2026, 11, 9), done=BEFORE[:2])
    assert "the latest safe start was 2026-11-05: 6 open days of slack remain" in made.notes
    assert made.timeline.slack == 8


def test_done_phases_are_marked_and_no_longer_count() -> None:
    made = plan(FRIDAY, done=BEFORE[:2])
    assert [phase.done for phase in made.timeline.phases] == [True, True, False, False, False]
    assert made.timeline.latest_safe_start == made.timeline.phases[2].start


def test_without_a_date_there_are_lengths_but_no_days() -> None:
    made = plan(None)
    assert made.release_date is None
    assert made.on_call == ()
    assert all(phase.start is None and phase.longest > 0 for phase in made.timeline.phases)
    assert all(item.due is None for item in made.readiness)
    assert all(message.due is None for message in made.communication)
    assert made.retrospective.due is None


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"])
def test_c14_no_schedule_slips_by_a_day_where_clocks_change(zone: str) -> None:
    """The template's own arithmetic is wrong in 95 of 225 such schedules for Berlin."""
    for month in range(1, 13):
        for day in (1, 15):
            made = plan(date(2027, month, day), Calendar(zone), release_type="patch")
            phases = made.timeline.phases
            reference = plan(date(2027, month, day), Calendar("UTC"), release_type="patch").timeline.phases
            assert [(p.start, p.end) for p in phases] == [(p.start, p.end) for p in reference]


@pytest.mark.parametrize(
    ("zone", "day", "clock", "instant"),
    [
        ("Europe/Berlin", date(2027, 3, 28), time(2, 30), datetime(2027, 3, 28, 1, 30, tzinfo=UTC)),
        ("Europe/Berlin", date(2027, 10, 31), time(2, 30), datetime(2027, 10, 31, 0, 30, tzinfo=UTC)),
        ("America/New_York", date(2027, 3, 14), time(9), datetime(2027, 3, 14, 13, tzinfo=UTC)),
    ],
)
def test_r11_a_clock_that_is_skipped_or_shown_twice_means_one_instant(
    zone: str, day: date, clock: time, instant: datetime
) -> None:
    assert at(day, clock, zone).astimezone(UTC) == instant


def test_r11_a_day_of_watching_is_24_hours_whatever_the_clocks_do() -> None:
    before = at(date(2027, 3, 27), time(9), "Europe/Berlin")
    after = later(before, 86400)
    assert after.strftime("%d %H:%M") == "28 10:00"
    assert (after - before.astimezone(UTC)).total_seconds() == 86400


def test_r11_a_distributed_team_hands_over_by_the_sun() -> None:
    zones = ("Europe/Berlin", "America/New_York", "Asia/Tokyo")
    made = plan(
        date(2027, 2, 10), Calendar("Europe/Berlin", zones), deployment_strategy="canary", risk_tolerance="medium"
    )
    shifts = [(s.zone, f"{s.begins:%H:%M}", f"{s.ends:%H:%M}", s.outside) for s in made.on_call[3].shifts]
    assert made.on_call[3].duty == "answer"
    assert "needs a decision within 15m, or it rolls back" in made.on_call[2].reason
    assert "at 100 %, harm below the critical limit needs a decision" in made.on_call[3].reason
    assert shifts == [
        ("America/New_York", "15:00", "17:00", False),
        ("America/New_York", "17:00", "19:00", True),
    ]


def test_r11_a_rollout_does_not_span_a_freeze() -> None:
    frozen = Calendar(freezes=(Freeze.of_days("audit", date(2026, 11, 25), date(2026, 11, 25)),))
    made = plan(FRIDAY, frozen, deployment_strategy="canary", risk_tolerance="low", release_frequency="continuous")
    assert made.release_date == date(2026, 11, 23)
    assert made.on_call[0].begins.date() == date(2026, 11, 20)


def test_r11_a_shift_stays_with_the_zone_that_has_it_and_a_moment_has_one_shift() -> None:
    calendar = Calendar("Europe/Berlin", ("Europe/Berlin", "Europe/London"))
    made = plan(date(2027, 2, 10), calendar, deployment_strategy="canary", risk_tolerance="medium")
    assert [(s.zone, f"{s.begins:%H:%M}", f"{s.ends:%H:%M}") for s in made.on_call[1].shifts] == [
        ("Europe/Berlin", "13:00", "17:00"),
    ]
    assert [(s.zone, f"{s.begins:%H:%M}", f"{s.ends:%H:%M}", s.outside) for s in made.on_call[2].shifts] == [
        ("Europe/London", "16:00", "17:00", False), ("Europe/London", "17:00", "20:00", True),
    ]  # fmt: skip


def test_r11_nights_and_weekends_are_outside_hours_and_counted_for_whom() -> None:
    made = plan(date(2027, 2, 15), Calendar("Europe/Berlin"), deployment_strategy="canary", risk_tolerance="low")
    assert made.on_call[0].begins == datetime(2027, 2, 12, 8, tzinfo=UTC)
    weekend = [shift for wave in made.on_call for shift in wave.shifts if shift.begins.weekday() in (5, 6)]
    assert weekend
    assert all(shift.outside and shift.zone == "Europe/Berlin" for shift in weekend)


def test_a_freeze_needs_a_zone_and_an_end_after_its_begin() -> None:
    with pytest.raises(ValueError, match="need a time zone"):
        Freeze("x", datetime(2026, 1, 1), datetime(2026, 1, 2))
    with pytest.raises(ValueError, match=r"ends .* before it starts"):
        Freeze("x", datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(ValueError, match="closes"):
        Window(frozenset({1}), time(9), time(9))


def test_a_feature_flag_has_a_day_on_which_it_goes() -> None:
    made = plan(date(2027, 2, 10), deployment_strategy="feature-toggle", release_type="feature-flag")
    assert made.timeline.flag_removal == date(2027, 3, 12)
    assert plan(date(2027, 2, 10)).timeline.flag_removal is None
    assert "flag_registered" in {item.id for item in made.readiness}
