"""kill -9 of the worker, 25 times in the long set and a third of them in every run: during each step of a rollout that
is good, and during the undoing of a bad one.

Every rollout ends in the right state, read from the router itself; nothing is told twice, done twice, or left over.
"""

from __future__ import annotations

import random
import time

import pytest

from pilotage.demo.traffic import measure
from pilotage.model.rollout import Status

from .conftest import THREE_WEIGHTS, Make, Shop, users

pytestmark = pytest.mark.real

STEPS = 11


def kill_at_step(shop: Shop, step: int, chance: random.Random) -> bool:
    """Kill the worker at a random instant of a step; False when the rollout ended before."""
    shop.wait(lambda r: r.state.step >= step or r.state.status.final)
    time.sleep(chance.uniform(0, 0.25))
    return shop.kill_worker()


def started(shop: Shop, version: str) -> int:
    """How many instances of a version were ever started."""
    return len(list((shop.state / "run" / "shop-production" / "fleet" / "logs").glob(f"{version}-*.log")))


@pytest.mark.parametrize(
    "runs", [range(1), pytest.param(range(1, 6), marks=pytest.mark.long)], ids=["1, 7", "2-6, 8-11"]
)
def test_killed_during_each_step_a_good_release_is_completed_and_no_request_lost(shop: Make, runs: range) -> None:
    """Each rollout is killed in two of its eleven steps, one early and one late."""
    it, chance = shop(**THREE_WEIGHTS), random.Random(runs.start)
    it.run("deploy", it.release("v0"))
    with users(it) as traffic:
        for step in runs:
            since, version = time.time(), it.release(f"v{step + 1}")
            it.run("deploy", version, "--detach")
            assert kill_at_step(it, step, chance)
            if step + 6 < STEPS:
                assert kill_at_step(it, step + 6, chance)
            rollout = it.wait_end()
            assert rollout.state.status is Status.COMPLETED, rollout.state.reason
            assert it.split() == {f"version_{version}": 1000}
            assert len(it.instances(version)) == started(it, version) == 2
            assert it.instances(f"v{step}") == []
            it.check_history(rollout)
            measured = measure(traffic.answers(), version, since)
            assert measured.failed == 0


@pytest.mark.parametrize("runs", [range(1), pytest.param(range(1, 8), marks=pytest.mark.long)], ids=["1", "2-8"])
def test_killed_while_a_bad_release_is_watched_and_undone_it_ends_undone(shop: Make, runs: range) -> None:
    """Each is killed once while it is watched and once while it is undone, the last ones in one of these alone."""
    it, chance = shop(), random.Random(100 + runs.start)
    it.run("deploy", it.release("v0"))
    with users(it) as traffic:
        for n in runs:
            since, version = time.time(), it.release(f"bad{n}", chance.choice(["errors", "crash"]))
            it.run("deploy", version, "--detach")
            if n != 7:
                assert kill_at_step(it, chance.randrange(3), chance)
            if n != 3:
                it.wait(lambda r: r.state.status in (Status.ROLLING_BACK, Status.ROLLED_BACK))
                time.sleep(chance.uniform(0, 0.3))
                assert it.kill_worker()
            rollout = it.wait_end()
            assert rollout.state.status is Status.ROLLED_BACK, rollout.state.reason
            assert it.split() == {"version_v0": 1000}
            assert it.instances(version) == []
            assert len(it.instances("v0")) == started(it, "v0") == 2
            it.check_history(rollout)
            # A bad release's own failure may reach a busy client after its rollout has ended, within the next one.
            lost = [a for a in traffic.answers() if a.at >= since and a.failed and not a.version.startswith("bad")]
            assert not lost


@pytest.mark.long
def test_killed_again_and_again_it_still_ends_right(shop: Make) -> None:
    it, chance = shop(), random.Random(7)
    it.run("deploy", it.release("v0"))
    with users(it):
        it.run("deploy", it.release("v1"), "--detach")
        for _ in range(5):
            time.sleep(chance.uniform(0.5, 2.0))
            it.kill_worker()
        rollout = it.wait_end()
        assert rollout.state.status is Status.COMPLETED, rollout.state.reason
        assert it.split() == {"version_v1": 1000}
        it.check_history(rollout)


def test_with_the_supervisor_killed_too_the_next_command_goes_on(shop: Make) -> None:
    it = shop()
    it.run("deploy", it.release("v0"))
    with users(it):
        it.run("deploy", it.release("v1"), "--detach")
        it.wait(lambda r: r.state.step >= 2)
        for process in it.processes():
            if {"pilotage.engine.execution.supervisor", "pilotage.app.worker_process"} & set(process.cmdline()):
                process.kill()
        time.sleep(1)
        stands = it.latest().state.step
        assert not it.latest().state.status.final
        it.run("watch")
        assert it.latest().state.status is Status.COMPLETED
        assert it.latest().state.step > stands
