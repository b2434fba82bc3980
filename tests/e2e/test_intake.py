"""What users say while a release rolls out: typed into a real form, sent by a real program, and what it does to the
release (R12, R13, R24)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from pilotage.adapters.free_port import free_port
from pilotage.adapters.standard_webhooks import key_of, signature
from pilotage.model.rollout import HoldCause, Status

from ..programs import needs
from .conftest import Make, Shop, users

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("browser")]


SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@contextmanager
def intake(shop: Shop) -> Iterator[int]:
    """The port of `pilotage serve-intake`, in a process of its own as users run it."""
    port = free_port()
    path = shop.directory / "pilotage.yaml"
    section = {
        "url": f"http://127.0.0.1:{port}", "listen": f"127.0.0.1:{port}", "environment": "production", "title": "Shop",
        "secret": "secret://env/INTAKE_SECRET",
    }  # fmt: skip
    path.write_text(json.dumps({**json.loads(path.read_text()), "intake": section}))
    command = [sys.executable, "-m", "pilotage.cli.main", "serve-intake"]
    server = subprocess.Popen(
        command, cwd=shop.directory, stderr=subprocess.PIPE, env={**os.environ, "INTAKE_SECRET": SECRET}
    )
    try:
        assert server.stderr is not None
        assert b"listening on" in server.stderr.readline()
        yield port
    finally:
        server.terminate()
        server.wait(10)


def send(port: int, user: int, form: str, **fields: Any) -> int:
    """From an address of its own; returns the status of HTTP."""
    address = (f"127.0.{1 + user // 250}.{1 + user % 250}", 0)
    connection = HTTPConnection("127.0.0.1", port, timeout=20, source_address=address)
    connection.request("POST", f"/{form}", urlencode(fields))
    status = connection.getresponse().status
    connection.close()
    return status


def test_twenty_reports_against_two_a_day_hold_a_canary_and_one_confirmed_undoes_it(shop: Make) -> None:
    """R12's and R13's user reports: flood from one address is one, others hold and page, a person confirms."""
    made = shop("medium", complaints__usual_per_day=2, canary__phase_duration="60s")
    made.run("deploy", made.release("1.0.0"))
    with intake(made) as port, users(made):
        made.run("deploy", made.release("1.1.0"), "--detach")
        made.wait(lambda r: r.state.reached == 250 and r.state.watched > 0.5)
        codes = [send(port, 0, "report?version=1.1.0", text=f"broken {n}") for n in range(25)]
        assert (codes.count(303), codes.count(422), codes.count(429)) == (1, 19, 5)
        made.wait(lambda r: ("complaints", "pass") in r.state.verdicts)
        assert [send(port, user, "report?version=1.1.0", text="the cart is empty") for user in range(1, 20)] == [
            303
        ] * 19
        held = made.wait(lambda r: r.state.hold is not None and r.state.hold.cause is HoldCause.COMPLAINTS)
        assert held.state.hold is not None
        assert "users reported a problem" in held.state.hold.sentence
        assert held.state.reached == 250
        listed = made.json("harm", "list")["reports"]
        assert [one["text"] for one in listed].count("the cart is empty") == 19
        told = made.run("harm", "confirm", str(listed[0]["number"]), "-m", "no prices for new customers")
        assert told == f"report {listed[0]['number']} is confirmed; 1.1.0 rolls back\n"
        undone = made.wait_end()
    assert undone.state.status is Status.ROLLED_BACK
    assert "confirmed by ada: report" in undone.state.reason
    lines = map(json.loads, made.run("events", "--json").splitlines())
    event = next(e for e in lines if e["type"] == "rollback-started")
    assert event["data"]["cause"] == "reported"
    assert undone.state.returned
    assert "the cart is empty" not in made.run("events"), "what users write stays out of the chain"


def signed(port: int, version: str, reporter: str) -> int:
    """As a support desk sends it; returns the status of HTTP."""
    data = {"version": version, "text": "the cart is empty", "reporter": reporter}
    body, now = json.dumps({"type": "harm.reported", "data": data}).encode(), int(time.time())
    mac = signature(f"msg_{reporter}", now, body, key_of(SECRET))
    headers = {
        "webhook-id": f"msg_{reporter}", "webhook-timestamp": str(now), "webhook-signature": f"v1,{mac}",
    }  # fmt: skip
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("POST", "/reports", body, headers)
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.mark.long
def test_reports_of_a_support_desk_undo_a_release_at_low_risk_tolerance(shop: Make) -> None:
    """R13's complaints: signed, about the new version, and more than usual."""
    made = shop("low", canary__phase_duration="60s")
    made.run("deploy", made.release("1.0.0"))
    with intake(made) as port, users(made):
        made.run("deploy", made.release("1.1.0"), "--detach")
        made.wait(lambda r: r.state.reached == 250 and r.state.watched > 0.5)
        assert [signed(port, "1.1.0", f"customer-{n % 4}") for n in range(8)] == [201] * 4 + [200] * 4
        undone = made.wait_end()
    assert undone.state.status is Status.ROLLED_BACK
    assert "4 users reported a problem with 1.1.0" in undone.state.reason


@pytest.mark.parametrize(
    "marks",
    [
        pytest.param((5, 5, 5, 5, 4), marks=pytest.mark.long, id="4.8"),
        pytest.param((4, 4, 4, 4, 4, 4, 4, 4, 4, 3), marks=pytest.mark.long, id="3.9"),
    ],
)
def test_200_answers_decide_whether_a_canary_gets_more_users(shop: Make, marks: tuple[int, ...]) -> None:
    """R13's user satisfaction above 95 %: at 4.8 of 5 it goes on, at 3.9 it is held."""
    made, ratings = shop("medium", canary__phase_duration="10s"), marks * (200 // len(marks))
    made.configure(analysis={"signals": {"user_satisfaction": "feedback"}})
    with intake(made) as port, users(made):
        made.run("deploy", made.release("1.0.0"))
        made.run("deploy", made.release("1.1.0"), "--detach")
        made.wait(lambda r: r.state.reached == 250)
        with ThreadPoolExecutor(8) as pool:
            sent = pool.map(lambda one: send(port, one[0], "feedback?version=1.1.0", rating=one[1]), enumerate(ratings))
            assert set(sent) == {303}
        if 5 in marks:
            assert made.wait_end().state.status is Status.COMPLETED
            assert "4.80" in made.run("report", "--audience", "business")
            return
        held = made.wait(lambda r: r.state.hold is not None and "from 200 answers" in r.state.hold.sentence)
        assert held.state.hold is not None
        assert held.state.hold.cause is HoldCause.INCONCLUSIVE
        assert "3.90 of 5 (78%) from 200 answers: below 95%" in held.state.hold.sentence
        assert held.state.reached == 250
        made.run("abort")
        made.wait_end()


@pytest.mark.long
@pytest.mark.parametrize("width", [390, pytest.param(1280, marks=pytest.mark.long)])
def test_a_browser_fills_in_the_forms_without_a_script(shop: Make, tmp_path: Path, width: int) -> None:
    """R24's feedback: readable on a phone, usable by keyboard and by assistive technology."""
    made = shop()
    made.run("deploy", made.release("1.0.0"))
    with intake(made) as port, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=needs("chromium"), args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": width, "height": 844}, java_script_enabled=True)
        page.goto(f"http://127.0.0.1:{port}/?version=1.0.0")
        page.click("text=Report a problem")
        assert "version 1.0.0" in page.inner_text("main")
        assert Axe().run(page).response["violations"] == []
        page.fill("textarea", "<script>alert('x')</script> I see other people's carts")
        page.fill("input[name=request]", "req-4711")
        page.click("text=Send report")
        assert page.inner_text("h1") == "Thank you"
        page.goto(f"http://127.0.0.1:{port}/feedback?version=1.0.0")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert Axe().run(page).response["violations"] == []
        page.check("input[value='4']")
        page.fill("textarea", "faster than before")
        page.screenshot(path=str(tmp_path / f"feedback-{width}.png"))
        page.click("text=Send feedback")
        assert page.inner_text("h1") == "Thank you"
        browser.close()
    (harm,) = made.json("harm", "list")["reports"]
    assert (harm["text"], harm["request"]) == ("<script>alert('x')</script> I see other people's carts", "req-4711")
    (rated,) = made.json("feedback", "list")["reports"]
    assert (rated["rating"], rated["version"], rated["text"]) == (4, "1.0.0", "faster than before")
