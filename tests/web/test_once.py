"""R34, P1, C6 35: a POST with an Idempotency-Key is done once, whatever is sent twice and whichever server dies."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pilotage.app import commands
from pilotage.app.homes import Attended
from pilotage.engine.records.at_work import Key
from pilotage.engine.records.once import LEASE, Found, Once, Superseded
from pilotage.engine.records.store import Store
from pilotage.model.rollout import CommandKind
from tests.web.site import Client, Got, Served


@pytest.fixture
def ada(server: Served, monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setattr(commands, "attend", lambda *_: Attended.NOBODY)
    server.person("ada", "admin")
    return server.with_token("ada", "admin")


def _promote(client: Client, rollout: str, key: str, reason: str = "") -> Got:
    return client.post(f"/api/v1/rollouts/{rollout}/promote", {"reason": reason}, **{"Idempotency-Key": key})


def test_c6_35_the_same_request_twice_is_done_once_and_answered_alike(server: Served, ada: Client) -> None:
    rollout = server.rollout().id
    first, again = _promote(ada, rollout, "a1"), _promote(ada, rollout, '"a1"')
    assert (first.status, again.status) == (200, 200)
    assert first.body == again.body
    assert (first.headers.get("idempotency-replayed"), again.headers["idempotency-replayed"]) == (None, "true")
    assert len(server.store.pending(rollout)) == 1
    assert _promote(ada, rollout, "a2").status == 200
    assert len(server.store.pending(rollout)) == 2


def test_c6_35_the_same_key_with_another_body_is_refused(server: Served, ada: Client) -> None:
    rollout = server.rollout().id
    _promote(ada, rollout, "a1", "first")
    got = _promote(ada, rollout, "a1", "second")
    assert (got.status, got.json["code"]) == (422, "key-reused")
    assert len(server.store.pending(rollout)) == 1


def test_c6_35_keys_of_others_are_their_own(server: Served, ada: Client) -> None:
    rollout = server.rollout().id
    server.person("bob", "admin")
    _promote(ada, rollout, "a1", "first")
    assert _promote(server.with_token("bob", "admin"), rollout, "a1", "second").status == 200


def test_c6_35_of_two_at_once_the_second_is_told_to_wait(
    server: Served, ada: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    rollout, asked, go_on = server.rollout().id, threading.Event(), threading.Event()

    def slow(*_: object) -> Attended:
        asked.set()
        assert go_on.wait(60)
        return Attended.NOBODY

    monkeypatch.setattr(commands, "attend", slow)
    got: list[Got] = []
    first = threading.Thread(target=lambda: got.append(_promote(ada, rollout, "a1")))
    first.start()
    assert asked.wait(60)
    second = _promote(ada, rollout, "a1")
    go_on.set()
    first.join(60)
    assert (second.status, second.json["code"], second.headers["retry-after"]) == (409, "request-running", "1")
    assert got[0].status == 200
    assert _promote(ada, rollout, "a1").headers["idempotency-replayed"] == "true"
    assert len(server.store.pending(rollout)) == 1


def test_c6_35_a_refused_request_did_nothing_so_its_key_is_free(server: Served, ada: Client) -> None:
    rollout = server.rollout().id
    where = f"/api/v1/rollouts/{rollout}/promote"
    stale = ada.post(where, {}, **{"Idempotency-Key": "a1", "If-Match": '"old"'})
    assert stale.status == 412
    assert ada.post(where, {}, **{"Idempotency-Key": "a1"}).status == 200
    assert ada.post(where, {}, **{"Idempotency-Key": "no spaces"}).status == 400
    assert ada.post(where, {}, **{"Idempotency-Key": "x" * 256}).status == 400


def test_c6_35_a_request_that_was_refused_after_it_was_recorded_is_refused_again(ada: Client) -> None:
    """Not called carried out; the row of the audit log says who asked."""
    first, second = (ada.post("/api/v1/messages/test", {}, **{"Idempotency-Key": "a1"}) for _ in range(2))
    assert (first.status, second.status, second.body) == (400, 400, first.body)
    assert "has no channel" in first.text


def test_c6_35_a_repetition_is_answered_although_its_if_match_is_old_by_now(server: Served, ada: Client) -> None:
    rollout = server.rollout().id
    where = f"/api/v1/rollouts/{rollout}/promote"
    headers = {"Idempotency-Key": "a1", "If-Match": ada.get(f"/api/v1/rollouts/{rollout}").headers["etag"]}
    first = ada.post(where, {}, **headers)
    with server.store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE rollout SET step = 'later'")
    assert ada.post(where, {}, **headers).body == first.body
    assert ada.post(where, {}, **{**headers, "Idempotency-Key": "a2"}).status == 412


# ── servers that die ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("failpoint", "recorded"),
    [("request-begun", 0), ("request-committing", 0), ("request-acted", 1), ("answer-kept", 1)],
)
def test_c6_35_killed_at_any_point_a_command_is_given_once(
    failpoint: str, recorded: int, server: Served, ada: Client
) -> None:
    rollout, folder = server.rollout().id, server.site.project.folder
    mortal = subprocess.Popen(
        [sys.executable, "-m", "tests.web.mortal", str(folder)], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PILOTAGE_FAILPOINT": failpoint},
    )  # fmt: skip
    assert mortal.stdout is not None
    port = int(mortal.stdout.readline())
    doomed = Client(Served(server.site, port), token=ada.token)
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        _promote(doomed, rollout, "a1")
    assert mortal.wait(60) == -9
    assert len(server.store.pending(rollout)) == recorded
    got = _promote(ada, rollout, "a1")
    assert (got.status, got.json["end"]) == (200, "unattended")
    assert _promote(ada, rollout, "a1").body == got.body
    assert [one.kind for one in server.store.pending(rollout)] == [CommandKind.PROMOTE]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


KEY = Key(who="person:ada", text="a1")


def _taken_over(store: Store, repeatable: bool, before: Callable[[], object]) -> tuple[Found, Once, Once]:
    """A server begins, does `before`, and does not say for a long time that it lives; then another looks."""
    first, second, now = Once(store.engine, "elsewhere"), Once(store.engine, "here"), time.time()
    assert first.begin(KEY, "hash", now, repeatable=repeatable).found is Found.FRESH
    assert second.begin(KEY, "hash", now + LEASE / 2, repeatable=repeatable).found is Found.RUNNING
    with first.at_work(KEY):
        before()
    return second.begin(KEY, "hash", now + LEASE + 1, repeatable=repeatable).found, first, second


def test_p2_a_server_that_was_taken_for_dead_records_nothing_more(store: Store) -> None:
    found, first, second = _taken_over(store, False, lambda: None)
    assert found is Found.FRESH
    with pytest.raises(Superseded), first.at_work(KEY):
        store.persons.add("late", 1.0)
    assert store.persons.called("late") is None
    with second.at_work(KEY):
        store.persons.add("once", 1.0)
    assert store.persons.called("once") is not None


def test_c6_35_what_was_recorded_without_an_answer_is_not_done_again(store: Store) -> None:
    found, *_ = _taken_over(store, False, lambda: store.persons.add("once", 1.0))
    assert found is Found.CUT_OFF


def test_c6_35_what_may_be_repeated_is_until_it_has_made_something(store: Store) -> None:
    found, *_ = _taken_over(store, True, lambda: store.persons.add("before", 1.0))
    assert found is Found.FRESH


def test_c6_35_an_answer_is_kept_for_a_day(store: Store) -> None:
    once, now = Once(store.engine, "here"), time.time()
    once.begin(KEY, "hash", now, repeatable=False)
    once.answer(KEY, 201, {"location": "/x"}, "{}")
    kept = once.begin(KEY, "hash", now + 23 * 3600, repeatable=False)
    assert (kept.found, kept.status, kept.headers, kept.body) == (Found.ANSWERED, 201, {"location": "/x"}, "{}")
    assert once.begin(KEY, "hash", now + 25 * 3600, repeatable=False).found is Found.FRESH
