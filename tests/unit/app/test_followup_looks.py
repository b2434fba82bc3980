"""Follow-ups on their day (R26): a year by a clock that tests set, with a worker that dies at every look."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import pytest

from pilotage.app.followup_looks import FollowUpLooks, is_due, looked_at
from pilotage.app.project import Project
from pilotage.config.calendars import calendar_of
from pilotage.config.loading import load
from pilotage.engine.records import followups, outbox
from pilotage.engine.records.store import Store
from pilotage.model.cadence import Cadence, completed, current
from pilotage.model.document import Document
from pilotage.model.followup import FollowUp
from pilotage.render.document import to_markdown
from pilotage.report.dora import Figure
from pilotage.report.followups import Effect, effect_in_words

from ...clock import FakeClock

HOURS = 12


def project_in(folder: Path, clock: FakeClock) -> Project:
    answers = {
        "release_type": "minor", "deployment_strategy": "canary", "team_size": "small", "release_frequency": "weekly",
        "risk_tolerance": "medium", "stakeholder_complexity": ["internal-only"],
    }  # fmt: skip
    environment = {
        "fleet": {"kind": "process", "command": ["shop", "{port}", "{version}"]},
        "router": {"kind": "envoy", "listen": "127.0.0.1:18080"},
    }
    whole = {
        "service": "shop", "answers": answers, "environments": {"production": environment},
        "calendar": {"timezone": "Europe/Berlin", "workday_start": "09:00", "workday_end": "17:00",
                     "holidays": ["DE-BE"]},
        "notify": [{"kind": "webhook", "url": "https://example.org/in", "secret": "secret://env/S"}],
    }  # fmt: skip
    (folder / "pilotage.yaml").write_text(json.dumps(whole))
    return Project.of(load(folder / "pilotage.yaml"), Store(folder / ".pilotage", clock=clock))


def action(**changes: Any) -> FollowUp:
    made: dict[str, Any] = {
        "id": 0, "description": "Load test before each release", "owner": "ada", "due": "2027-03-01",
        "criterion": "it runs", "priority": "high", "release": "", "figure": "change-fail-rate",
    }  # fmt: skip
    return FollowUp(**{**made, **changes})


class Died(Exception):
    """In place of the worker's death."""


@pytest.mark.long
def test_r26_a_year_has_52_digests_12_effects_4_quarters_and_1_year_each_once_though_the_worker_dies_at_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock("2027-01-04T00:30:00+01:00")
    project = project_in(tmp_path, clock)
    engine = project.store.engine
    followups.add(engine, "shop", action(), [], "ada", clock.now() - 366 * 86400)
    post, chance = outbox.post_once, Random(26)

    def dying(*given: Any) -> int:
        """Before the message is kept, after it, or not at all."""
        if chance.random() < 0.25:
            raise Died
        made = post(*given)
        if chance.random() < 0.25:
            raise Died
        return made

    monkeypatch.setattr("pilotage.app.followup_looks.outbox.post_once", dying)
    until = FakeClock("2028-01-03T00:00:00+01:00").now()
    while clock.now() < until:
        with suppress(Died):
            FollowUpLooks().look(project)  # a new worker knows nothing of the one before
        clock.pass_(HOURS * 3600)
    letters = outbox.letters(engine, limit=500)
    counts = Counter(letter.key.partition("/")[0] for letter in letters)
    assert counts == {"digest": 52, "monthly": 12, "quarterly": 4, "yearly": 1}
    assert len({letter.key for letter in letters}) == len(letters)
    assert {letter.key for letter in letters} >= {"digest/shop/2027-W48", "monthly/shop/2027-11", "yearly/shop/2027"}
    kept = sorted(path.name for path in (tmp_path / ".pilotage" / "reviews").iterdir())
    assert kept == [f"quarterly-shop-2027-Q{n}.md" for n in (1, 2, 3, 4)] + ["yearly-shop-2027.md"]
    project.store.close()


def test_r26_a_look_waits_for_the_first_working_day_of_its_period_and_for_work_to_begin(tmp_path: Path) -> None:
    project = project_in(tmp_path, FakeClock("2027-03-28T12:00:00+02:00"))
    calendar = calendar_of(project.loaded, date(2027, 3, 29))

    def due(at: str) -> bool:
        return is_due(Cadence.WEEKLY, calendar, FakeClock(at).now())

    assert not due("2027-03-29T12:00:00+02:00"), "Easter Monday in Berlin"
    assert not due("2027-03-30T08:59:00+02:00")
    assert due("2027-03-30T09:00:00+02:00")
    assert due("2027-04-04T12:00:00+02:00"), "whoever was down on Tuesday catches up on Sunday"
    project.store.close()


def test_periods_have_the_names_and_days_that_people_give_them() -> None:
    assert current(Cadence.WEEKLY, date(2027, 1, 1)).name == "2026-W53"
    assert completed(Cadence.MONTHLY, date(2027, 1, 4)).name == "2026-12"
    assert completed(Cadence.QUARTERLY, date(2027, 4, 1)).last == date(2027, 3, 31)
    assert completed(Cadence.YEARLY, date(2027, 1, 4)).first == date(2026, 1, 1)
    assert current(Cadence.MONTHLY, date(2028, 2, 9)).last == date(2028, 2, 29)


def test_r26_a_digest_names_every_open_action_and_what_was_done_this_week(tmp_path: Path) -> None:
    clock = FakeClock("2027-03-03T12:00:00+01:00")
    project = project_in(tmp_path, clock)
    first = followups.add(project.store.engine, "shop", action(), [], "ada", clock.now())
    followups.add(
        project.store.engine, "shop", action(description="Read <b>", due="2027-04-01"), [], "ada", clock.now()
    )
    followups.done(project.store.engine, "shop", first, "runs nightly", "ada", clock.now())
    text = to_markdown(_look(project, Cadence.WEEKLY))
    assert "1 open, 0 of them overdue; 1 done in 2027-W09." in text
    assert "runs nightly" in text
    assert "Read" in text
    project.store.close()


def _look(project: Project, cadence: Cadence) -> Document:
    return looked_at(project, cadence, project.today)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ((0.3, 0.2, 0.4), (0.05, 0.01, 0.1), "better"),
        ((0.3, 0.1, 0.5), (0.2, 0.05, 0.4), "better, within chance"),
        ((0.1, 0.05, 0.2), (0.5, 0.3, 0.7), "worse"),
        ((0.1, 0.05, 0.2), (0.1, 0.05, 0.2), "unchanged"),
        ((None, None, None), (0.1, 0.05, 0.2), "too few deployments"),
    ],
)
def test_r26_an_effect_is_claimed_only_where_intervals_part(
    before: tuple[float, float, float], after: tuple[float, float, float], words: str
) -> None:
    made = [
        Figure("change-fail-rate", "Change fail rate", "share", value, low, high, 40, ())
        for value, low, high in (before, after)
    ]
    assert effect_in_words(Effect(action=action(), before=made[0], after=made[1], days=30)) == words
