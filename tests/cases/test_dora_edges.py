"""DORA's figures at their edges: of one package, of no period, of no users (R24)."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from pilotage.adapters.git import Git
from pilotage.app.reports import reached_users
from pilotage.model.live import LiveView
from pilotage.model.record import RolloutSummary
from pilotage.model.rollout import Status
from tests.cases.history import BEGIN, History

HOUR = 3600.0


@pytest.fixture
def history(tmp_path: Path) -> History:
    """Two packages, whose commits and tags take turns."""
    made = History(tmp_path / "shop")
    made.commit("feat: a", "api/a.py", tag="api-v1.0.0")
    made.commit("feat: w", "web/w.js", tag="web-v5.0.0")
    made.commit("fix: w", "web/w.js")
    made.commit("fix: a", "api/a.py")
    made.commit("fix: w again", "web/w.js", tag="web-v5.0.1")
    made.git("tag", "api-v1.0.1")
    return made


def lead_time(history: History, *arguments: str) -> dict[str, object]:
    said = history.run("dora", "--repository", str(history.folder), "--since", "2023-11-01", "--until", "2023-12-01",
                       "--format", "json", *arguments)  # fmt: skip
    return next(figure for figure in json.loads(said)["metrics"] if figure["id"] == "change-lead-time")


def test_lead_time_of_one_package_is_of_its_commits(history: History) -> None:
    """apache/devlake#7193: commits of the other package were counted."""
    assert BEGIN
    whole, own = lead_time(history, "--from-tags", "api-*"), lead_time(history, "--from-tags", "api-*", "--path", "api")
    assert (whole["samples"], own["samples"]) == (4, 1)
    assert own["value"] == HOUR


def test_a_version_follows_the_one_before_it_of_its_own_package(history: History) -> None:
    """In the order of all tags web-v5.0.0 would follow api-v1.0.1."""
    assert lead_time(history, "--from-tags", "*", "--path", "api")["counted"] == ["api-v1.0.1", "web-v5.0.1"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--from-tags", "*", "--since", "2025-01-01", "--until", "2024-01-01"), "ends before it begins"),
        (("--from-tags", ""), "empty"),
        (("--from-tags", " "), "empty"),
        (("--from-tags", "nothing-*"), "nothing-*"),
        (("--from-tags", "api-*", "--path", "nothing"), "no commit touches nothing"),
        (("--from-tags", "*", "--since", "2999-01-01"), "ends before it begins"),
        (("--from-tags", "*", "--since", "2w"), "is not a date such as 2026-11-01 or a period such as 30d"),
    ],
    ids=[
        "a period that ends before it begins",
        "an empty pattern",
        "a blank one",
        "one that fits no version",
        "a path that no commit touches",
        "a period that is still to come",
        "weeks",
    ],
)
def test_what_has_no_figures_is_refused(history: History, arguments: tuple[str, ...], words: str) -> None:
    assert words in history.run("dora", "--repository", str(history.folder), *arguments, expect=2)


def test_days_that_are_still_to_come_are_no_part_of_a_period(history: History) -> None:
    """Four years without a deployment ahead made three tags "0.0075 per week"."""
    given = (
        "dora",
        "--repository",
        str(history.folder),
        "--from-tags",
        "*",
        "--since",
        "2023-11-01",
        "--format",
        "json",
    )
    until, today = (json.loads(history.run(*given, *more)) for more in (("--until", "2199-01-01"), ()))
    assert until == today


def test_a_path_is_for_tags_only(history: History) -> None:
    assert "--from-tags" in history.run("dora", "--path", "api", expect=2)


@pytest.mark.parametrize(
    ("status", "requests", "reached"),
    [
        (Status.ROLLED_BACK, {"1.0": 90, "1.1": 0}, False),
        (Status.ROLLED_BACK, {"1.0": 90}, False),
        (Status.ROLLED_BACK, {"1.0": 90, "1.1": 1}, True),
        (Status.ROLLED_BACK, {}, True),
        (Status.COMPLETED, {"1.0": 90, "1.1": 0}, True),
    ],
    ids=["none to the canary", "none recorded for it", "one", "nothing was counted", "it completed"],
)
def test_a_rollout_that_nobody_reached_is_no_failed_deployment(
    status: Status, requests: dict[str, int], reached: bool
) -> None:
    """A canary with weight and without a request was counted as a deployment that failed."""
    rollout = cast(RolloutSummary, SimpleNamespace(reached=50, old="1.0", version="1.1", status=status))
    assert reached_users(rollout, (), LiveView(requests=requests)) is reached


def test_a_rebase_does_not_shorten_the_lead_time(tmp_path: Path) -> None:
    """R25: the committer's date is that of the rebase, days after the change was written."""
    history = History(tmp_path / "shop")
    history.commit("feat: a", tag="v1.0.0")
    history.git("checkout", "-q", "-b", "topic")
    history.commit("feat: b")
    written = float(history.git("log", "-1", "--format=%at"))
    history.git("checkout", "-q", "main")
    history.commit("feat: c")
    history.git("rebase", "-q", "main", "topic")
    history.git("tag", "v1.1.0")
    assert float(history.git("log", "-1", "--format=%ct")) > written
    assert Git(history.folder).commits_between("v1.0.0", "v1.1.0")[0][1] == written
