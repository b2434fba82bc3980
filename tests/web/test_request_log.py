"""R35: the server logs each request and each sign-in, and no secret."""

from __future__ import annotations

import json
import logging
import time

import pytest

from pilotage.adapters.log_lines import JsonLines
from pilotage.app.request_log import REQUESTS, SIGN_INS
from tests.web.browsers import GOOD, Browser
from tests.web.site import Served


def lines(caplog: pytest.LogCaptureFixture, logger: str) -> list[dict[str, object]]:
    return [json.loads(JsonLines().format(one)) for one in caplog.records if one.name == logger]


def test_r35_a_request_is_a_line_with_route_status_time_and_actor(
    server: Served, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger=REQUESTS)
    server.person("ada", "viewer")
    rollout = server.rollout()
    ada = server.with_token("ada", "viewer")
    assert ada.get(f"/api/v1/rollouts/{rollout.id}?x=hush-hush").status == 200
    assert server.anybody().get("/link/hush-hush-hush").status == 410
    assert server.anybody().get("/nothing/hush-hush").status == 404
    until = time.monotonic() + 60
    while len(found := lines(caplog, REQUESTS)) < 3:  # a line follows its answer
        assert time.monotonic() < until
        time.sleep(0.01)
    assert [(one["method"], one["route"], one["status"], one["actor"]) for one in found] == [
        ("GET", "/api/v1/rollouts/{rollout}", 200, "ada"),
        ("GET", "/link/{secret}", 410, ""),
        ("GET", "unmatched", 404, ""),
    ]
    assert all(isinstance(one["ms"], float) and one["request_id"] for one in found)
    assert "hush" not in caplog.text
    assert ada.token not in caplog.text


def test_r35_sign_ins_and_failed_ones_are_lines(server: Served, caplog: pytest.LogCaptureFixture) -> None:
    from pilotage.app.identity.passwords import hash_password

    caplog.set_level(logging.INFO, logger=SIGN_INS)
    person = server.store.persons.add("ada", 0.0)
    server.store.accounts.set_password(person.id, hash_password(GOOD))
    browser = Browser(server)
    browser.get("/login")
    browser.submit("/login", name="ada", password="wrong and long enough")
    browser.get("/login")
    assert browser.submit("/login", name="ada", password=GOOD).status == 303
    assert [one["message"] for one in lines(caplog, SIGN_INS)] == [
        "ada did not sign in from 127.0.0.1: wrong name or password, or no account for it",
        "ada signed in by password from 127.0.0.1",
    ]
