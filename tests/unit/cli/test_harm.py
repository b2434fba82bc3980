"""Operators record, read, confirm and dismiss what users report, on a screen of 80 columns (R12)."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from pilotage.engine.records import reports
from pilotage.engine.records.store import Store
from pilotage.model.live import NOTHING_SEEN
from pilotage.model.report import Report, ReportKind
from pilotage.model.rollout import CommandKind, Decision, Mode, Status
from pilotage.model.snapshot import Snapshot
from pilotage.rollout.machine import begin
from tests.plans import a_plan
from tests.typed import typed
from tests.unit.config.test_config import GOOD


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pilotage.yaml").write_text(GOOD)
    monkeypatch.setattr("pilotage.app.project.Project.ensure_worker", lambda _self: None)
    monkeypatch.setattr("pilotage.app.commands._ANSWER_DEADLINE", 0.0)
    return tmp_path


@pytest.fixture
def store(folder: Path) -> Store:
    return Store(folder / ".pilotage")


def release(store: Store, *, final: bool = False) -> str:
    plan = replace(a_plan(version="2.0"), service="shop")
    made = store.create(plan, begin(plan, "1.0", Mode.FULL, "ada"), Snapshot(), "ada", time.time())
    if final:
        store.record(made, Decision(replace(made.state, status=Status.COMPLETED), (), ()), None, NOTHING_SEEN)
    return made.id


def test_a_problem_is_recorded_listed_and_dismissed(folder: Path, store: Store) -> None:
    release(store)
    wrong = typed("harm", "report", "3.0", "broken", cwd=folder)
    assert (wrong.returncode, "it has 2.0, 1.0" in wrong.stderr) == (2, True)
    assert typed("harm", "list", cwd=folder).stdout == "no open reports\n"
    text = "the \x1b[31mcart\n is empty " + "and so is mine " * 30
    assert typed("harm", "report", "2.0", text, "--request", "r-1", cwd=folder, actor="ada").returncode == 0
    said = typed("harm", "list", cwd=folder).stdout
    assert "the cart is empty" in " ".join(said.split())
    assert "\x1b" not in said
    assert typed("harm", "dismiss", "1", "-m", "known", cwd=folder, actor="bob").stdout == "report 1 is dismissed\n"
    again = typed("harm", "dismiss", "1", cwd=folder)
    assert (again.returncode, again.stderr) == (7, "pilotage: bob has dismissed report 1 already\n")
    assert typed("harm", "confirm", "1", cwd=folder).returncode == 7, "decided is decided"
    assert typed("harm", "confirm", "9", cwd=folder).returncode == 2
    (one,) = json.loads(typed("harm", "list", "--all", "--json", cwd=folder).stdout)["reports"]
    assert (one["state"], one["decided_by"], one["reason"], one["source"]) == ("dismissed", "bob", "known", "person")


def test_a_confirmed_problem_orders_the_rollback_of_the_version_that_is_rolling_out(folder: Path, store: Store) -> None:
    rollout = release(store)
    typed("harm", "report", "2.0", "broken", cwd=folder)
    typed("harm", "report", "1.0", "always was", cwd=folder)
    other = typed("harm", "confirm", "2", cwd=folder).stdout
    assert other == "report 2 is confirmed; 1.0 is not rolling out, so nothing is rolled back\n"
    for _ in range(2):
        said = typed("harm", "confirm", "1", "-m", "seen it", cwd=folder, actor="ada")
        assert (said.returncode, "the rollback is recorded" in said.stderr) == (6, True), "no worker is here"
    ordered = [(one.kind, one.actor, one.reason) for one in store.pending(rollout)]
    assert ordered == [(CommandKind.CONFIRM, "ada", "report 1: seen it")] * 2


def test_of_a_version_that_has_completed_it_says_what_to_do(folder: Path, store: Store) -> None:
    release(store, final=True)
    typed("harm", "report", "2.0", "broken", cwd=folder)
    said = typed("harm", "confirm", "1", cwd=folder).stdout
    assert said.endswith("2.0 is completed: to return to its predecessor, run `pilotage rollback`\n")


def test_feedback_is_listed_and_the_team_invited_only_with_an_intake(folder: Path, store: Store) -> None:
    release(store)
    assert typed("feedback", "list", cwd=folder).stdout == "no feedback yet\n"
    given = Report(
        service="shop", environment="production", version="2.0", kind=ReportKind.FEEDBACK, rating=4, text="ok"
    )
    reports.add(store.engine, replace(given, at=1_800_000_000.0))
    assert "4 of 5" in typed("feedback", "list", cwd=folder).stdout
    without = typed("feedback", "invite", "2", cwd=folder)
    assert (without.returncode, "has no intake" in without.stderr) == (2, True)
    with (folder / "pilotage.yaml").open("a") as file:
        file.write("\nintake: {url: https://feedback.example, environment: production}\n")
    links = typed("feedback", "invite", "2", cwd=folder).stdout.splitlines()
    assert len(set(links)) == 2
    assert all(link.startswith("https://feedback.example/team/") for link in links)


@pytest.mark.parametrize(
    "command", ["harm confirm", "harm dismiss", "meeting cancel", "meeting minutes", "followup done --outcome x"]
)
def test_a_number_that_no_store_can_hold_is_refused_in_a_sentence(folder: Path, command: str) -> None:
    done = typed(*command.split(), "9" * 20, cwd=folder)
    assert done.returncode == 2
    assert "is not in the range" in done.stderr


def test_bytes_that_are_no_text_are_refused_in_a_sentence(folder: Path) -> None:
    wanted = ("followup", "add", "x", "--owner", "bob", "--due", "2027-01-01", "--criterion", "x")
    done = typed(*wanted, "--release", "\udcfe", cwd=folder)
    assert (done.returncode, done.stderr) == (2, "pilotage: an argument or an environment variable is not UTF-8 text\n")
    done = typed(*wanted[:2], "a shelf \udcfe", *wanted[3:], cwd=folder)
    assert (done.returncode, done.stderr) == (2, "pilotage: an argument or an environment variable is not UTF-8 text\n")


def test_words_without_a_letter_of_text_are_none(folder: Path) -> None:
    done = typed("followup", "add", "\x1b[1m", "--owner", "bob", "--due", "2027-01-01", "--criterion", "x", cwd=folder)
    assert done.returncode == 2
    assert "must not be empty" in done.stderr


@pytest.mark.parametrize(
    "command",
    [
        "waive code_review_completion 2.0 --role release-manager -m x --until 9999-12-31T23:59-12:00",
        "meeting move 1 9999-12-31T23:59",
    ],
)
def test_a_time_that_no_calendar_reaches_is_refused_and_leaves_nothing_behind(folder: Path, command: str) -> None:
    """A waiver until then was kept, and from then on `ready` and `deploy` of the version ended with an error."""
    done = typed(*command.split(), cwd=folder)
    assert (done.returncode, "internal error" in done.stderr) == (2, False)
    assert "after 2199-12-31" in done.stderr or "is neither a duration" in done.stderr
    assert "internal error" not in typed("ready", "2.0", cwd=folder).stderr
