"""R34: incidents, follow-ups, users' reports, flags and DORA's figures as pages."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from pilotage.app.project import Project
from pilotage.app.report_page import _plain
from pilotage.engine.records import reports
from pilotage.engine.records.followups import actions_of
from pilotage.model.report import Report, ReportKind, ReportState
from pilotage.model.rollout import Status
from tests.web.records import ended
from tests.web.site import CONFIG, Client, Served, served

HOSTILE = '<script>alert("x")</script>'
ACTION = {"description": HOSTILE, "owner": "ada", "due": "2020-01-01", "criterion": "it is seen", "priority": "high"}


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setattr(Project, "ensure_worker", lambda _: None)
    with served(tmp_path, CONFIG) as found:
        yield found


def person(server: Served, name: str, *roles: str) -> Client:
    server.person(name, *roles)
    return server.signed_in(name)


def reported(server: Served, service: str = "shop", text: str = HOSTILE, kind: ReportKind = ReportKind.HARM) -> int:
    made = reports.add(
        server.store.engine,
        Report(service=service, environment="production", version="2.4.0", text=text, at=1e9, kind=kind, rating=4),
    )
    assert made is not None
    return made


# ── incidents ──────────────────────────────────────────────────────────────────────────────────────────────


def test_r34_incidents_show_what_was_undone_where_the_reader_may_see(there: Served) -> None:
    undone = ended(there.store, "shop", "staging", "2.4.0", status=Status.ROLLED_BACK, reason=HOSTILE)
    ended(there.store, "search", "production", "8.1.0", status=Status.ROLLED_BACK)
    ada = person(there, "ada", "viewer@shop")
    assert [one["version"] for one in ada.get("/incidents.json").json["rollouts"]] == ["2.4.0"]
    text = ada.get("/incidents").text
    assert "8.1.0" not in text
    assert HOSTILE not in text
    report = ada.get(f"/incidents/{undone.id}")
    assert (report.status, HOSTILE in report.text) == (200, False)
    assert ada.get(f"/incidents/{undone.id}.json").json["incident"]["title"]
    assert person(there, "bob", "viewer@search").get(f"/incidents/{undone.id}").status == 403
    assert "No rollout was undone" in person(there, "eve", "viewer@shop/production").get("/incidents").text


def test_r26_follow_ups_are_added_and_finished_by_forms(there: Served) -> None:
    ann = person(there, "ann", "author@shop")
    assert ann.submit("/followups/shop", **ACTION).status == 303
    (action,) = actions_of(there.store.engine, "shop")
    text = ann.get("/incidents").text
    assert "overdue" in text
    assert HOSTILE not in text
    assert ann.submit("/followups/search", **ACTION).status == 403
    for wrong in ({"due": "soon"}, {"owner": " "}, {"priority": "urgent"}):
        assert ann.submit("/followups/shop", **{**ACTION, **wrong}).status == 400
    where = f"/followups/shop/{action.id}/done"
    assert ann.submit(where, outcome="").status == 400
    assert person(there, "vera", "viewer").submit(where, outcome="x").status == 403
    assert ann.submit(where, outcome="seen by bob").status == 303
    assert actions_of(there.store.engine, "shop", open_only=True) == ()
    assert ann.submit("/followups/shop/one/done", outcome="x").status == 400


def test_r26_a_users_report_is_dismissed_or_confirmed_by_who_may(there: Served) -> None:
    first, second = reported(there), reported(there)
    reported(there, "search")
    reported(there, text="lovely", kind=ReportKind.FEEDBACK)
    dan = person(there, "dan", "deployer@shop")
    text = dan.get("/incidents").text
    assert "2 reports of users wait for a decision" in text
    assert HOSTILE not in text
    assert "lovely" in text
    assert person(there, "vera", "viewer@shop").submit(f"/harm/shop/{first}/dismiss", reason="x").status == 403
    assert dan.submit(f"/harm/shop/{first}/dismiss", reason=" ").status == 400
    assert dan.submit(f"/harm/shop/{first}/dismiss", reason="a test").status == 303
    assert dan.submit(f"/harm/search/{first}/dismiss", reason="a test").status == 403
    got = dan.submit(f"/harm/shop/{second}/confirm", reason="real")
    assert "nothing is rolled back" in got.text
    states = {one.id: one.state for one in reports.listed(there.store.engine, "shop", [ReportKind.HARM])}
    assert states == {first: ReportState.DISMISSED, second: ReportState.CONFIRMED}
    assert dan.submit(f"/harm/shop/{first}/confirm", reason="x").status == 409


# ── reports ────────────────────────────────────────────────────────────────────────────────────────────────


def test_r34_each_figure_leads_to_the_rollouts_behind_it_and_names_what_it_leaves_out(there: Served) -> None:
    good = ended(there.store, "shop", "production", "2.4.0", old="2.3.0")
    server_rollout = there.rollout("shop", "production", "2.5.0")
    ada = person(there, "ada", "viewer@shop")
    text = ada.get("/reports/shop/production").text
    assert good.id in text
    assert server_rollout.id in text
    assert "in progress" in text
    assert "definitions of version" in text
    assert "No rollout in this period" in ada.get("/reports/shop/staging").text
    found = ada.get("/reports/shop/production.json?since=7d").json
    assert {one["id"] for one in found["metrics"]} >= {"deployment-frequency", "change-fail-rate"}
    rows = list(csv.DictReader(io.StringIO(ada.get("/reports/shop/production.csv").text)))
    assert {row["rollout"] for row in rows} == {good.id, server_rollout.id}
    for wrong in ("since=lately", "until=tomorrow", "since=2026-13-01", "until=0001-01-01"):
        assert ada.get(f"/reports/shop/production?{wrong}").status == 400, wrong
    assert ada.get("/reports/search/production").status == 403
    listed = ada.get("/reports").text
    assert "/reports/shop/production" in listed
    assert "/reports/search" not in listed


@pytest.mark.parametrize("cell", ["=cmd()", "+1", "-1", "@x", "\tx"])
def test_r34_a_cell_of_csv_is_no_formula(cell: str) -> None:
    assert _plain(cell) == f"'{cell}"
    assert _plain("2.4.0") == "2.4.0"


# ── flags ──────────────────────────────────────────────────────────────────────────────────────────────────

FLAG = "        flag: {file: flags.json, key: new-checkout, owner: ada, expires: 2020-01-01}\n"


@pytest.fixture
def flagged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setattr(Project, "ensure_worker", lambda _: None)
    lines = CONFIG.splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if "18080" in line)
    with served(tmp_path, "".join([*lines[: at + 1], FLAG, *lines[at + 1 :]])) as found:
        yield found


def test_r30_flags_show_owner_expiry_and_who_has_them_and_the_kill_switch_turns_one_off(flagged: Served) -> None:
    dan = person(flagged, "dan", "deployer@shop/production")
    text = dan.get("/flags").text
    assert "new-checkout" in text
    assert "expired 2020-01-01" in text
    page = dan.get("/flags/shop/production").text
    assert "Turn new-checkout off for everyone" in page
    got = dan.submit("/flags/shop/production/kill", reason=HOSTILE)
    assert HOSTILE not in got.text
    assert got.status in (200, 503), got.text
    assert dan.get("/flags/shop/production/kill").status in (404, 405)
    vera = person(flagged, "vera", "viewer")
    assert "Turn new-checkout off" not in vera.get("/flags/shop/production").text
    assert vera.submit("/flags/shop/production/kill").status == 403
    assert vera.get("/flags/shop/staging").status == 404
    assert "No flag is configured" in person(flagged, "eve", "viewer@search").get("/flags").text
