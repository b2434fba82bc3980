"""What is learned of releases: an incident, the report of a time, DORA, a retrospective, the page for the public."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest

from pilotage.adapters.free_port import free_port
from pilotage.adapters.static_server import serve

from ..monitors import wait_for
from ..programs import needs
from .conftest import Make, Shop, users

pytestmark = pytest.mark.real


def configure(it: Shop, **sections: Any) -> None:
    path = it.directory / "pilotage.yaml"
    path.write_text(json.dumps({**json.loads(path.read_text()), **sections}))


def story(it: Shop) -> None:
    """Three releases: the first, a good one, and one that is undone."""
    today, before = (time.strftime("%Y-%m-%d", time.gmtime(time.time() - days * 86400)) for days in (0, 40))
    (it.directory / "sales.csv").write_text(f"day,value\n{today},120\n{before},100\n")
    configure(
        it,
        report={"business_metrics": [{"name": "sales", "csv": "sales.csv"}, {"name": "mood", "csv": "missing.csv"}]},
        status_page={"folder": "public", "title": "Shop status", "environment": "production",
                     "url": "https://status.example.org/"},
    )  # fmt: skip
    it.run("deploy", it.release("v1"))
    with users(it):
        it.run("deploy", it.release("v2"))
        it.run("deploy", it.release("v3", "errors"), expect=4)


def test_r21_r24_r25_what_happened_is_told_with_its_numbers(shop: Make) -> None:
    it = shop()
    story(it)
    rollout = it.latest()
    _incident(it, rollout.id)
    _what_to_do(it)
    _figures(it)
    _retrospective(it)
    _public(it)
    _pictures(it)


def _incident(it: Shop, rollout: str) -> None:
    text = it.run("incident", "--format", "markdown")
    assert text.startswith("# Incident: shop v3 in production")
    assert "v2 serves all requests again" in text
    assert "failed requests to v3" in text
    told = it.run("events", rollout, "--json").splitlines()
    assert text.count("\n| 20") == len(told), "every event stands in the timeline"
    data = json.loads(it.run("incident", "--format", "json"))
    impact = next(s for s in data["incident"]["sections"] if s["id"] == "impact")
    bars = {bar["label"]: bar for bar in impact["figure"]["bars"]}
    assert bars["v3"]["value_percent"] > 10 * bars["v2"]["value_percent"]
    assert bars["v3"]["low_percent"] < bars["v3"]["value_percent"] < bars["v3"]["high_percent"]


def _what_to_do(it: Shop) -> None:
    """Rule 13: of the metric that failed, what changed, where to look, what to type."""
    remedy = json.loads(it.run("explain", "--json"))["remedies"][0]
    assert remedy["metric"] == "error rate"
    assert " on v2, " in remedy["changed"][0]
    assert any(command.startswith("grep ") for command in remedy["commands"])
    assert "type: pilotage incident" in it.run("explain")


def _figures(it: Shop) -> None:
    found = json.loads(it.run("dora", "--since", "1d", "--format", "json"))
    values = {f["id"]: f for f in found["metrics"]}
    assert values["deployment-frequency"]["samples"] == 3
    assert values["change-fail-rate"]["value"] == pytest.approx(100 / 3)
    (failed,) = values["change-fail-rate"]["counted"]
    assert failed == it.latest().id
    assert 0 < values["failed-deployment-recovery-time"]["value"] < 30
    assert values["deployment-rework-rate"]["value"] == 0
    executive = it.run("report", "--audience", "executive", "--since", "30d", "--format", "markdown")
    assert "3 of them brought users a new version, and 1 of these failed" in executive
    assert "sales +20.0% against the period before" in executive
    business = it.run("report", "--audience", "business", "--since", "30d", "--format", "markdown")
    assert "| sales | 100 | 120 | +20.0% | 1 and 1 readings |" in business
    assert "missing.csv cannot be read" in business
    technical = it.run("report", "--audience", "technical", "--format", "markdown")
    assert "error rate" in technical.partition("## Performance")[2]
    assert (
        "Not connected"
        in it.run("report", "--audience", "business", "--format", "markdown").partition("## Feedback")[2]
    )


def _retrospective(it: Shop) -> None:
    wait_for(lambda: len(it.json("followup", "list")["followups"]) == 7, lambda: it.run("followup", "list"))
    added = it.run("followup", "add", "smoke test for errors", "--owner", "bob", "--due", "2026-01-05", "--criterion",
           "a bad build fails it", "--priority", "high")  # fmt: skip
    number = added.partition(":")[0].removeprefix("follow-up ")
    assert int(number) == 8, "seven are what the rollback left to do"
    sheet = it.run("retro", "--format", "markdown")
    assert "Agenda, 60 minutes" in sheet
    assert "| Rolled-back deployments | < 5 % | 33.3%" in sheet.replace("&lt;", "<").replace("\\<", "<")
    assert f"action {number} is overdue since 2026-01-05, owned by bob" in sheet
    told = json.loads(it.run("ready", "v4", "--json", expect=3))
    (gate,) = [one for one in told["gates"] if one["item"] == f"followup_{number}"]
    assert (gate["status"], gate["next_step"]) == ("not-ready", f"pilotage followup done {number} --outcome …")
    it.run("followup", "done", number, "--outcome", "the smoke test found the next one")
    told = json.loads(it.run("ready", "v4", "--json", expect=3))
    assert not [one for one in told["gates"] if one["item"] == f"followup_{number}"]
    it.run(
        "followup", "add", "write it down", "--owner", "eve", "--due", "2099-01-05", "--criterion", "it stands there"
    )
    it.run("followup", "export", "--ics", "actions.ics")
    assert b"SUMMARY:shop: write it down" in (it.directory / "actions.ics").read_bytes()


def _public(it: Shop) -> None:
    it.run("announce", "track", "v5", "--date", "2027-06-18", "--as-of", "2026-11-24")
    folder, until = it.directory / "public", time.monotonic() + 30
    # The worker writes it, without being asked.
    while not (data := json.loads((folder / "status.json").read_text()))["scheduled"] or (
        b"SUMMARY:shop v5" not in (folder / "planned.ics").read_bytes()
    ):
        assert time.monotonic() < until, data
        time.sleep(0.1)
    (service,) = data["services"]
    assert (service["name"], service["condition"], service["since"]) == ("shop", "operational", None)
    assert service["history"][-1]["state"] == "degraded", "today it had an incident"
    assert service["history"][0]["state"] == "not-observed"
    (incident,) = data["incidents"]
    # One look finds the harm and undoes the release, or two do.
    states = [u["state"] for u in incident["updates"]]
    assert states in (["investigating", "identified", "resolved"], ["identified", "resolved"])
    assert incident["resolved_at"] is not None
    assert [p["title"] for p in data["scheduled"]] == ["shop v5"]
    inner = it.latest().state.reason
    assert inner not in (folder / "index.html").read_text(), "the public is told no inner reasons"
    feed = fromstring((folder / "feed.xml").read_text())
    atom = "{http://www.w3.org/2005/Atom}"
    entries = feed.findall(f"{atom}entry")
    assert len(entries) == len(states) + 1, "the updates of the incident, and what is planned"
    assert all(e.find(f"{atom}{name}") is not None for e in entries for name in ("id", "title", "updated"))
    assert any(_writes_nothing(it, folder) for _ in range(3)), "what is the same is not written"
    _served(it, folder)


def _writes_nothing(it: Shop, folder: Path) -> bool:
    """Unless a minute is over, after which the worker writes when it last looked."""
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    it.run("serve-status", "--once")
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def _served(it: Shop, folder: Path) -> None:
    """By the command, with headers and nothing outside of the folder; and still there when it is killed."""
    port = free_port()
    command = [sys.executable, "-m", "pilotage.cli.main", "serve-status", "--listen", f"127.0.0.1:{port}"]
    process = subprocess.Popen(command, cwd=it.directory, stderr=subprocess.DEVNULL)
    try:
        status, headers, body = _get(port, "/")
        assert status == 200
        assert b"Shop status" in body
        assert "default-src 'none'" in headers["content-security-policy"]
        assert _get(port, "/feed.xml")[1]["content-type"] == "application/atom+xml"
        for path in ("/../pilotage.yaml", "/%2e%2e/pilotage.yaml", "//etc/passwd", "/nothing"):
            assert _get(port, path)[0] == 404, path
    finally:
        process.kill()
        process.wait(10)
    assert (folder / "index.html").read_bytes() == body


def _get(port: int, path: str) -> tuple[int, dict[str, str], bytes]:
    until = time.monotonic() + 20
    while True:
        line = HTTPConnection("127.0.0.1", port, timeout=5)
        with suppress(ConnectionRefusedError):
            line.request("GET", path)
            answered = line.getresponse()
            return answered.status, {k.lower(): v for k, v in answered.headers.items()}, answered.read()
        assert time.monotonic() < until
        time.sleep(0.1)


def _pictures(it: Shop) -> None:
    """Each page in a real browser, wide and narrow: nothing that axe finds, nothing that runs out of the screen."""
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import sync_playwright

    pages = it.directory / "pages"
    pages.mkdir()
    for name, command in {
        "incident": ("incident",), "report": ("report",), "dora": ("dora",), "retro": ("retro",),
    }.items():  # fmt: skip
        it.run(*command, "-o", f"pages/{name}.html")
    (pages / "status.html").write_bytes((it.directory / "public" / "index.html").read_bytes())
    with folder_served(pages) as address, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=needs("chromium"), args=["--no-sandbox", "--disable-gpu"])
        for width in (1280, 390):
            page = browser.new_page(viewport={"width": width, "height": 900})
            for file in sorted(pages.glob("*.html")):
                page.goto(f"{address}/{file.name}")
                found = Axe().run(page)
                assert found.violations_count == 0, (file.name, width, found.generate_report())
                assert page.evaluate("document.documentElement.scrollWidth") <= width, (file.name, width)
        browser.close()


@contextmanager
def folder_served(folder: Path) -> Any:
    with serve(folder, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
