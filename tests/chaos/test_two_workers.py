"""Several controllers on one PostgreSQL: one dies or freezes, another goes on, and nobody is in the way of anybody."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from pilotage import Service
from pilotage.engine.placement import leases
from pilotage.engine.records import outbox
from pilotage.engine.records.store import Store
from pilotage.model.message import Message, Severity
from pilotage.model.record import Rollout
from pilotage.model.rollout import CommandKind, Mode, Status
from pilotage.model.snapshot import Snapshot
from pilotage.rollout.machine import begin
from tests.plans import a_plan
from tests.unit.engine.test_pruning import all_sent_and_pruned

from .harness import STRATEGIES, Case, begun, problems, run
from .world import World

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("postgres"), pytest.mark.usefixtures("database")]


def wait(place: Path, rollout: str, wanted: Callable[[Rollout], bool], deadline: float = 90.0) -> Rollout:
    store, until = Store(place), time.monotonic() + deadline
    try:
        while not wanted(found := store.get(rollout)):
            assert time.monotonic() < until, found.state
            time.sleep(0.05)
        return found
    finally:
        store.close()


def holder_pid(place: Path) -> int:
    store = Store(place)
    with store.engine.connect() as connection:
        held = connection.scalar(text("SELECT holder FROM leases"))
    store.close()
    return int(str(held).split("/")[1])


@pytest.mark.parametrize(
    "strategy",
    [pytest.param(one, marks=() if one in ("canary", "feature-toggle") else pytest.mark.long) for one in STRATEGIES],
)
def test_on_postgresql_too_killed_anywhere_it_ends_right(
    strategy: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    outcome = run(Case.of(1, strategy, 6), tmp_path)
    record_property("kills", outcome.kills)
    assert not outcome.problems, outcome.problems


def test_of_two_workers_one_is_killed_and_the_other_finishes(
    tmp_path: Path, controllers: Callable[[], int], record_property: Callable[[str, object], None]
) -> None:
    rollout = begun(tmp_path, "canary", {"canary.phase_duration": "2s"})
    both = {controllers(), controllers()}
    wait(tmp_path, rollout, lambda r: r.state.step >= 2)
    holder = holder_pid(tmp_path)
    assert holder in both
    os.kill(holder, signal.SIGKILL)
    os.waitpid(holder, 0)
    died = time.time()
    record_property("kills", 1)
    taken = wait(tmp_path, rollout, lambda r: r.state.at > died + 0.01)
    record_property("take-over", round(taken.state.at - died, 3))
    assert taken.state.at - died < 10
    assert wait(tmp_path, rollout, lambda r: r.state.status.final).state.status is Status.COMPLETED
    time.sleep(0.3)
    assert not problems(tmp_path, "canary", "good", rollout)


def test_a_worker_that_freezes_loses_its_lease_and_does_no_harm_when_it_thaws(
    tmp_path: Path, controllers: Callable[[], int]
) -> None:
    rollout = begun(tmp_path, "canary", {"canary.phase_duration": "3s", "canary.bake_duration": "4s"})
    controllers()
    controllers()
    wait(tmp_path, rollout, lambda r: r.state.step >= 2)
    frozen = holder_pid(tmp_path)
    with World(tmp_path / "world", frozenset()).between_calls():
        os.kill(frozen, signal.SIGSTOP)
        # The signal is only sent: a thread that has not stopped yet would take the world's lock with it.
        os.waitpid(frozen, os.WUNTRACED)
    froze = time.time()
    taken = wait(tmp_path, rollout, lambda r: r.state.at > froze + 1)
    assert taken.state.at - froze < leases.DURATION + 4
    assert holder_pid(tmp_path) != frozen
    os.kill(frozen, signal.SIGCONT)
    assert wait(tmp_path, rollout, lambda r: r.state.status.final).state.status is Status.COMPLETED
    time.sleep(0.3)
    assert not problems(tmp_path, "canary", "good", rollout)


def test_a_worker_that_freezes_inside_a_transaction_keeps_nobody_waiting(tmp_path: Path) -> None:
    frozen, other = Store(tmp_path), Store(tmp_path)
    assert leases.acquire(frozen.engine, "shop/production", "elsewhere-1/1/1.0") == 1
    with frozen.engine.connect() as connection:
        connection.execute(text("SELECT * FROM leases FOR UPDATE"))
        # Whoever asks waits for the server to end that transaction, and then for the rest of the lease.
        until = time.monotonic() + 30
        while (token := leases.acquire(other.engine, "shop/production", "elsewhere-2/1/1.0")) is None:
            assert time.monotonic() < until
            time.sleep(0.05)
        assert token == 2
        with pytest.raises(DBAPIError):
            connection.execute(text("UPDATE leases SET token = 9"))
    assert leases.acquire(frozen.engine, "shop/production", "elsewhere-1/1/1.0") is None
    frozen.close()
    other.close()


def test_names_of_any_length_that_the_configuration_takes_fit(tmp_path: Path) -> None:
    long, version = "a" * 63, "v" + "1" * 127
    plan = a_plan(version=version, service=Service(long, environment=long))
    store = Store(tmp_path)
    channel = {
        "kind": "webhook",
        "name": "n" * 63,
        "environments": [],
        "audiences": ["operators"],
        "severity": "progress",
    }
    rollout = store.create(plan, begin(plan, version, Mode.FULL), Snapshot(notify=(channel,)), "p" * 200, time.time())
    store.command(rollout.id, CommandKind.ABORT, "p" * 200, "long enough")
    assert leases.acquire(store.engine, f"{long}/{long}", f"{'h' * 253}/1/1.0") == 1
    key = f"announcement/{long}/{long}/{version}/release_announcement"
    message = Message(key, key, "announcement", Severity.INFO, "t", "x", time.time(), long, long, version)
    assert outbox.post_once(store.engine, message, [channel], time.time()) == 1
    assert store.get(rollout.id).service == long
    store.close()


def test_of_many_who_ask_at_once_one_gets_the_lease(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    store = Store(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        got = list(
            pool.map(lambda n: leases.acquire(store.engine, "shop/production", f"elsewhere-{n}/1/1.0"), range(8))
        )
    assert sum(token is not None for token in got) == 1
    store.close()


def test_two_senders_at_once_send_each_message_once(tmp_path: Path) -> None:
    import subprocess
    import sys

    from ..receivers import channels, everybody
    from .test_outbox import SENDER, rolled_back

    with everybody() as found:
        notify, secrets = channels(found)
        rollouts = [rolled_back(tmp_path, notify) for _ in range(4)]
        command = [sys.executable, "-c", SENDER, str(tmp_path)]
        both = [subprocess.Popen(command, env={**os.environ, **secrets}) for _ in range(2)]
        assert [sender.wait(60) for sender in both] == [0, 0]
        store = Store(tmp_path)
        assert outbox.waiting(store.engine) == 0
        store.close()
        for name, receiver in found.items():
            keys = [key for key in receiver.told() if key.rpartition("/")[0] in rollouts]
            doubled = len(keys) - len(set(keys))
            # A rollback is two CDEvents of one message.
            assert doubled == (len(rollouts) if name == "cdevents" else 0), name
            assert receiver.repeated == 0, name
        assert len(found["webhook"].told()) == 8 * len(rollouts)


def test_on_postgresql_too_the_chain_proves_what_was_sent_after_a_prune(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert [store.broken_link(rollout) for rollout in all_sent_and_pruned(store, tmp_path)] == [None, None, None]
    assert {one.state for one in outbox.letters(store.engine)} == {outbox.PRUNED, outbox.SENT}
