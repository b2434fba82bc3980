"""R27: a container on one host and a process on another, over SSH, and the worker killed at every failpoint: no request
is lost, nothing runs twice, and the rollout ends right.

One failpoint by default; `PILOTAGE_CHAOS=2` takes all of them.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from pilotage.engine.placement.lock import WORKER, holder_of
from tests.containers import LIMITS, Podman, a_podman
from tests.e2e.conftest import FAST, Shop
from tests.host_fleets import hosts_in
from tests.ssh import Sshds

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("podman")]

FAILPOINTS = ("Ensure:12", "Apply:8", "seen:10", "decided:10", "recorded:10", "acted:10")
"""Each life is long enough to log in on both hosts, and to do some of the work."""
CHOSEN = FAILPOINTS if int(os.environ.get("PILOTAGE_CHAOS", "1")) > 1 else FAILPOINTS[:1]
VERSIONS = tuple(f"{number}.0" for number in range(1, len(CHOSEN) + 3))


class Users:
    """They ask for the page, each time on a connection of their own."""

    def __init__(self, url: str) -> None:
        self.answers: Counter[str] = Counter()
        self._url, self._over = url, threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def __enter__(self) -> Users:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _ask(self) -> None:
        pool = urllib3.PoolManager()
        while not self._over.wait(0.01):
            try:
                answer = pool.request("GET", self._url, retries=False, timeout=5.0)
                self.answers[answer.data.decode() if answer.status == 200 else f"status {answer.status}"] += 1
            except urllib3.exceptions.HTTPError as error:
                self.answers[repr(error)] += 1


@pytest.fixture(scope="module")
def podman() -> Iterator[Podman]:
    with a_podman() as running:
        running.build(*(f"localhost/shop:{version}" for version in VERSIONS))
        (running.folder / "bin").mkdir()
        program = running.folder / "bin" / "podman"
        program.write_text(f'#!/bin/sh\nexec {shutil.which("podman")} {shlex.join(running.args)} "$@"\n')
        program.chmod(0o755)
        yield running


@pytest.fixture
def shop(tmp_path: Path, podman: Podman) -> Iterator[Shop]:
    with hosts_in(tmp_path / "ssh") as sshd:
        it = Shop(tmp_path, {}, "medium")
        it.configure(**_environment(it, sshd, podman))
        try:
            yield it
        finally:
            it.run("down", "--yes", expect=None)


def _environment(it: Shop, sshd: Sshds, podman: Podman) -> dict[str, Any]:
    hosts = {}
    for name, path in (("boxes", f"{podman.folder}/bin"), ("plain", "")):
        host = sshd.start(name, path=path)
        hosts[name] = {"address": host.address, "port": host.port, "folder": str(host.folder), "reach": "127.0.0.1"}
    hosts["boxes"]["runner"] = "container"
    fleet = {
        "kind": "ssh", "hosts": hosts, "ssh": {"config_file": str(sshd.config_file)}, "count": 2,
        "health_check_path": "/", "stop_timeout": "3s", "command": [str(podman.server)],
        "env": {"PORT": "{port}", "VERSION": "{version}"},
        "container": {
            "image": "localhost/shop:{version}", "pull": "never", "limits": LIMITS, "env": {"PORT": "{port}"},
        },
        "prepare": [["true"]],
    }  # fmt: skip
    router = {"kind": "envoy", "listen": f"127.0.0.1:{it.port}"}
    return {"fleet": fleet, "router": router, "overrides": {**FAST, "canary.weights": ["50%", "100%"]}}


def deployed(it: Shop, version: str, failpoint: str = "") -> int:
    """Deploy it with a worker that dies each time it comes to the failpoint; how many workers there were."""
    end_workers(it)
    environment = {**os.environ, "PILOTAGE_FAILPOINT": failpoint, "PILOTAGE_ACTOR": "ada"}
    command = [sys.executable, "-m", "pilotage.cli.main", "deploy", version, "--detach"]
    subprocess.run(command, cwd=it.directory, env=environment, check=True, capture_output=True)
    seen, until = set[int](), time.monotonic() + 120
    while not (last := it.latest()).state.status.final or last.version != version:
        assert time.monotonic() < until, f"{last.state}\n{it.log()}"
        if (there := holder_of(it.state / WORKER)) is not None:
            seen.add(there.pid)
        time.sleep(0.02)
    assert last.status == "completed", f"{last.state.reason}\n{it.log()}"
    return len(seen)


def end_workers(it: Shop) -> None:
    for name in ("supervisor.lock", WORKER):
        if (there := holder_of(it.state / name)) is not None:
            there.send(signal.SIGKILL)
            while there.lives:
                time.sleep(0.01)


def running(it: Shop, podman: Podman) -> tuple[list[str], list[str]]:
    """Versions of containers and of processes, as the hosts themselves say."""
    rows = json.loads(podman("ps", "--format", "json"))
    found = [row["Labels"]["pilotage.version"] for row in rows]
    own = subprocess.run(["pgrep", "-f", str(podman.server)], capture_output=True, text=True, check=False).stdout
    processes = []
    for pid in own.split():
        with contextlib.suppress(OSError):
            told = dict(
                pair.partition("=")[::2] for pair in Path(f"/proc/{pid}/environ").read_text().split("\0") if "=" in pair
            )
            if str(it.directory) in told.get("PILOTAGE_PROCESS", "") and "VERSION" in told:
                processes.append(told["VERSION"])
    return found, processes


@pytest.mark.long
def test_killed_at_every_failpoint_hosts_and_users_notice_nothing(shop: Shop, podman: Podman) -> None:
    deployed(shop, VERSIONS[0])
    with Users(f"http://127.0.0.1:{shop.port}/") as users:
        for version, failpoint in zip(VERSIONS[1:], CHOSEN, strict=False):
            lives = deployed(shop, version, failpoint)
            assert lives > 1, f"nobody died at {failpoint}"
            until = time.monotonic() + 10
            while (there := running(shop, podman)) != ([version], [version]):
                assert time.monotonic() < until, (failpoint, there)
                time.sleep(0.1)
            shop.check_history(shop.latest())
    assert set(users.answers) <= set(VERSIONS), users.answers
