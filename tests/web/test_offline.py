"""R34, R35: what a page leads with while users are not served, or while nobody knows."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from pilotage.app.project import Project
from pilotage.engine.placement.location import place_of
from pilotage.model.events import RecordsWentBack
from tests.web.records import ended
from tests.web.site import Served

PLACE = "/services/shop/production"
API = "/api/v1/services/shop/environments/production"


@pytest.fixture(autouse=True)
def no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Project, "ensure_worker", lambda _: None)


def noted(server: Served, **facts: object) -> Path:
    """As a worker notes what it sees."""
    folder = place_of(server.store.directory, "shop", "production")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "seen.json").write_text(json.dumps(facts))
    return folder


def test_r35_home_the_grid_and_the_environment_lead_with_the_outage(server: Served) -> None:
    ended(server.store, "shop", "production", "2.4.0")
    since = time.time() - 600
    noted(server, at=since, healthy=0, instances=2, down_since=since)
    server.person("ada", "viewer")
    browser = server.signed_in("ada")
    for path in ("/", "/services", "/services/shop", PLACE):
        text = browser.get(path).text
        lead = text.partition(">shop in production is offline</a>")[2].partition("</div>")[0]
        for words in ("its router is not running", "min ago", "pilotage -s shop deploy 2.4.0 -e production</code>"):
            assert words in lead, (path, words)
    assert "Served last" in browser.get(PLACE).text, "it serves nobody now"
    assert "<h1>shop in production is offline; nothing rolls out" in browser.get("/").text
    (cell,) = (one for one in browser.get("/services.json?show=offline").json["services"][0]["environments"]
               if one["environment"] == "production")  # fmt: skip
    assert (cell["outage"]["presence"], cell["outage"]["reason"]) == ("offline", "its router is not running")
    shown = browser.get("/api/v1/services/shop/environments/production").json
    assert shown["outage"] == cell["outage"]


def test_r35_who_may_not_see_an_environment_hears_of_no_outage(server: Served) -> None:
    ended(server.store, "shop", "production", "2.4.0")
    server.person("vic", "viewer@search")
    browser = server.signed_in("vic")
    for path in ("/", "/services"):
        assert "is offline" not in browser.get(path).text


def test_r35_after_a_restore_the_page_says_so_and_takes_the_word_of_a_person(server: Served) -> None:
    last = ended(server.store, "shop", "production", "2.4.0")
    event = RecordsWentBack(
        rollout="shop-production-9", head="abc", reason="the store went back in time: it is missing"
    )
    server.store.note_after(server.store.get(last.id), event.record(), time.time())
    server.person("ada", "admin")
    server.person("vic", "viewer")
    browser = server.signed_in("ada")
    text = browser.get(PLACE).text
    assert "<code>pilotage -s shop store accept -e production</code>" in text
    assert "deploy 2.4.0" not in text, "a deployment would be refused"
    assert "Accept the records of shop in production" in text
    assert "Accept the records" not in server.signed_in("vic").get(PLACE).text
    assert server.signed_in("vic").submit(f"{PLACE}/accept-records", reason="x").status == 403
    assert "went back" in server.signed_in("vic").get(f"{API}/setback").json["sentence"]
    assert server.with_token("vic", "viewer").post(f"{API}/accept-records", {}).status == 403
    for _ in range(2):
        got = browser.submit(f"{PLACE}/accept-records", reason="the disk failed")
        assert got.status in (303, 400)
    told = [one.type for one in server.store.events(last.id)]
    assert told.count("records-accepted") == 1
    assert server.store.setback(last.id) == ""


def test_r35_a_program_accepts_the_records_once(server: Served) -> None:
    last = ended(server.store, "shop", "production", "2.4.0")
    event = RecordsWentBack(rollout="shop-production-9", head="abc", reason="the store went back in time")
    server.store.note_after(server.store.get(last.id), event.record(), time.time())
    server.person("ada", "admin")
    ada = server.with_token("ada", "admin")
    for _ in range(2):
        got = ada.post(f"{API}/accept-records", {"reason": "the disk failed"}, **{"Idempotency-Key": "one"})
        assert (got.status, "are accepted" in got.json["sentence"]) == (200, True)
    assert ada.post(f"{API}/accept-records", {}).json["code"] == "nothing-to-accept"
    assert ada.get(f"{API}/setback").json["sentence"] == ""
    (told,) = [one for one in server.store.events(last.id) if one.type == "records-accepted"]
    assert "the disk failed" in told.sentence
