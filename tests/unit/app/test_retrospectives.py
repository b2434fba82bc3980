"""R25: a retrospective knows bugs, findings, regressions, the team and the process, or says what connects them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pilotage.cli.main import cli
from pilotage.engine.records import reports
from pilotage.engine.records.readings import kept
from pilotage.engine.records.store import Store
from pilotage.model.events import ReadinessChecked
from pilotage.model.live import NOTHING_SEEN
from pilotage.model.report import Report
from pilotage.model.rollout import Decision, Event, Mode, Status
from pilotage.model.snapshot import Snapshot
from pilotage.rollout.machine import begin
from tests.plans import a_plan
from tests.receivers import listening
from tests.receiving.gitea import ACCESS, GiteaApi
from tests.unit.app.test_publication import configured

DAY = 86400.0
SECURITY = {"evidence": {"security_scan_passing": {"findings": ["audit.json"]}}}


@pytest.fixture
def gitea() -> Iterator[GiteaApi]:
    """120 bugs of the last 30 days, of which 3 escaped; and others before."""
    api, now = GiteaApi(), datetime.now(UTC)
    for number in range(120):
        found = () if number < 3 else ("found-in-testing",)
        moment = (now - timedelta(days=number % 28)).isoformat(timespec="seconds")
        api.opened(moment, "bug", *found, state="closed" if number % 2 else "open")
    for _ in range(40):
        api.opened((now - timedelta(days=45)).isoformat(timespec="seconds"), "bug")
    for _ in range(7):
        api.opened(now.isoformat(timespec="seconds"), "question", "customer")
    with listening(api) as url:
        api.url = url
        yield api


def run(*arguments: str, status: int = 0) -> str:
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == status, done.output
    return done.stdout


def rows(folder: Path, identity: str = "targets") -> dict[str, list[str]]:
    data = json.loads(run("-c", str(folder / "pilotage.yaml"), "retro", "--format", "json"))
    section = next(one for one in data["retrospective"]["sections"] if one["id"] == identity)
    return {row[0]: row[1:] for row in section["rows"]}


def released(store: Store, version: str, old: str, at: float, checked: ReadinessChecked, took: float = 600) -> None:
    plan = a_plan(version=version)
    made = store.create(plan, begin(plan, old, Mode.FULL), Snapshot(cwd="/shop"), "ada", at)
    state = replace(made.state, status=Status.COMPLETED, at=at + took, reached=1000)
    events = (checked.record(), Event("completed", "the end"))
    store.record(made, Decision(state, (), events), None, NOTHING_SEEN)


def test_r25_what_nobody_connected_says_which_setting_does(tmp_path: Path) -> None:
    configured(tmp_path)
    Store(tmp_path / ".pilotage")
    found = rows(tmp_path)
    for title, setting in (
        ("Escaped bugs", "report.issues"), ("Customer-reported issues", "intake"),
        ("Security vulnerabilities", "security_scan_passing"), ("Team satisfaction", "report.survey"),
        ("Documentation completeness", "runbook_documentation"), ("Training completed", "report.training"),
        ("Readiness items with evidence", "readiness"),
    ):  # fmt: skip
        assert setting in found[title][1]
        assert found[title][2] == "–"


def test_r25_3_of_120_bugs_escaped(tmp_path: Path, gitea: GiteaApi, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of pages of 50, and of bugs that were closed since."""
    monkeypatch.setenv("GITEA", ACCESS)
    tracker: dict[str, Any] = {
        "code_host": "gitea", "repository": "acme/shop", "url": gitea.url, "token": "secret://env/GITEA",
        "customer_label": "customer",
    }  # fmt: skip
    configured(tmp_path, report={"issues": tracker})
    Store(tmp_path / ".pilotage")
    found = rows(tmp_path)
    assert found["Escaped bugs"] == ["< 2 %", "2.5% (0.9%–7.1%, 3 of 120)", "no"]
    assert found["Customer-reported issues"][1].startswith("7 ")
    assert rows(tmp_path, "trends")["Escaped bugs"][-3:] == ["100%", "2%", "–"]
    gitea.refuse = 403
    assert "403" in rows(tmp_path)["Escaped bugs"][1]
    assert ACCESS not in run("-c", str(tmp_path / "pilotage.yaml"), "retro")


def test_r25_findings_are_kept_at_each_check_of_readiness(tmp_path: Path) -> None:
    configured(tmp_path, readiness=SECURITY)
    place = ("service", "production")
    for count in (3, 1):
        found = [{"id": f"CVE-2026-{n}", "package": "x", "severity": "high"} for n in range(count)]
        (tmp_path / "audit.json").write_text(osv(found))
        CliRunner().invoke(cli, ["-c", str(tmp_path / "pilotage.yaml"), "ready", "2.0"])
    store = Store(tmp_path / ".pilotage")
    (one,) = kept(store.engine, place, "security_scan_passing", time.time() + 1)
    assert (one.version, one.value) == ("2.0", 1), "the last of a day counts"
    assert rows(tmp_path)["Security vulnerabilities"] == ["0", "1 open in 2.0", "no"]


def osv(found: list[dict[str, str]]) -> str:
    """As OSV-Scanner writes it."""
    packages = [
        {"package": {"name": one["package"], "version": "1", "ecosystem": "PyPI"},
         "vulnerabilities": [{"id": one["id"], "summary": "bad"}]}
        for one in found
    ]  # fmt: skip
    return json.dumps({"results": [{"source": {"path": "uv.lock"}, "packages": packages}]})


def test_r25_the_team_its_training_its_runbooks_and_its_process(tmp_path: Path) -> None:
    today = datetime.now(UTC).date().isoformat()
    (tmp_path / "team.csv").write_text(f"day,team_satisfaction\n{today},4\n{today},5\n{today},3\n2020-01-01,1\n")
    (tmp_path / "training.json").write_text(
        json.dumps([{"person": "ada", "training": "rollback", "day": today}, {"person": "bob", "training": "rollback"}])
    )
    (tmp_path / "runbook.md").write_text("# High error rate\n\nRoll back.\n")
    runbooks = {"evidence": {"runbook_documentation": {"runbooks": ["runbook.md"]}}}
    configured(tmp_path, report={"survey": "team.csv", "training": "training.json"}, readiness=runbooks)
    store, now = Store(tmp_path / ".pilotage"), time.time()
    checked = ReadinessChecked(waivers={"a": "x"}, artifact="", gate_count=10, not_required={"b": "y", "c": "z"})
    released(store, "2.0", "1.0", now - 3 * DAY, checked)
    reports.add(store.engine, Report(service="service", environment="production", version="2.0", at=now - DAY))
    found = rows(tmp_path)
    assert found["Team satisfaction"][1] == "4.0 of 5 (±2.5, n = 3)"
    assert found["Training completed"][1] == "50% (9%–91%, 1 of 2)"
    assert found["Documentation completeness"][1].startswith("25% ")
    assert found["Readiness items with evidence"][1] == "88% (53%–98%, 7 of 8)"
    assert found["Customer-reported issues"][1].startswith("1 ")
    assert "not connected" not in json.dumps([row for title, row in found.items() if title != "Escaped bugs"])


def test_r25_the_answers_of_the_form_count_where_there_is_no_file(tmp_path: Path) -> None:
    configured(tmp_path)
    store = Store(tmp_path / ".pilotage")
    for token, mark in zip(reports.invite(store.engine, "service", "production", 2, time.time()), (2, 4), strict=True):
        marks = {"team_satisfaction": mark, "knowledge_sharing": 5}
        assert reports.answer_invitation(store.engine, token, marks, "", time.time() - DAY)
    assert rows(tmp_path)["Documentation completeness"][1] == "the team says 5.0 of 5, n = 2"
    assert rows(tmp_path)["Team satisfaction"][1].startswith("3.0 of 5")


def test_r25_a_trend_over_six_periods_is_told_only_where_chance_does_not_explain_it(tmp_path: Path) -> None:
    configured(tmp_path)
    store, now = Store(tmp_path / ".pilotage"), time.time()
    checked = ReadinessChecked(waivers={}, artifact="", gate_count=10)
    for back in range(5, -1, -1):
        took = 600 + 60 * back
        released(store, f"2.{5 - back}", "1.0", now - back * 30 * DAY - 2 * DAY, checked, took)
    found = rows(tmp_path, "trends")
    assert found["Deployment duration"] == ["15m", "14m", "13m", "12m", "11m", "10m", "falls"]
    assert found["Readiness items with evidence"][-1] == "none"


def test_r25_people_whose_training_readiness_asks_for_count_as_training(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("name,date\nada,2026-01-05\nbob,2026-02-05\neve,\n")
    configured(tmp_path, readiness={"evidence": {"support_team_training": {"people": "people.csv"}}})
    Store(tmp_path / ".pilotage")
    assert rows(tmp_path)["Training completed"][1] == "67% (21%–94%, 2 of 3)"
