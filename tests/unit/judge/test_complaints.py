"""Users' reports and ratings, against what is usual (R12, R13, C2)."""

from __future__ import annotations

import numpy as np
import pytest

from pilotage.judge.complaints import DAY, ComplaintBook
from pilotage.judge.satisfaction import SatisfactionBook
from pilotage.model.observation import Remedy, Verdict, VerdictKind
from pilotage.model.report import Rated, Reported
from tests.plans import a_plan


def judged(found: Reported, seconds: float, tolerance: str = "medium", usual: int = 2) -> tuple[Verdict, ...]:
    book = ComplaintBook(a_plan({"complaints.usual_per_day": usual}, tolerance=tolerance))
    book.record(found)
    return book.verdicts(seconds)


def test_twenty_reports_in_ten_minutes_against_two_a_day_ask_for_a_decision_and_take_nobody_back() -> None:
    (found,) = judged(Reported(named=15, unnamed=5, first=5.0), 600)
    assert (found.kind, found.asks, found.since) == (VerdictKind.FAIL, Remedy.DECIDE, None)
    assert found.sentence == "20 users reported a problem in 10m; 2 a day are usual"


@pytest.mark.parametrize(
    ("found", "seconds"),
    [
        (Reported(named=2), 60),  # two people are no trend
        (Reported(named=1, unnamed=4), DAY),  # 5 in a day, where 4 would be tolerated
        (Reported(named=30), 7 * DAY),  # 30 in a week, where 28 would be
    ],
)
def test_a_few_more_than_usual_hold_nothing(found: Reported, seconds: float) -> None:
    assert [v.kind for v in judged(found, seconds)] == [VerdictKind.PASS]


def test_nobody_says_anything_so_there_is_nothing_to_say() -> None:
    assert judged(Reported(), 60) == ()


def test_only_signed_reports_that_name_the_version_are_harm_and_only_where_the_plan_wants_it() -> None:
    signed = Reported(named=5, trusted=4, first=7.0)
    (found,) = judged(signed, 60, "low")
    assert (found.kind, found.asks, found.since) == (VerdictKind.FAIL, None, 7.0)
    assert found.sentence == "4 users reported a problem with new in 1m; 2 a day are usual"
    assert judged(signed, 60, "medium")[0].asks is Remedy.DECIDE
    assert judged(Reported(named=50, trusted=2), 60, "low")[0].asks is Remedy.DECIDE, "anyone can fill in a form"


def test_a_usual_rate_that_is_not_configured_is_learned_and_at_least_one_a_day() -> None:
    book = ComplaintBook(a_plan())
    assert book.learns
    book.learn(0.1)
    assert not book.learns
    book.record(Reported(named=3))
    assert "1 a day is usual" in book.verdicts(60)[0].sentence


def test_usual_reports_hold_hardly_any_release() -> None:
    """Seven days of reports at the usual rate, looked at after each one: fewer than 1 in 100 rollouts are ever held."""
    rng, held = np.random.default_rng(9), 0
    plan = a_plan({"complaints.usual_per_day": 5}, tolerance="medium")
    for _ in range(400):
        book, at = ComplaintBook(plan), 0.0
        for number in range(1, 36):
            at += float(rng.exponential(DAY / 5))
            book.record(Reported(named=number))
            if book.verdicts(at)[0].kind is VerdictKind.FAIL:
                held += 1
                break
    assert held <= 4


# ── ratings ────────────────────────────────────────────────────────────────────────────────────────────────


def rated(new: Rated, old: Rated = Rated()) -> Verdict:  # noqa: B008
    book = SatisfactionBook(a_plan())
    book.record(new, old)
    (found,) = book.verdicts()
    return found


def test_two_hundred_answers_at_4_8_pass_and_at_3_9_do_not() -> None:
    good, bad = rated(Rated(count=200, total=960)), rated(Rated(count=200, total=780))
    assert (good.kind, good.sentence) == (VerdictKind.PASS, "4.80 of 5 (96%) from 200 answers")
    assert (bad.kind, bad.asks) == (VerdictKind.INCONCLUSIVE, None)
    assert bad.sentence == "3.90 of 5 (78%) from 200 answers: below 95%"


def test_where_stable_is_not_liked_either_not_worse_is_enough() -> None:
    assert rated(Rated(count=200, total=780), Rated(count=500, total=1900)).kind is VerdictKind.PASS
    assert rated(Rated(count=200, total=600), Rated(count=500, total=1900)).kind is VerdictKind.INCONCLUSIVE


def test_a_handful_of_answers_says_nothing() -> None:
    found = rated(Rated(count=19, total=95))
    assert (found.kind, found.sentence) == (VerdictKind.INSUFFICIENT_DATA, "19 answers, 20 are needed")
