"""Buttons of Slack: signed, of now, by a known person, and about what is asked right now (cases 25 and 26)."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from pilotage.adapters import slack_callback
from pilotage.adapters.slack_callback import MOST, BadCallback, Pressed
from pilotage.app.chat import answer
from pilotage.engine.records.store import Store
from pilotage.model.live import NOTHING_SEEN
from pilotage.model.record import Rollout
from pilotage.model.rollout import CommandKind, Decision, Event, Mode, RolloutState, Status
from pilotage.model.snapshot import read_snapshot
from pilotage.rollout.machine import begin
from tests.plans import a_plan

SECRET, NOW = "8f742231b10e8888abcd99yyyzzz85a5", 1_800_000_000.0
PEOPLE = {"bob": {"roles": [], "aliases": ["slack:U1"]}}


def form(**changed: Any) -> bytes:
    value = {"rollout": "shop-1", "about": 2, "ask": "approve", **changed}
    payload = {
        "type": "block_actions", "user": {"id": "U1", "username": "bob"}, "response_url": "https://hooks.slack.com/x",
        "actions": [{"action_id": "pilotage-approve", "value": json.dumps(value)}],
    }  # fmt: skip
    return urlencode({"payload": json.dumps(payload)}).encode()


def signed(body: bytes, at: float = NOW, secret: str = SECRET) -> dict[str, str]:
    mac = hmac.new(secret.encode(), f"v0:{at:.0f}:".encode() + body, hashlib.sha256).hexdigest()
    return {
        "X-Slack-Request-Timestamp": f"{at:.0f}", "X-Slack-Signature": f"v0={mac}",
        "Content-Type": "application/x-www-form-urlencoded",
    }  # fmt: skip


DEEP = b"payload=" + b"[" * 90_000


def test_a_signed_button_is_read() -> None:
    found = slack_callback.read(signed(form()), form(), SECRET, NOW)
    assert found == Pressed("U1", "bob", "shop-1", "approve", 2, "https://hooks.slack.com/x")


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        (signed(form(), secret="another"), form(), 401),
        (signed(form(), at=NOW - 301), form(), 401),
        (signed(form(), at=NOW + 301), form(), 401),
        (signed(form()), form(ask="abort"), 401),
        ({}, form(), 401),
        ({**signed(form()), "Content-Type": "application/json"}, form(), 415),
        (signed(b"nothing"), b"nothing", 400),
        (signed(form(ask="promote")), form(ask="promote"), 400),
        (signed(form(about="2")), form(about="2"), 400),
        (signed(form(about=True)), form(about=True), 400),
        (signed(form(rollout=["shop-1"])), form(rollout=["shop-1"]), 400),
        (signed(form(rollout="s" * 501)), form(rollout="s" * 501), 400),
        (signed(DEEP), DEEP, 400),
        ({**signed(form()), "X-Slack-Request-Timestamp": "²"}, form(), 401),
        ({**signed(form()), "X-Slack-Request-Timestamp": "1" * 5_000}, form(), 401),
        ({**signed(form()), "X-Slack-Signature": "v0=\xff"}, form(), 401),
    ],
)
def test_case_26_what_is_not_signed_now_by_slack_is_refused(headers: dict[str, str], body: bytes, status: int) -> None:
    with pytest.raises(BadCallback) as told:
        slack_callback.read(headers, body, SECRET, NOW)
    assert told.value.status == status


# ── what comes of it ───────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path)
    yield made
    made.close()


def waiting(store: Store) -> Rollout:
    """A rollout at its gate: event 2 asks."""
    plan = a_plan(version="2.0")
    rollout = store.create(plan, begin(plan, "1.0", Mode.FULL), read_snapshot({"people": PEOPLE}), "ada", time.time())
    return happens(store, rollout, "hold-started")


def happens(store: Store, rollout: Rollout, type_: str, status: Status = Status.HOLDING) -> Rollout:
    state = RolloutState(**{**vars(rollout.state), "status": status, "at": time.time()})
    return store.record(rollout, Decision(state, (), (Event(type_, type_, {"cause": "gate"}),)), None, NOTHING_SEEN)


def press(store: Store, at: Rollout, **changed: Any) -> tuple[int, str]:
    whole = {
        "user": "U1",
        "name": "bob",
        "rollout": at.id,
        "ask": "approve",
        "about": 2,
        "reply_to": "",
        **changed,
    }
    return answer(store, Pressed(**whole))


def test_an_approval_becomes_the_command_of_that_person(store: Store) -> None:
    rollout = waiting(store)
    assert press(store, rollout) == (200, "approve of 2.0 recorded for bob")
    (command,) = store.pending(rollout.id)
    assert (command.kind, command.actor) == (CommandKind.APPROVE, "slack:U1")


def test_case_25_a_button_of_an_earlier_question_answers_nothing(store: Store) -> None:
    rollout = waiting(store)
    rollout = happens(store, rollout, "hold-ended", Status.PROGRESSING)
    assert press(store, rollout) == (409, "this question is no longer open")
    rollout = happens(store, rollout, "hold-started")
    assert press(store, rollout, about=2)[0] == 409
    assert press(store, rollout, about=4)[0] == 200
    assert len(store.pending(rollout.id)) == 1


def test_strangers_and_ended_rollouts_are_refused(store: Store) -> None:
    rollout = waiting(store)
    assert press(store, rollout, user="U9", name="mallory")[0] == 403
    assert press(store, rollout, rollout="nothing")[0] == 404
    rollout = happens(store, rollout, "completed", Status.COMPLETED)
    assert press(store, rollout, ask="abort")[0] == 409
    assert store.pending(rollout.id) == ()


@contextmanager
def listening(take: Any) -> Iterator[tuple[str, int]]:
    with slack_callback.serve("127.0.0.1", 0, take) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield "127.0.0.1", server.server_address[1]
        server.shutdown()


def test_the_server_takes_posts_of_a_sensible_size_only() -> None:
    taken: list[bytes] = []

    def take(_headers: Any, body: bytes) -> tuple[int, str]:
        taken.append(body)
        return 200, ""

    with listening(take) as place:
        line = HTTPConnection(*place, timeout=5)
        for method, body, status in (("POST", b"x", 200), ("GET", None, 405), ("POST", b"x" * (MOST + 1), 413)):
            line.request(method, "/", body)
            answered = line.getresponse()
            answered.read()
            assert answered.status == status
            line.close()
    assert taken == [b"x"]


def test_whatever_is_sent_nothing_is_printed_and_the_answer_is_one_of_http(capfd: pytest.CaptureFixture[str]) -> None:
    """Lengths that are none, bodies that are cut off, and what goes wrong inside."""

    def take(*_: object) -> tuple[int, str]:
        raise RuntimeError("the store is locked")

    with listening(take) as place:
        for sent, status in (
            (b"POST / HTTP/1.1\r\nContent-Length: \xb2\r\n\r\n", b"411"),
            (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"411"),
            (b"POST / HTTP/1.1\r\nContent-Length: " + b"1" * 5_000 + b"\r\n\r\n", b"411"),
            (b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab", b"400"),
            (b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nab", b"500"),
            (b"\x16\x03\x01\x02\x00\r\n\r\n", b"400"),
        ):
            with socket.create_connection(place, 5) as line:
                line.sendall(sent)
                line.shutdown(socket.SHUT_WR)
                answered = b"".join(iter(lambda line=line: line.recv(4096), b""))  # type: ignore[misc]
                assert status in answered.partition(b"\n")[0] or status in answered
    assert capfd.readouterr().err == ""


def test_slow_clients_and_many_of_them_do_not_keep_the_listener(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half requests are closed after their time, those beyond the limit at once, and a whole one is answered again."""
    monkeypatch.setattr(slack_callback, "_PATIENCE", 0.5)
    with listening(lambda *_: (200, "")) as place:
        half = [socket.create_connection(place, 5) for _ in range(slack_callback._MOST_AT_ONCE + 4)]
        for line in half:
            line.sendall(b"P")
        assert [line.recv(1) for line in half] == [b""] * len(half)
        answered: list[int] = []
        for _ in range(50):  # until the last of them has left
            whole = HTTPConnection(*place, timeout=5)
            with suppress(OSError, HTTPException):
                whole.request("POST", "/", b"x")
                answered.append(whole.getresponse().status)
            whole.close()
            if answered:
                break
            time.sleep(0.1)
        assert answered == [200]
        for connection in half:
            connection.close()
