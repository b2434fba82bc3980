"""R34: the audit log in the browser, over the API and in files."""

from __future__ import annotations

import itertools
import json
import re

from tests.web.site import Served


def test_r34_a_freeze_in_the_browser_is_a_row_with_who_how_and_from_where(server: Served) -> None:
    server.person("ada", "deployer@shop")
    server.person("rita", "approver")
    form = {"name": "peak", "reason": "Black Friday", "for": "4h", "back": "/"}
    assert server.signed_in("ada").submit("/services/shop/production/freezes", **form).status == 303
    row = server.with_token("rita", "approver").get("/api/v1/audit?action=freeze").json["rows"][0]
    assert (row["actor"], row["kind"], row["proof"], row["address"]) == ("ada", "person", "password", "127.0.0.1")
    assert (row["object"], row["service"], row["environment"]) == ("peak", "shop", "production")
    assert (row["reason"], row["outcome"], row["before"]) == ("Black Friday", "done", None)
    assert row["after"]["freezes"][0]["name"] == "peak"
    page = server.signed_in("rita").get("/audit").text
    assert "Black Friday" in page
    assert "from 127.0.0.1" in page
    day = r"<td data-label=.At.><time [^>]*>\w{3} \d+ \w{3} \d{4}, \d\d:\d\d:\d\d UTC</time>"
    assert re.search(day, page), "a row has its day"
    assert "lifted_by" not in page


def test_r34_a_refusal_is_a_row_and_only_some_may_read_the_log(server: Served) -> None:
    rollout = server.rollout()
    server.person("vera", "viewer")
    server.person("rita", "approver")
    vera, rita = server.with_token("vera", "viewer"), server.with_token("rita", "approver")
    for _ in range(3):
        assert vera.post(f"/api/v1/rollouts/{rollout.id}/abort", {"reason": "users"}).status == 403
    assert vera.get("/api/v1/audit").status == 403
    rows = rita.get("/api/v1/audit?outcome=refused").json["rows"]
    assert [(row["actor"], row["action"]) for row in rows] == [("vera", "read-audit"), ("vera", "take-back")]
    assert "may not return traffic to stable" in rows[1]["reason"]


def test_r34_logins_and_edits_of_the_configuration_are_rows(server: Served) -> None:
    server.person("ada", "admin")
    ada = server.signed_in("ada")
    form = {"name": "peak", "reason": "x", "for": "4h"}
    ada.submit("/services/shop/production/freezes", **form)
    config = server.site.project.config
    config.write_text(config.read_text() + "# edited\n")
    ada.submit("/services/shop/production/freezes", **{**form, "name": "later"})
    rows = ada.get("/audit.json").json["rows"]
    assert [row["action"] for row in rows][:4] == ["freeze", "edit-configuration", "freeze", "edit-configuration"]
    assert rows[1]["before"] == rows[3]["after"] != rows[1]["after"]
    assert any((row["action"], row["actor"]) == ("sign-in", "ada") for row in rows)


def test_r34_a_spreadsheet_takes_no_cell_for_a_formula(server: Served) -> None:
    server.person("ada", "admin")
    ada = server.signed_in("ada")
    ada.submit("/services/shop/production/freezes", **{"name": "=cmd|'/c calc'!A0", "reason": "@SUM(1)", "for": "4h"})
    text = ada.get("/audit.csv?action=freeze").text
    assert "'=cmd|" in text
    assert "'@SUM(1)" in text
    assert ",=" not in text
    lines = [json.loads(line) for line in ada.get("/audit.jsonl").text.splitlines()]
    assert [line["number"] for line in lines] == list(range(1, len(lines) + 1))
    assert all(one["previous"] == before["hash"] for before, one in itertools.pairwise(lines))


def test_r34_what_was_cut_off_shows_by_a_head_from_outside(server: Served) -> None:
    from sqlalchemy import delete

    from pilotage.app.audit_log import verify
    from pilotage.engine.records.tables import heads
    from pilotage.engine.records.tables_identity import audit

    server.person("ada", "admin")
    ada = server.with_token("ada", "admin")
    line = ada.post("/api/v1/audit/head").json["line"]
    assert json.loads(line)["signature"]
    assert ada.get("/api/v1/audit/verification").json["intact"] is True
    kept = server.site.project.folder / "kept.jsonl"
    kept.write_text(line + "\n")
    last = json.loads(line)["events"]
    with server.store.engine.begin() as connection:
        connection.execute(delete(audit).where(audit.c.number == last))
        connection.execute(delete(heads))
    (server.site.project.directory / "keys/signed.jsonl").unlink()
    assert verify(server.site.project, "ada").faults == ()
    (fault,) = verify(server.site.project, "ada", anchors=[kept]).faults
    assert fault == f"rows up to {last} were written and {last - 1} are present, so says file {kept}"


def test_r34_pages_of_the_log_follow_each_other(server: Served) -> None:
    server.person("ada", *(f"viewer@s{number}" for number in range(5)), "admin")
    ada = server.with_token("ada", "admin")
    first = ada.get("/api/v1/audit?limit=3").json
    second = ada.get(f"/api/v1/audit?limit=3&below={first['next']}").json
    numbers = [row["number"] for row in (*first["rows"], *second["rows"])]
    assert numbers == list(range(numbers[0], numbers[0] - 6, -1))
