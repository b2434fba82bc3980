"""Releases behind somebody else's nginx: forward and undone, in mode lua."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from pilotage.adapters.free_port import free_port
from pilotage.demo.traffic import VERSION_HEADER, measure
from pilotage.model.rollout import Status

from ..nginx import Nginx
from .conftest import Make, users

pytestmark = pytest.mark.real


@pytest.fixture
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    running = Nginx(tmp_path_factory.mktemp("nginx"), lua=True)
    yield running
    running.kill()


def test_r28_a_canary_forward_and_one_undone_over_an_nginx_that_was_there(nginx: Nginx, shop: Make) -> None:
    it = shop()
    log = str(nginx.folder / "shop.log")
    it.configure(
        router={
            "kind": "nginx", "mode": "lua", "file": str(nginx.owned / "shop.conf"), "log": log,
            "control": f"127.0.0.1:{free_port()}", "listen": f"127.0.0.1:{it.port}", "sticky": {"cookie": "session"},
            "version_header": VERSION_HEADER, "test": nginx.test, "reload": nginx.reload,
        },
        metrics={"kind": "nginx"},
    )  # fmt: skip
    assert f"includes {nginx.owned / 'shop.conf'}" in it.run("doctor", expect=None)
    it.run("deploy", it.release("v0"))
    with users(it) as traffic:
        started = time.time()
        it.run("deploy", it.release("v1"))
        forward = measure(traffic.answers(), "v1", started)
        since = time.time()
        it.run("deploy", it.release("v2", "errors"), expect=4)
        undone = measure(traffic.answers(), "v2", since)
    rollout = it.latest()
    assert rollout.state.status is Status.ROLLED_BACK
    assert "error rate" in rollout.state.reason
    assert (forward.failed, forward.lost, undone.lost) == (0, 0, 0)
    assert forward.new_version > 0
    assert undone.hurt > 0
    assert {answer.version for answer in traffic.answers()[-20:]} == {"v1"}
    it.check_history(rollout)
