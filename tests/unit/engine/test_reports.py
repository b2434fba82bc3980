"""What users report is counted once a person, and nothing of who they are is kept (R12, R13, R24)."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from pilotage.engine.records import reports
from pilotage.engine.records.pruning import Kept, old, prune
from pilotage.engine.records.store import Store
from pilotage.engine.records.tables_beside import salts
from pilotage.model.report import Rated, Report, Reported, ReportKind, ReportSource, ReportState

DAY = 86400.0
NOW = 1_800_000_000.0
PLACE = ("shop", "production")


def harm(store: Store, version: str = "2.0", at: float = NOW, sender: str = "", **more: object) -> int:
    report = Report(service="shop", environment="production", version=version, at=at, sender=sender, **more)  # type: ignore[arg-type]
    made = reports.add(store.engine, report)
    assert made is not None
    return made


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def test_of_one_address_a_day_one_report_counts(store: Store) -> None:
    for _ in range(5):
        harm(store, sender="a")
    harm(store, "", sender="a")
    harm(store, "", sender="b")
    harm(store, "1.0", sender="c")
    harm(store, source=ReportSource.PERSON)
    counted = reports.reported(store.engine, PLACE, "2.0", NOW, NOW)
    assert counted == Reported(named=2, unnamed=1, trusted=1, first=NOW)
    assert reports.reported(store.engine, PLACE, "2.0", NOW) == Reported(named=2, trusted=1, first=NOW)


def test_what_counts_as_one_is_kept_once(store: Store) -> None:
    report = Report(service="shop", environment="production", at=NOW)
    assert reports.add(store.engine, report, "signed:msg_1") is not None
    assert reports.add(store.engine, report, "signed:msg_1") is None
    assert reports.add(store.engine, report, "signed:msg_2") is not None


def test_a_dismissed_report_no_longer_counts_and_is_decided_once(store: Store) -> None:
    number, other = harm(store), harm(store)
    before = reports.revision(store.engine)
    dismissed = reports.decide(store.engine, "shop", number, ReportState.DISMISSED, "ada", "a typo", NOW + 1)
    assert (dismissed.state, dismissed.decided_by, dismissed.reason) == (ReportState.DISMISSED, "ada", "a typo")
    assert reports.revision(store.engine) != before
    assert reports.reported(store.engine, PLACE, "2.0", NOW).named == 1
    with pytest.raises(reports.AlreadyDecided, match="ada has dismissed report 1 already"):
        reports.decide(store.engine, "shop", number, ReportState.CONFIRMED, "bob", "", NOW)
    with pytest.raises(reports.UnknownReport):
        reports.decide(store.engine, "another", other, ReportState.CONFIRMED, "bob", "", NOW)


def test_the_salt_of_yesterday_is_gone_so_no_hash_leads_back_to_an_address(store: Store) -> None:
    today, again = reports.salt_of(store.engine, NOW), reports.salt_of(store.engine, NOW + 1)
    tomorrow = reports.salt_of(store.engine, NOW + DAY)
    assert today == again != tomorrow
    assert reports.hashed(today, "192.0.2.1") != reports.hashed(tomorrow, "192.0.2.1")
    with store.engine.connect() as connection:
        assert [bytes.fromhex(row.salt) for row in connection.execute(select(salts))] == [tomorrow]


def test_the_usual_rate_is_that_of_the_four_weeks_before(store: Store) -> None:
    for day in range(1, 57):
        harm(store, "1.0", NOW - day * DAY)
        harm(store, "1.0", NOW - day * DAY)
    assert reports.usual_per_day(store.engine, PLACE, NOW) == 2.0


def test_ratings_add_up_and_words_are_forgotten_after_their_time(store: Store) -> None:
    for rating in (5, 5, 4):
        harm(store, kind=ReportKind.FEEDBACK, rating=rating, text="I am Ann", request="r-1", sender="a")
    harm(store, text="broken")
    assert reports.rated(store.engine, PLACE, "2.0", NOW) == Rated(count=3, total=14)
    kept = Kept(messages=DAY, logs=DAY, reports=DAY)
    assert old(store.engine, store.directory, kept, NOW + DAY).reports == 0
    found = old(store.engine, store.directory, kept, NOW + DAY + 1)
    assert found.reports == 4
    prune(store.engine, found, kept, NOW + DAY + 1)
    left = reports.listed(store.engine, "shop", tuple(ReportKind))
    assert {(one.text, one.request, one.sender) for one in left} == {("", "", "")}
    assert reports.rated(store.engine, PLACE, "2.0", NOW) == Rated(count=3, total=14)
    assert old(store.engine, store.directory, kept, NOW + DAY + 1).reports == 0
