"""What users say reaches the rollout's look, survives its worker, and never fails it (R12, R13)."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from pilotage.engine.execution.complaints import Complaints, Satisfaction
from pilotage.engine.execution.counsel import counsels_of
from pilotage.engine.execution.crew import Crew
from pilotage.engine.records import reports
from pilotage.engine.records.store import Store
from pilotage.model.observation import Observation, Reading, Remedy, Verdict, VerdictKind
from pilotage.model.record import Rollout
from pilotage.model.report import Report, ReportKind
from pilotage.model.rollout import Mode
from pilotage.model.snapshot import read_snapshot
from pilotage.rollout.machine import begin
from tests.plans import a_plan


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def rollout(store: Store, **environment: object) -> Rollout:
    plan, snapshot = a_plan(tolerance="medium"), read_snapshot({"environment": environment})
    return store.create(plan, begin(plan, "old", Mode.FULL, "ada"), snapshot, "ada", time.time() - 60.0)


def say(store: Store, version: str, count: int = 1, *, ago: float = 0.0, rating: int = 0) -> None:
    kind = ReportKind.FEEDBACK if rating else ReportKind.HARM
    for _ in range(count):
        one = Report(
            service="service", environment="production", version=version, kind=kind, rating=rating,
            at=time.time() - ago,
        )  # fmt: skip
        reports.add(store.engine, one)


def heard(counsel: Complaints | Satisfaction, wanted: Callable[[tuple[Verdict, ...]], bool]) -> Verdict:
    until = time.monotonic() + 15.0
    while not wanted(found := counsel.verdicts()):
        assert time.monotonic() < until, found
        time.sleep(0.05)
        counsel.ask()
    return found[0]


def test_reports_since_users_have_the_version_are_heard_and_known_to_the_next_worker(store: Store) -> None:
    one, crew = rollout(store), Crew()
    counsel = Complaints(store, one, crew)
    say(store, "", 5, ago=30.0)
    say(store, "new", 1, ago=30.0)
    say(store, "old", 9)
    assert heard(counsel, bool).sentence.startswith("1 user reported a problem"), "nobody could mean it before"
    counsel.observe(Reading((Observation("new", 10, 0),), {}, at=time.time() - 10.0))
    say(store, "", 4)
    found = heard(counsel, lambda verdicts: verdicts[0].kind is VerdictKind.FAIL)
    assert (found.asks, found.samples) == (Remedy.DECIDE, 5)
    following = Complaints(store, one, crew)
    following.restore(counsel.saved())
    assert heard(following, bool).samples == 5


def test_a_store_that_is_away_changes_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    counsel = Complaints(store, rollout(store), Crew())
    say(store, "new", 3)
    known = heard(counsel, bool)

    def away(*_arguments: object) -> None:
        raise OperationalError("", {}, Exception("locked"))

    for name in ("revision", "reported"):
        monkeypatch.setattr(f"pilotage.engine.records.reports.{name}", away)
    say(store, "new", 3)
    until = time.monotonic() + 1.5
    while time.monotonic() < until:
        counsel.ask()
        time.sleep(0.05)
    assert counsel.verdicts()[0].samples == known.samples
    monkeypatch.undo()
    assert heard(counsel, lambda verdicts: verdicts[0].samples == 6)


def test_ratings_are_judged_only_where_they_are_a_signal(store: Store) -> None:
    plain, crew = rollout(store), Crew()
    say(store, "new", 25, rating=5)
    assert all(verdict.metric != "user_satisfaction" for verdict in counsels_of(store, plain, crew).verdicts())
    store = Store(store.directory / "beside")
    asks = rollout(store, analysis={"signals": {"user_satisfaction": "feedback"}})
    say(store, "new", 25, rating=5)
    say(store, "old", 30, ago=86400.0, rating=4)
    counsel = Satisfaction(store, asks, crew)
    assert counsel.verdicts()[0].kind is VerdictKind.INSUFFICIENT_DATA
    found = heard(counsel, lambda verdicts: verdicts[0].kind is VerdictKind.PASS)
    assert found.sentence == "5.00 of 5 (100%) from 25 answers, stable 4.00 of 5 (80%)"
