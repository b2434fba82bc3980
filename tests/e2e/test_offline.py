"""Traffic is taken back with nothing but the router's files, while a worker is at work; then the record says so."""

from __future__ import annotations

import sqlite3
import time

import pytest

from pilotage.demo.traffic import measure
from pilotage.model.rollout import Status

from .conftest import Make, users
from .test_faults import watching

pytestmark = pytest.mark.real


def test_an_abort_without_store_and_configuration_is_obeyed_and_stays(shop: Make) -> None:
    it = shop(canary__phase_duration="60s")
    it.run("deploy", it.release("v0"))
    with users(it) as traffic:
        it.run("deploy", it.release("v1"), "--detach")
        watching(it)
        configuration = it.directory / "pilotage.yaml"
        whole = configuration.read_text()
        # Whatever the fence says, whoever holds the lease comes by it.
        for copy in (it.state / "run" / "shop-production").glob("fence*.json"):
            copy.write_text('{"token": 999}')
        configuration.write_text("service: [")
        held = sqlite3.connect(it.state / "pilotage.sqlite", isolation_level=None)
        held.execute("BEGIN IMMEDIATE")
        it.types_processes = True  # the kernel's locks on the store are those of another process
        said = it.run("abort", "--offline")
        # On a busy machine the worker, which has no store, was first to send all users back.
        assert said.startswith("shop-production: all traffic goes to v0")
        assert it.split() == {"version_v0": 1000}
        since = time.time() + 0.2
        time.sleep(1.5)
        held.execute("ROLLBACK")
        held.close()
        rollout = it.wait_end()
        configuration.write_text(whole)
        # Of requests that were sent since: one under way goes where it was sent.
        asked = [answer for answer in traffic.answers() if answer.at - answer.seconds >= since]
        answered = measure(asked, "v1", since)
    assert answered.requests > 50
    assert answered.new_version == 0, "the worker's old wish undid it"
    assert rollout.state.status is Status.ROLLED_BACK
    assert "ada" in rollout.state.reason
    it.check_history(rollout)
    assert not (it.state / "run" / "shop-production" / "rescued.json").exists()


@pytest.mark.long
def test_an_abort_without_store_turns_the_flag_of_a_release_off_and_it_stays_off(shop: Make) -> None:
    """No instance of the old version is left then, and nothing of the router's leads to the new code alone."""
    it = shop(
        strategy="feature-toggle",
        **{"feature_toggle.phase_duration": "60s", "feature_toggle.percentages": ["50%", "100%"]},
    )
    it.configure(flag={"file": "flags.json", "key": "new-checkout"})
    it.run("deploy", it.release("v0"), "--timeout", "90s")
    it.flag_off()
    it.run("deploy", it.release("v1"), "--detach")
    until = time.monotonic() + 60
    while "internal" not in it.run("flag", "show"):
        assert time.monotonic() < until
    held = sqlite3.connect(it.state / "pilotage.sqlite", isolation_level=None)
    held.execute("BEGIN IMMEDIATE")
    it.types_processes = True  # the kernel's locks on the store are those of another process
    assert it.run("abort", "--offline").startswith("shop-production: flag new-checkout is off for everyone")
    held.execute("ROLLBACK")
    held.close()
    rollout = it.wait_end()
    assert rollout.state.status is Status.ROLLED_BACK
    assert it.run("flag", "show").startswith("new-checkout: 0 % of users")
    until, note = time.monotonic() + 20, it.state / "run" / "shop-production" / "flag.json"
    while note.exists():  # everyone's flag is nobody's to turn off
        assert time.monotonic() < until
        time.sleep(0.05)
