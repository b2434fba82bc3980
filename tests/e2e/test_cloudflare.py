"""Releases through a load balancer at Cloudflare (R28): one forward with its worker killed, one undone, and somebody's
edit in the middle."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pilotage.demo.traffic import Traffic
from pilotage.model.record import Rollout
from pilotage.model.rollout import Status

from ..cloudflare import TOKEN, Cloudflare, cloudflare_running
from ..programs import needs
from .conftest import Shop


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloudflare]:
    monkeypatch.setenv("CLOUDFLARE_TOKEN", TOKEN)
    with cloudflare_running() as server:
        yield server


def _shop(there: Cloudflare, folder: Path, **numbers: Any) -> Shop:
    shop = Shop(folder, numbers, "low", count=1)
    totals = f"{there.base.removesuffix('/client/v4')}/totals"
    shop.configure(router=there.section(), metrics={"kind": "command", "command": [needs("curl"), "-s", totals]})
    for version, fault in (("1.0", "none"), ("2.0", "none"), ("3.0", "errors"), ("4.0", "none")):
        shop.release(version, fault)
    return shop


_OF_THE_EDGE = (0, 502, 503, 504, 520, 521, 530)


def _at(weight: int, rollout: Rollout) -> bool:
    return rollout.plan.steps[rollout.state.step].weight == weight and rollout.state.watched > 0


@pytest.mark.long
def test_r28_a_release_that_harms_is_undone_and_no_request_gets_lost(there: Cloudflare, tmp_path: Path) -> None:
    shop = _shop(there, tmp_path)
    try:
        shop.run("deploy", "1.0")
        with Traffic(there.url, rate=40, users=100, seed=1) as users:
            assert shop.run("deploy", "3.0", expect=4)
            assert there.weights() == {"1.0": 1}
            assert not [answer for answer in users.answers() if answer.status in _OF_THE_EDGE]
        assert "error rate" in shop.run("explain")
    finally:
        shop.run("down", "--yes")


@pytest.mark.long
def test_r28_a_release_goes_forward_over_a_killed_worker_and_somebodys_edit_holds(
    there: Cloudflare, tmp_path: Path
) -> None:
    shop = _shop(there, tmp_path)
    before = copy.deepcopy(there.balancer)
    try:
        shop.run("deploy", "1.0")
        assert there.weights() == {"1.0": 1}
        with Traffic(there.url, rate=40, users=100, seed=1) as users:
            shop.run("deploy", "2.0", "--detach")
            shop.wait(lambda rollout: _at(250, rollout))
            assert there.weights() == {"1.0": 0.75, "2.0": 0.25}
            shop.kill_worker()
            assert shop.wait_end().status == "completed"
            assert there.weights() == {"2.0": 1}
            shop.configure(overrides={**shop.section("overrides"), "canary.phase_duration": "60s"})
            shop.run("deploy", "4.0", "--detach")
            shop.wait(lambda rollout: _at(250, rollout))
            _edit_is_held(there, shop)
            shop.run("abort", "--reason", "the on-call wants it back", expect=None)
            assert shop.wait_end().status == "rolled-back"
            assert there.weights() == {"2.0": 1}
            assert there.balancer["steering_policy"] == "random"
            assert not [answer for answer in users.answers() if answer.status in _OF_THE_EDGE]
        assert not [path for path in tmp_path.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
    finally:
        shop.run("down", "--yes")
    changed = {name for name in before if before[name] != there.balancer[name]}
    assert changed <= {"modified_on"}, "what was there before is there again"
    assert len(there.pools) == 1


def _edit_is_held(there: Cloudflare, shop: Shop) -> None:
    """And stays until the abort."""
    pools = there.balancer["random_steering"]["pool_weights"]
    there.edit(random_steering={"pool_weights": dict.fromkeys(pools, 1)}, steering_policy="off")
    edited = copy.deepcopy(there.balancer)
    held = shop.wait(lambda rollout: rollout.state.status is Status.HOLDING)
    assert there.balancer == edited, "an edit of somebody is not overwritten"
    assert "somebody changed the load balancer shop.example.org" in held.state.reason
    assert "steers by off, and its weights are 100 to" in shop.run("explain")
