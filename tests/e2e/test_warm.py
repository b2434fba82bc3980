"""The last good version stays ready, so that a rollback is a shift and not a start (R27, R21)."""

from __future__ import annotations

import time

import psutil
import pytest

from pilotage.model.rollout import Mode, Status

from .conftest import Make, Shop, users
from .test_strategies import QUICK


def _released(shop: Shop) -> None:
    """1.0, then 2.0."""
    shop.run("deploy", shop.release("1.0"))
    with users(shop):
        shop.run("deploy", shop.release("2.0"))


def _until(shop: Shop, version: str, count: int) -> set[int]:
    """Process ids, once so many instances of a version run."""
    until = time.monotonic() + 30
    while len(found := shop.instances(version)) != count:
        assert time.monotonic() < until, (version, found, shop.log())
        time.sleep(0.1)
    return {process.pid for process in found}


@pytest.mark.parametrize("strategy", ["canary", pytest.param("blue-green", marks=pytest.mark.long)])
def test_r27_a_rollback_within_the_window_starts_no_process_and_loses_no_request(shop: Make, strategy: str) -> None:
    made = shop(strategy=strategy, **{**QUICK.get(strategy, {}), "rollback.keep_warm": True, "rollback.window": "10m"})
    _released(made)
    warm = _until(made, "1.0", 2)
    assert "1.0 stays ready for a rollback until " in made.run("status")
    assert made.json("status")["warm_version"] == "1.0"
    with users(made) as traffic:
        died = min(warm)
        psutil.Process(died).kill()
        while died in (warm := _until(made, "1.0", 2)):
            time.sleep(0.1)  # what dies meanwhile is replaced
        made.run("rollback", "--detach")
        back = made.wait_end()
        assert (back.state.status, back.mode) == (Status.COMPLETED, Mode.FAST_RETURN)
        assert _until(made, "1.0", 2) == warm, "no process was started for it"
        _until(made, "2.0", 0)
    assert [answer for answer in traffic.answers() if answer.failed] == []
    assert made.json("status")["warm_version"] is None, "a version that was returned from is no way back"


@pytest.mark.long
def test_r27_what_was_kept_warm_stops_when_its_time_is_over_also_where_no_worker_saw_it(shop: Make) -> None:
    made = shop(**{"rollback.keep_warm": True, "rollback.window": "6s"})
    _released(made)
    _until(made, "1.0", 2)
    made.kill_worker()
    _until(made, "1.0", 0)
    _until(made, "2.0", 2)
    assert made.json("status")["warm_version"] is None


def test_r27_the_next_release_stops_what_the_one_before_kept_warm(shop: Make) -> None:
    made = shop(**{"rollback.keep_warm": True, "rollback.window": "10m"})
    _released(made)
    _until(made, "1.0", 2)
    made.run("deploy", made.release("3.0"), "--detach")
    made.wait(lambda rollout: rollout.version == "3.0" and rollout.state.reached > 0)
    _until(made, "1.0", 0)
    assert not made.latest().state.status.final
    _until(made, "2.0", 2)
