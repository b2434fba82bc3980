"""Five thousand tenants in six waves through an HAProxy that somebody else runs and reloads (R33, R28): before each
wave, after the last, and after one that was taken back, every single one of them gets exactly the version of its
wave."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pilotage.model.status import Status
from pilotage.rollout.waves import kept

from ..contract.haproxy import Operated
from .conftest import Shop
from .five_thousand import SIZES, approve_three, calling, crowd_at, until_asked, waves_with

pytestmark = [pytest.mark.real, pytest.mark.long]
LOG = "option httplog\n    log global"


@pytest.fixture
def haproxy(tmp_path: Path) -> Iterator[Operated]:
    operated = Operated(
        tmp_path / "haproxy", tmp_path / "files" / "shop.cfg", log=LOG, defaults="option idle-close-on-response"
    )
    operated.start()
    yield operated
    operated.end()


@pytest.fixture
def crowd(tmp_path: Path, haproxy: Operated) -> Iterator[Shop]:
    """Version 1.0 serves everybody."""
    shop = crowd_at(
        tmp_path,
        router={
            "kind": "haproxy", "address": str(haproxy.socket), "files": str(haproxy.include.parent), "name": "shop",
            "url": f"http://127.0.0.1:{haproxy.port}", "sticky": {"cookie": "session"}, "tenant_header": "x-tenant",
        },
        metrics={"kind": "haproxy", "log": str(haproxy.log)},
    )  # fmt: skip
    assert shop.run("deploy", "1.0", expect=None) == "", "HAProxy lacks Pilotage's lines"
    rows = haproxy.include.read_text().splitlines()
    haproxy.write(tuple(row.removeprefix("#     ") for row in rows if row.startswith("#     ")))
    haproxy.kill()
    haproxy.start()
    shop.run("deploy", "1.0")
    yield shop
    shop.run("down", "--yes")
    assert [one for one in shop.processes() if "haproxy" not in one.name()] == []


def test_r33_each_of_five_thousand_tenants_gets_the_version_of_its_wave_through_haproxy(
    crowd: Shop, haproxy: Operated
) -> None:
    shop, waves = crowd, list(SIZES)
    with calling(haproxy.port):
        shop.run("deploy", "2.0", "--detach")
        for number, wave in enumerate(waves):
            until_asked(shop, wave)
            assert waves_with(haproxy.port, "2.0") == waves[:number]
            shop.run("approve", actor="grace")
        done = shop.wait_end(120)
        assert done.state.status is Status.COMPLETED, done.state.reason
        assert waves_with(haproxy.port, "2.0") == waves
    shop.check_history(shop.latest())


def test_r33_a_bad_third_wave_goes_back_alone_through_haproxy_over_a_reload(crowd: Shop, haproxy: Operated) -> None:
    shop = crowd
    with calling(haproxy.port):
        approve_three(shop, "3.0")
        back = shop.wait(lambda r: r.state.status.final or (kept(r.state) > 0 and r.state.returned), 120)
        assert back.state.status is Status.WITHDRAWN, back.state.reason
        assert waves_with(haproxy.port, "3.0") == ["one", "two"]
    haproxy.reload()
    assert waves_with(haproxy.port, "3.0") == ["one", "two"]
    shop.run("abort")
    assert shop.wait_end().state.status is Status.ROLLED_BACK
    assert waves_with(haproxy.port, "1.0") == list(SIZES)
