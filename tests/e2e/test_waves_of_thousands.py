"""Five thousand tenants in six waves through a real Envoy (R33): before the fourth wave and after the last, every
single one of them gets exactly the version of its wave. Before each other wave, a sample of every wave does, with its
first and its last tenant."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pilotage.model.status import Status
from pilotage.rollout.waves import kept

from ..typed import typed
from .conftest import Shop
from .five_thousand import SAMPLE, SIZES, TENANTS, approve_three, calling, crowd_at, until_asked, waves_with

pytestmark = pytest.mark.real


@pytest.fixture
def crowd(tmp_path: Path) -> Iterator[Shop]:
    shop = crowd_at(tmp_path)
    yield shop
    shop.run("down", "--yes")
    assert shop.processes() == []


@pytest.mark.long
def test_r33_each_of_five_thousand_tenants_gets_the_version_of_its_wave(crowd: Shop) -> None:
    """A freeze before the fourth wave holds it although somebody has approved it."""
    shop, waves = crowd, list(SIZES)
    shop.run("deploy", "1.0")
    with calling(shop.port):
        shop.run("deploy", "2.0", "--detach")
        for number, wave in enumerate(waves):
            until_asked(shop, wave)
            if wave == "four":
                assert waves_with(shop.port, "2.0", TENANTS) == waves[:number]
                _freeze(shop, "--for", "1h", "-m", "a launch")
                shop.run("approve", actor="grace")
                shop.wait(lambda r: "launch" in str(r.state.hold), 60)
                assert waves_with(shop.port, "2.0", SAMPLE) == waves[:number]
                _freeze(shop, "--lift")
            else:
                assert waves_with(shop.port, "2.0", SAMPLE) == waves[:number]
                shop.run("approve", actor="grace")
        done = shop.wait_end(120)
        assert done.state.status is Status.COMPLETED, done.state.reason
        assert waves_with(shop.port, "2.0", TENANTS) == waves
    shop.check_history(shop.latest())


@pytest.mark.long
def test_r33_a_bad_third_wave_goes_back_alone_and_by_the_other_policy_everyone_does(crowd: Shop) -> None:
    shop = crowd
    shop.run("deploy", "1.0")
    with calling(shop.port):
        approve_three(shop, "3.0")
        back = shop.wait(lambda r: r.state.status.final or (kept(r.state) > 0 and r.state.returned), 120)
        assert back.state.status is Status.WITHDRAWN, back.state.reason
        assert waves_with(shop.port, "3.0") == ["one", "two"]
        shop.run("abort")
        assert shop.wait_end().state.status is Status.ROLLED_BACK
        assert waves_with(shop.port, "1.0") == list(SIZES)
        shop.configure(wave_rules={"undo": "all"})
        approve_three(shop, "4.0")
        shop.wait(lambda r: r.state.status.final or (r.state.status is Status.WITHDRAWN and r.state.returned), 120)
        assert waves_with(shop.port, "1.0") == list(SIZES)


def _freeze(shop: Shop, *options: str) -> None:
    done = typed("freeze", "launch", *options, cwd=shop.directory, actor="ada")
    assert done.returncode == 0, done.stderr
