"""The intake on one machine and the worker on another, with one PostgreSQL: each report counts once (R13)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pilotage.engine.records import reports
from pilotage.engine.records.store import Store
from pilotage.model.report import Rated, Report, Reported, ReportKind, ReportState

NOW = 1_800_000_000.0
PLACE = ("shop", "production")


@pytest.mark.usefixtures("database")
def test_what_two_machines_take_in_is_counted_once_and_seen_by_both(tmp_path: Path) -> None:
    ours, theirs = Store(tmp_path / "a"), Store(tmp_path / "b")
    usual = {"service": "shop", "environment": "production", "version": "2.0", "at": NOW}
    before = reports.revision(theirs.engine)
    with ThreadPoolExecutor(8) as pool:
        stores = [ours, theirs] * 8
        salts = set(pool.map(lambda store: reports.salt_of(store.engine, NOW), stores))
        made = list(pool.map(lambda store: reports.add(store.engine, Report(**usual), "signed/msg_1"), stores))  # type: ignore[arg-type]
    assert len(salts) == 1
    assert sum(number is not None for number in made) == 1
    assert reports.revision(theirs.engine) != before
    reports.add(ours.engine, Report(**usual, sender="a", text="\0 broken \ud800"))  # type: ignore[arg-type]
    reports.add(ours.engine, Report(**usual, kind=ReportKind.FEEDBACK, rating=4))  # type: ignore[arg-type]
    assert reports.reported(theirs.engine, PLACE, "2.0", NOW, NOW) == Reported(named=2, first=NOW)
    assert reports.usual_per_day(theirs.engine, PLACE, NOW + 1.0) == 2 / 28
    assert reports.rated(theirs.engine, PLACE, "2.0", NOW) == Rated(count=1, total=4)
    harm = reports.listed(theirs.engine, "shop", [ReportKind.HARM], "production", "2.0", NOW, NOW + 1.0)
    before = reports.revision(ours.engine)
    reports.decide(theirs.engine, "shop", harm[0].id, ReportState.DISMISSED, "ada", "", NOW)
    assert reports.revision(ours.engine) != before
    (token,) = reports.invite(ours.engine, "shop", "production", 1, NOW)
    assert reports.answer_invitation(theirs.engine, token, {"team_satisfaction": 4}, "fine", NOW)
    assert not reports.answer_invitation(ours.engine, token, {"team_satisfaction": 1}, "again", NOW)
    assert reports.team_rated(ours.engine, "shop", NOW) == {"team_satisfaction": Rated(count=1, total=4)}
    reports.forget_words(ours.engine, NOW + 1.0)
    assert reports.wordy(theirs.engine, NOW + 1.0) == 0
