"""Releases on hosts over SSH (R27) behind Pilotage's own Envoy: forward with a killed worker, undone, and with a host
that goes down in the middle."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pilotage.testing import wait_until

from ..host_fleets import hosts_in, marked
from ..ssh import Sshds
from .conftest import Shop, users

pytestmark = pytest.mark.real

SOURCES = str(Path(__file__).parents[2] / "src")


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshds]:
    with hosts_in(tmp_path / "ssh") as hosts:
        yield hosts


@pytest.fixture
def shop(sshd: Sshds, tmp_path: Path) -> Iterator[Shop]:
    """The demo's shop on three hosts."""
    made = Shop(tmp_path, {"hold.timeout": "60s"}, "low")
    for _ in range(3):
        sshd.start()
    hosts: dict[str, Any] = {
        one.name: {"address": one.address, "port": one.port, "folder": str(one.folder), "reach": "127.0.0.1"}
        for one in sshd.all
    }
    command = [sys.executable, "-m", "pilotage.demo.shop", "--port", "{port}", "--release", "{version}"]
    made.configure(
        fleet={
            "kind": "ssh", "hosts": hosts, "ssh": {"config_file": str(sshd.config_file)}, "count": 3,
            "command": [*command, "--releases", str(tmp_path / "releases")], "env": {"PYTHONPATH": SOURCES},
            "stop_timeout": "3s", "host_timeout": "2s",
        },
    )  # fmt: skip
    for version, fault in (("1.0", "none"), ("2.0", "none"), ("3.0", "errors")):
        made.release(version, fault)
    yield made
    made.run("down", "--yes", expect=None)
    for pid in marked(tmp_path):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_a_canary_goes_forward_with_a_killed_worker_and_one_is_undone_and_no_request_is_lost(
    shop: Shop, tmp_path: Path
) -> None:
    shop.run("deploy", "1.0")
    with users(shop) as traffic:
        shop.run("deploy", "2.0", "--detach")
        shop.wait(lambda rollout: rollout.plan.steps[rollout.state.step].weight == 250 and rollout.state.watched > 0)
        shop.kill_worker()
        assert shop.wait_end().status == "completed"
        assert not [answer for answer in traffic.answers() if answer.failed]
        assert shop.run("deploy", "3.0", expect=4)
        assert not [answer for answer in traffic.answers() if answer.status in (0, 502, 503, 504)]
    assert len(marked(tmp_path / "ssh")) == 3
    shop.check_history(shop.latest())
    assert "shop/production is down" in shop.run("down", "--yes")
    assert marked(tmp_path / "ssh") == []


@pytest.mark.long
def test_a_host_that_goes_down_in_the_middle_is_named_and_the_others_carry_the_release(shop: Shop, sshd: Sshds) -> None:
    shop.run("deploy", "1.0")
    with users(shop) as traffic:
        shop.run("deploy", "2.0", "--detach")
        shop.wait(lambda rollout: rollout.plan.steps[rollout.state.step].weight == 250 and rollout.state.watched > 0)
        lost = sshd.all[2]
        lost.stop()
        for pid in marked(lost.folder):
            os.kill(pid, signal.SIGKILL)
        rollout = shop.wait_end(120.0)
        # The requests that the host took with it are lost, and none after it.
        before = len(traffic.answers())
        shop.wait(lambda _: len(traffic.answers()) > before + 50)
        after = traffic.answers()[before:]
    assert rollout.state.status in ("completed", "rolled-back")
    assert {answer.version for answer in after} == {"2.0" if rollout.state.status == "completed" else "1.0"}
    assert not [answer for answer in after if answer.failed]
    store = shop.store()
    # Where the others take over before anything has to wait, the log alone says it.
    said = [event.sentence for event in store.events(rollout.id)]
    assert "web3" in " ".join([*said, (shop.state / "worker.log").read_text()])
    store.close()
    # What cannot be stopped is said; when the host is back, `down` stops it.
    assert "web3" in shop.run("down", "--yes", expect=None) + shop.log()
    lost.start()
    wait_until(lambda: "is down" in shop.run("down", "--yes", expect=None), 20.0)
    assert marked(sshd.place) == []
