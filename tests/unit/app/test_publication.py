"""The worker writes the status page: what the configuration wants, when something happened, and not otherwise."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pilotage.app import doctor as checkup
from pilotage.app.project import Project
from pilotage.app.publication import note, noted, publication_of
from pilotage.app.status_page import Publisher
from pilotage.app.worker import StatusPage
from pilotage.cli.main import cli
from pilotage.config.loading import load
from pilotage.engine.records.store import Store
from pilotage.report.status import Seen
from tests.unit.engine.test_store import ended, started

ENVIRONMENT = {
    "fleet": {"kind": "process", "command": ["serve", "{version}", "{port}"], "count": 1},
    "router": {"kind": "envoy", "listen": "127.0.0.1:8080"},
    "metrics": {"kind": "envoy"},
}
ANSWERS = {
    "release_type": "minor", "deployment_strategy": "canary", "team_size": "small", "release_frequency": "weekly",
    "risk_tolerance": "low", "stakeholder_complexity": ["customer-facing"],
}  # fmt: skip
PAGE = {"folder": "public/status", "title": "Shop status", "environment": "production"}


def configured(place: Path, **sections: Any) -> Path:
    path = place / "pilotage.yaml"
    whole = {"service": "service", "answers": ANSWERS, "environments": {"production": ENVIRONMENT}, **sections}
    path.write_text(json.dumps(whole))
    return path


def test_the_worker_finds_what_a_command_left_word_of_until_it_is_wanted_no_more(tmp_path: Path) -> None:
    wanted = publication_of(load(configured(tmp_path, status_page=PAGE)))
    assert wanted is not None
    assert (wanted.folder, dict(wanted.places)) == (str(tmp_path / "public/status"), {"service": "production"})
    note(tmp_path / "state", wanted)
    assert noted(tmp_path / "state") == wanted
    note(tmp_path / "state", publication_of(load(configured(tmp_path))))
    assert noted(tmp_path / "state") is None


def test_r21_the_page_is_made_anew_by_what_happens_and_by_a_minute_gone(tmp_path: Path) -> None:
    store, page = Store(tmp_path), tmp_path / "public/status/status.json"
    wanted = publication_of(load(configured(tmp_path, status_page=PAGE)))
    assert wanted is not None
    publisher, now = Publisher(store), time.time()
    publisher.renew(wanted, now)
    page.write_text("touched")
    publisher.renew(wanted, now + 59)
    assert page.read_text() == "touched", "nothing happened"
    publisher.renew(wanted, now + 60)
    (service,) = json.loads(page.read_text())["services"]
    assert (service["name"], service["condition"]) == ("service", "unknown"), "nobody ever looked at it"
    assert {day["state"] for day in service["history"]} == {"not-observed"}
    page.write_text("touched")
    rollout = started(store)
    publisher.renew(wanted, now + 61)
    assert json.loads(page.read_text())["title"] == "Shop status"
    page.write_text("touched")
    ended(store, rollout)
    publisher.renew(wanted, now + 61)
    assert page.read_text() != "touched"
    store.close()


def test_r21_a_look_from_before_the_first_deployment_ended_calls_nothing_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look found nobody while it began; a second later it has ended and serves."""
    store, page = Store(tmp_path), tmp_path / "public/status/status.json"
    wanted = publication_of(load(configured(tmp_path, status_page=PAGE)))
    assert wanted is not None
    serves, publisher, now = [False], Publisher(store), time.time()
    monkeypatch.setattr(
        "pilotage.app.status_page.seen_now", lambda *_: {"service": Seen(down=not serves[0], down_since=None)}
    )
    rollout = started(store)
    publisher.renew(wanted, now)
    serves[0] = True
    ended(store, rollout)
    for later in (1, 3, 70):
        publisher.renew(wanted, now + later)
        (service,) = json.loads(page.read_text())["services"]
        assert (service["condition"], service["history"][-1]["down_seconds"]) == ("operational", 0)
        assert service["history"][-1]["state"] == "good"
    store.close()


def test_a_worker_starts_whatever_somebody_is_just_typing_into_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pilotage.app.worker.run", lambda _: 0)
    configured(tmp_path, status_page=PAGE)
    assert CliRunner().invoke(cli, ["worker"]).exit_code == 0
    wanted = noted(tmp_path / ".pilotage")
    assert wanted is not None
    (tmp_path / "pilotage.yaml").write_text("service: [")
    said = CliRunner().invoke(cli, ["worker"])
    assert (said.exit_code, noted(tmp_path / ".pilotage")) == (0, wanted)
    assert "the worker keeps the configuration that it has" in said.output


def test_doctor_says_where_the_page_is_or_why_not(tmp_path: Path) -> None:
    def told() -> list[tuple[str, str]]:
        project = Project(configured(tmp_path, status_page=PAGE))
        return [(f.result, f.sentence.replace(str(tmp_path), "")) for f in checkup._status_page(project)]

    (tmp_path / "public").write_text("a file is in the way")
    assert told() == [("FAIL", "/public/status cannot be written: correct status_page.folder")]
    (tmp_path / "public").unlink()
    assert told() == [("WARN", "not written to /public/status yet; the worker does it after a deployment")]
    assert not (tmp_path / "public").exists(), "who asks makes nothing"
    (tmp_path / "public/status").mkdir(parents=True)
    (tmp_path / "public/status/index.html").write_text("<!doctype html>")
    ((result, sentence),) = told()
    assert (result, sentence.partition(", last")[0]) == ("PASS", "in /public/status")


def test_a_folder_that_cannot_be_written_is_told_once_and_harms_nothing(tmp_path: Path, caplog: Any) -> None:
    (tmp_path / "public").write_text("a file is in the way")
    note(tmp_path, publication_of(load(configured(tmp_path, status_page=PAGE))))
    page, store = StatusPage(tmp_path), Store(tmp_path)
    for _ in range(3):
        page.renew(store)
    assert [r.message.partition(":")[0] for r in caplog.records] == ["cannot write the status page"]
    store.close()


def test_the_page_leads_to_the_form_for_problems_where_there_is_one(tmp_path: Path) -> None:
    """R12's user reports begin with somebody who sees that something is wrong."""
    store, now = Store(tmp_path), time.time()
    page = tmp_path / "public/status/index.html"
    intake = {"url": "https://feedback.example/a&b/<b>", "environment": "production"}
    for sections in ({}, {"intake": intake}):
        wanted = publication_of(load(configured(tmp_path, status_page=PAGE, **sections)))
        assert wanted is not None
        Publisher(store).renew(wanted, now)
        assert ("Report a problem" in page.read_text()) is bool(sections)
    assert "https://feedback.example/a&amp;b/&lt;b&gt;/" in page.read_text()
