"""What users said, in reports, lessons and retrospectives (R24, R25)."""

from __future__ import annotations

from pathlib import Path

import pytest

from pilotage.app.said import said_between
from pilotage.engine.records import reports
from pilotage.engine.records.store import Store
from pilotage.model.report import Report, ReportKind, ReportState
from pilotage.report.advice import of_reports
from pilotage.report.feedback import feedback_section, lessons_of
from pilotage.report.told import Compared, Told


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path)
    usual = {"service": "shop", "environment": "production"}
    for number in range(200):
        rating = 4 if number % 10 else 3
        reports.add(store.engine, Report(**usual, version="2.0", kind=ReportKind.FEEDBACK, rating=rating, at=10.0))  # type: ignore[arg-type]
    for sender in ("a", "a", "b", ""):
        reports.add(store.engine, Report(**usual, version="2.0", text="the cart is empty", sender=sender, at=11.0))  # type: ignore[arg-type]
    reports.add(store.engine, Report(**usual, text="<b>slow</b>\nhere", at=12.0))  # type: ignore[arg-type]
    reports.add(store.engine, Report(**usual, version="1.0", text="too early", at=1.0))  # type: ignore[arg-type]
    reports.decide(store.engine, "shop", 201, ReportState.CONFIRMED, "ada", "", 13.0)
    reports.decide(store.engine, "shop", 204, ReportState.DISMISSED, "ada", "spam", 13.0)
    return store


def test_ratings_problems_and_words_of_a_time_stand_by_version(store: Store) -> None:
    two, none = said_between(store, "shop", "production", 5.0, 20.0)
    assert (two.version, two.ratings, two.mean, two.problems, two.confirmed) == ("2.0", 200, 3.9, 2, 1)
    assert (none.version, none.ratings, none.mean, none.low, none.problems) == ("", 0, None, None, 1)
    section = feedback_section((two, none), (), asked=True, words=True)
    assert section.rows == (
        ("2.0", "3.90 of 5", "3.86–3.94", "200", "2", "1"),
        ("(no version named)", "–", "–", "0", "1", "0"),
    )
    assert section.bullets[-1] == "(no version named): “<b>slow</b> here”"
    assert feedback_section((two,), (), asked=True).bullets == (), "a report for business readers quotes nobody"


def test_what_users_found_is_a_lesson_and_leads_to_advice(store: Store) -> None:
    said = said_between(store, "shop", "production", 5.0, 20.0)
    assert list(lessons_of(said)) == [
        "2.0: 1 problem that users reported is confirmed",
        "2.0: 200 users rated it 3.90 of 5, below 4.75",
    ]
    (advice,) = of_reports(said)
    assert advice.what.startswith("add a probe")
    assert list(of_reports(said[1:])) == []


def test_a_signal_of_another_source_stands_beside_and_nothing_says_where_answers_come_from() -> None:
    compared = Compared("user_satisfaction", "0.96", "0.94", 0.98, None, None, 40)
    told = Told("r1", "2.0", "2026-11-26", "completed", 60.0, "", (compared,))
    (bullet,) = feedback_section((), (told,), asked=False).bullets
    assert bullet == "2.0: satisfaction 0.94 after 0.96 before, 40 readings"
    assert feedback_section((), (), asked=False).sentences[0].startswith("Not connected. Add `intake`")
    assert "Nobody answered" in feedback_section((), (), asked=True).sentences[0]
