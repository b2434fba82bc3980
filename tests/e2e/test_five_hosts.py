"""R27, R28: an application that nobody here wrote, on five hosts over SSH, as containers on three and as processes on
two, behind two HAProxys: forward and undone by three strategies, and no request is lost."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shlex
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from pilotage.adapters.free_port import free_port
from pilotage.model.rollout import Status

from .. import httpbin
from ..containers import LIMITS, Podman, a_podman, a_registry
from ..contract.haproxy import Operated
from ..host_fleets import hosts_in
from ..ssh import Sshds
from .conftest import FAST, Shop

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("go")]

OLD, NEW, BROKEN, REBUILT = httpbin.OLD, httpbin.NEW, httpbin.BROKEN, httpbin.REBUILT


@dataclass
class Users:
    """Eight users with connections that they keep, half of them through each load balancer. lost: requests that got no
    answer, or one that no version of the application gives."""

    ports: tuple[int, ...]
    releases: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Users:
        self._threads = [
            threading.Thread(target=self._use, args=(self.ports[i % len(self.ports)], i)) for i in range(8)
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _use(self, port: int, number: int) -> None:
        connection, cookie, asked = http.client.HTTPConnection("127.0.0.1", port, timeout=10), "", 0
        while not self._over.wait(0.05):
            asked += 1
            if asked % 20 == 0:
                cookie = ""  # another user on the same connection
            try:
                connection.request("GET", "/env", headers={"Cookie": cookie} if cookie else {})
                answer = connection.getresponse()
                body = answer.read()
            except (OSError, http.client.HTTPException) as error:
                self.lost.append(f"{number}: {error!r}")
                connection.close()
                continue
            cookie = cookie or answer.headers.get("set-cookie", "").partition(";")[0]
            release = answer.status in (200, 500) and json.loads(body)["env"]["HTTPBIN_ENV_RELEASE"]
            if release:
                self.releases[release] += 1
                self.failed[release] += answer.status == 500
            else:
                self.lost.append(f"{answer.status} {body[:80]!r}")


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The long set has the application itself."""
    place = tmp_path_factory.mktemp("httpbin")
    (httpbin.install if os.environ.get("PILOTAGE_LIVE") == "long" else httpbin.imitate)(place)
    return place


@pytest.fixture(scope="module")
def registry(programs: Path) -> Iterator[str]:
    """A registry with an image of each release; where it listens."""
    with a_podman() as podman, a_registry(podman.folder) as address:
        podman.trust(address)
        for version in httpbin.RELEASES:
            image = f"{address}/httpbin:{version}"
            podman.build(image, file=httpbin.program_of(programs, version), says=version)
            podman("push", "--quiet", image)
        yield address


class Place:
    """Five machines and two load balancers, as somebody has them who comes to Pilotage. On three of the machines podman
    is installed, each with a storage of its own."""

    def __init__(self, directory: Path, sshd: Sshds, podmans: list[Podman], registry: str, programs: Path) -> None:
        self.it = Shop(directory, {}, "medium")
        for version in httpbin.RELEASES:
            httpbin.pack(programs, directory / "dist", version)
        self.hosts: dict[str, dict[str, Any]] = {}
        for podman in podmans:
            podman.trust(registry)
            self._add(sshd, path=str(self._installed(podman)), runner="container")
        for _ in range(2):
            self._add(sshd)
        self.registry, self.config_file = registry, str(sshd.config_file)
        files = {name: directory / f"{name}-files" for name in ("lb1", "lb2")}
        self.haproxys = {name: Operated(directory / name, files[name] / "shop.cfg") for name in files}
        self.routers = {
            name: {
                "kind": "haproxy", "address": str(running.socket), "files": str(files[name]), "name": "shop",
                "sticky": {"cookie": "session"}, "url": f"http://127.0.0.1:{running.port}",
            }
            for name, running in self.haproxys.items()
        }  # fmt: skip
        self.configure("canary")

    def _add(self, sshd: Sshds, path: str = "", **more: str) -> None:
        host = sshd.start(path=path)
        self.hosts[host.name] = {"address": host.address, "port": host.port, "folder": str(host.folder), **more}

    @staticmethod
    def _installed(podman: Podman) -> Path:
        """A folder with its own `podman`."""
        folder = podman.folder / "bin"
        folder.mkdir()
        (folder / "podman").write_text(f'#!/bin/sh\nexec /usr/bin/podman {shlex.join(podman.args)} "$@"\n')
        (folder / "podman").chmod(0o755)
        return folder

    def configure(self, strategy: str) -> None:
        fleet = {
            "kind": "ssh", "hosts": self.hosts, "ssh": {"config_file": self.config_file}, "count": 5,
            "health_check_path": "/status/200", "stop_timeout": "5s",
            "artifact": {"source": "dist/httpbin-{version}.tar.gz"},
            "command": ["./go-httpbin", "-host", "{host}", "-port", "{port}"],
            "container": {
                "image": f"{self.registry}/httpbin:{{version}}", "network": "host", "limits": LIMITS,
                "command": ["-host", "{host}", "-port", "{port}"],
            },
            "env": {"HTTPBIN_ENV_RELEASE": "{version}"},
        }  # fmt: skip
        quick = {
            "rolling.batch_size": 2, "rolling.max_unavailable": 2, "rolling.wait_time_between_batches": "1s",
            "rolling.bake_duration": "1s", "rolling.drain_duration": "500ms", "blue_green.bake_duration": "1s",
            "blue_green.keep_duration": "1s", "blue_green.drain_duration": "500ms",
        }  # fmt: skip
        path = self.it.directory / "pilotage.yaml"
        whole = json.loads(path.read_text())
        whole["answers"]["deployment_strategy"] = strategy
        whole["environments"]["production"] = {
            "fleet": fleet, "routers": self.routers, "metrics": {"kind": "haproxy"},
            "overrides": {**FAST, **quick},
        }  # fmt: skip
        path.write_text(json.dumps(whole, indent=2))

    def set_up(self) -> None:
        """What the guide says: the lines of each load balancer, and its start with Pilotage's file."""
        for running in self.haproxys.values():
            running.start()
        self.it.run("deploy", OLD, expect=3)
        for name, running in self.haproxys.items():
            rows = (self.it.directory / f"{name}-files" / "shop.cfg").read_text().splitlines()
            running.write(tuple(row[6:] for row in rows if row.startswith("#     ")))
            running.kill()
            running.start()

    def ports(self) -> tuple[int, ...]:
        return tuple(running.port for running in self.haproxys.values())

    def end(self) -> None:
        self.it.run("down", "--yes")
        for running in self.haproxys.values():
            running.end()


@pytest.fixture
def place(tmp_path: Path, registry: str, programs: Path) -> Iterator[Place]:
    with contextlib.ExitStack() as stack:
        podmans = [stack.enter_context(a_podman()) for _ in range(3)]
        sshd = stack.enter_context(hosts_in(tmp_path / "ssh"))
        made = Place(tmp_path, sshd, podmans, registry, programs)
        stack.callback(made.end)
        yield made


@pytest.mark.long
def test_r27_r28_five_hosts_and_two_load_balancers_lose_no_request(place: Place) -> None:
    it = place.it
    place.set_up()
    it.run("deploy", OLD)
    with Users(place.ports()) as users:
        it.run("deploy", NEW)
        it.run("deploy", BROKEN, expect=4)
        assert users.failed[BROKEN]
        assert "error rate" in it.latest().state.reason
        place.configure("rolling")
        it.run("deploy", REBUILT[0])
        place.configure("blue-green")
        it.run("deploy", REBUILT[1])
        users.releases.clear()
        time.sleep(0.5)
        assert set(users.releases) == {REBUILT[1]}
    assert users.lost == []
    assert not users.failed[OLD]
    assert not users.failed[NEW]
    assert it.latest().state.status is Status.COMPLETED


PAGE = (Path(__file__).parents[2] / "docs/start/own-machines.md").read_text()
QUICK = {**FAST, "canary.weights": ["5%", "100%"]}


@pytest.mark.long
def test_r27_r28_the_page_leads_from_haproxy_and_three_machines_to_a_canary(tmp_path: Path, programs: Path) -> None:
    """As the page says it, while users are there: what they have is moved, then released."""
    with contextlib.ExitStack() as stack:
        sshd = stack.enter_context(hosts_in(tmp_path / "ssh"))
        for version in (OLD, NEW):
            httpbin.pack(programs, tmp_path / "dist", version).rename(tmp_path / "dist" / f"shop-{version}.tar.gz")
        haproxy = Operated(tmp_path / "haproxy", tmp_path / "pilotage" / "shop.cfg", backends=_by_hand(stack, programs))
        stack.callback(haproxy.end)
        own = ("default_backend shop-by-hand",)
        haproxy.write(own)
        haproxy.start()
        it = Shop(tmp_path, {}, "medium")
        (tmp_path / "pilotage.yaml").write_text(_adapted(sshd, haproxy))
        stack.callback(it.run, "down", "--yes")
        assert "web3" in it.run("hosts")
        steps = [line for line in PAGE.splitlines() if line.startswith("pilotage deploy")]
        assert steps == [f"pilotage deploy {version}" for version in (OLD, OLD, NEW)]
        with Users((haproxy.port,)) as users:
            it.run("deploy", OLD, expect=3)
            rows = (tmp_path / "pilotage" / "shop.cfg").read_text().splitlines()
            haproxy.write((*(row[6:] for row in rows if row.startswith("#     ")), *own))
            haproxy.kill()
            haproxy.start()
            users.lost.clear()  # of the restart
            it.run("deploy", OLD)
            assert users.releases.pop(BY_HAND)
            users.releases.clear()
            time.sleep(0.5)
            assert set(users.releases) == {OLD}
            it.run("deploy", NEW)
        assert users.lost == []
        assert users.releases[NEW]


BY_HAND = "by hand"


def _by_hand(stack: contextlib.ExitStack, programs: Path) -> str:
    """Three servers that somebody started, and HAProxy's backend of them."""
    rows = ["backend shop-by-hand"]
    for number in range(3):
        port = free_port()
        command = [str(httpbin.program_of(programs, OLD)), "-host", "127.0.0.1", "-port", str(port)]
        told = {"HTTPBIN_ENV_RELEASE": BY_HAND}
        process = subprocess.Popen(command, env=told, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        stack.callback(process.wait)
        stack.callback(process.kill)
        rows.append(f"    server web{number} 127.0.0.1:{port}")
    return "\n".join(rows)


def _adapted(sshd: Sshds, haproxy: Operated) -> str:
    """The page's file with the addresses of this test, and waits of seconds."""
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    whole = yaml.safe_load(text)
    environment = whole["environments"]["production"]
    for section in environment["fleet"]["hosts"].values():
        host = sshd.start()
        section.update(address=host.address, port=host.port, folder=str(host.folder))
    environment["fleet"]["ssh"] = {"config_file": str(sshd.config_file)}
    environment["fleet"]["env"] = {"HTTPBIN_ENV_RELEASE": "{version}"}
    environment["router"].update(
        address=str(haproxy.socket), files=str(haproxy.include.parent), url=f"http://127.0.0.1:{haproxy.port}"
    )
    environment["overrides"] = QUICK
    return json.dumps(whole, indent=2)
