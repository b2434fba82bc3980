"""What is kept for a while goes when it is old; the audit chain, and what others learn from, stays."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

from sqlalchemy import insert, select, update

from pilotage.engine.execution.histories import history_of
from pilotage.engine.integrity.sealing import digest
from pilotage.engine.records.outbox import PRUNED, SENT, WAITING, letters
from pilotage.engine.records.pruning import Kept, old, prune
from pilotage.engine.records.store import Store
from pilotage.engine.records.tables import outbox
from pilotage.model.json import JsonObject
from pilotage.model.live import NOTHING_SEEN, JudgeState
from pilotage.model.rollout import Decision, Event, Status
from pilotage.model.snapshot import Snapshot
from tests.unit.engine.test_integrity_of_stores import HOOK, release
from tests.unit.engine.test_order import NOW, create, wanted

KEPT = Kept(messages=100.0, logs=100.0)


def letter(store: Store, thread: str, key: str, state: str = SENT) -> None:
    row = {"key": key, "channel": "hook", "section": {}, "service": "web", "environment": "production", "message": {}}
    more = {"thread": thread, "state": state, "due": 0.0, "attempts": 1, "claimed_until": 0.0, "created_at": NOW}
    with store.engine.begin() as connection:
        connection.execute(insert(outbox).values(**row, **more))


def test_messages_of_rollouts_that_are_over_go_and_no_other(tmp_path: Path) -> None:
    store = Store(tmp_path)
    over = create(store, wanted(store, "web", "1.0"), NOW)
    ended = Decision(replace(over.state, status=Status.COMPLETED, at=NOW), (), (Event("completed", "the end"),))
    store.record(over, ended, None, NOTHING_SEEN)
    running = create(store, wanted(store, "api", "1.0"), NOW)
    for thread, key, state in ((over.id, "a", SENT), (over.id, "b", WAITING), (running.id, "c", SENT)):
        letter(store, thread, key, state)
    letter(store, "reminder/web", "d")
    assert old(store.engine, tmp_path, KEPT, NOW + 99).messages == 0
    found = old(store.engine, tmp_path, KEPT, NOW + 101)
    assert found.messages == 1
    prune(store.engine, found, KEPT, NOW + 101)
    assert {one.key for one in letters(store.engine) if one.state == PRUNED} == {"a"}
    assert old(store.engine, tmp_path, KEPT, NOW + 101).messages == 0


def all_sent_and_pruned(store: Store, folder: Path) -> list[str]:
    """The ids of three rollouts, the last in progress: everything was sent, and what is over is pruned."""
    ended = [release(store, "1.0", None, "ada", Status.COMPLETED), release(store, "2.0", "1.0", "eve", Status.FAILED)]
    under_way = wanted(store, "web", "3.0", snapshot=Snapshot(notify=(HOOK,)))
    ids = [*(one.id for one in ended), create(store, under_way, NOW).id]
    with store.engine.begin() as connection:
        connection.execute(update(outbox).values(state=SENT, receipt={"id": "r"}))
    later = time.time() + 1000.0
    prune(store.engine, old(store.engine, folder, KEPT, later), KEPT, later)
    return ids


def test_the_chain_proves_what_was_sent_after_a_prune_and_a_deletion_is_still_found(tmp_path: Path) -> None:
    """House rule: what the chain has sealed can be verified for ever, and `prune` raises no alarm."""
    store = Store(tmp_path)
    first, second, running = all_sent_and_pruned(store, tmp_path)
    with store.engine.connect() as connection:
        pruned = connection.execute(select(outbox).where(outbox.c.state == PRUNED)).mappings().all()
    assert {one["thread"] for one in pruned} == {first, second}
    assert {(tuple(one["message"]), str(one["section"]), one["receipt"]) for one in pruned} == {
        (("title", "digest"), "{}", None)
    }
    assert [store.broken_link(rollout) for rollout in (first, second, running)] == [None, None, None]
    others = outbox.c.thread == first, outbox.c.thread == second, outbox.c.thread == running
    with store.engine.begin() as connection:
        connection.execute(outbox.delete().where(others[0]))
        connection.execute(update(outbox).where(others[1]).values(message={"title": "", "digest": "0" * 64}))
        sealed = connection.scalar(select(outbox.c.message).where(others[2]))
        left = {"title": "", "digest": digest(sealed)}
        connection.execute(update(outbox).where(others[2]).values(state=PRUNED, message=left))
    about = "the message to hook about event 1 (rollout-started)"
    assert store.broken_link(first) == f"{about} is missing"
    assert store.broken_link(second) == f"{about} was changed"
    assert store.broken_link(running) == f"{about} is missing"  # nothing prunes what is in progress


def test_a_message_that_was_edited_before_a_prune_is_still_found(tmp_path: Path) -> None:
    store = Store(tmp_path)
    ended = release(store, "1.0", None, "ada", Status.COMPLETED)
    with store.engine.begin() as connection:
        connection.execute(update(outbox).values(state=SENT, message={"title": "fine"}))
    later = time.time() + 1000.0
    prune(store.engine, old(store.engine, tmp_path, KEPT, later), KEPT, later)
    assert store.broken_link(ended.id) == "the message to hook about event 1 (rollout-started) was changed"


def test_logs_go_of_instances_and_checks_that_are_gone(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fleet, checks = tmp_path / "run" / "web-production" / "fleet", tmp_path / "run" / "web-production" / "checks" / "r1"
    gone, running, fresh, check = (
        fleet / "logs" / "gone.log", fleet / "logs" / "running.log", fleet / "logs" / "fresh.log", checks / "smoke.log",
    )  # fmt: skip
    for path in (gone, running, fresh, check, fleet / "running.json"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("line\n")
    before, before_running = fleet / "logs" / "gone.log.1", fleet / "logs" / "running.log.1"
    for path in (before, before_running):
        path.write_text("line\n")
    for path in (gone, running, check, fresh, before, before_running):
        os.utime(path, (NOW, NOW + 50 * (path == fresh)))
    found = old(store.engine, tmp_path, KEPT, NOW + 101)
    assert set(found.logs) == {gone, check, before}
    prune(store.engine, found, KEPT, NOW + 101)
    assert [path.exists() for path in (gone, running, fresh, check)] == [False, True, True, False]


def test_a_judge_keeps_at_the_end_what_later_ones_learn_from(tmp_path: Path) -> None:
    store = Store(tmp_path)
    one = wanted(store, "web", "2.0")
    rollout = store.create(one.plan, replace(one.state, old="1.0"), one.snapshot, "ada", NOW)
    ever = {"stable_bad": 7, "stable_total": 5000, "canary_bad": 1, "canary_total": 100}
    sums: JsonObject = {
        "users": {"ever": ever, "bursts": {"factor": 2.5, "seen": [1] * 1000}, "phase": {}},
        "latency": [0.1] * 1000,
    }
    judge = JudgeState(sums=sums, cursor={"totals": {}}, rules={"r": 1})
    done = Decision(replace(rollout.state, status=Status.COMPLETED, at=time.time()), (), ())
    store.record(rollout, done, judge, NOTHING_SEEN)
    kept = store.get(rollout.id).judge
    assert kept is not None
    assert (dict(kept.ever), kept.cursor, "latency" in kept.sums) == (ever, None, False)
    learned = history_of(store, "web", "production", NOW)
    assert learned is not None
    assert (learned.bad, learned.total, learned.dispersion) == (7, 5000, 2.5)
