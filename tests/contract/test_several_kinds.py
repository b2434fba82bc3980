"""Routers of several kinds in one environment, each the real program: as one, and with one of them split off."""

from __future__ import annotations

import contextlib
import json
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
import urllib3

from pilotage.adapters import haproxy_runtime, registry
from pilotage.adapters.context import Context
from pilotage.adapters.fence import Fence
from pilotage.adapters.files import write_json
from pilotage.adapters.free_port import free_port
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.routers import nginx, nginx_control
from pilotage.adapters.routers.found import found_router
from pilotage.adapters.routers.haproxy_lines import lines_of
from pilotage.app.teardown import _stop_processes
from pilotage.engine.execution.targets import open_target
from pilotage.engine.rescue import take_back as rescue
from pilotage.model.capabilities import Port
from pilotage.model.json import Json
from pilotage.model.snapshot import Snapshot
from pilotage.model.traffic import Split, split_between
from pilotage.testing.harness import wait_until

from ..nginx import Nginx
from .conftest import Version
from .haproxy import Operated

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("traefik")]
OLD, LITTLE, MORE = (split_between("2.0", weight, "1.0") for weight in (0, 50, 250))


@dataclass
class Balancers:
    """An Envoy and a Traefik of Pilotage's own, somebody's nginx and somebody's HAProxy. ports: where users reach
    each."""

    folder: Path
    backends: dict[str, list[tuple[str, int]]]
    ports: dict[str, int] = field(default_factory=lambda: {name: free_port() for name in ("edge", "inner", "front")})

    def __post_init__(self) -> None:
        self.nginx = Nginx(self.folder / "nginx", lua=True)
        self.place = self.folder / "run" / "shop-production"
        files = self.folder / "haproxy" / "files"
        self.haproxy = Operated(self.folder / "haproxy", files / "shop.cfg")
        self.ports["lb"] = self.haproxy.port
        write_json(self.place / "stable.json", {"stable": "1.0"})
        routers: dict[str, Json] = {
            "front": {
                "kind": "nginx", "mode": "lua", "file": str(self.nginx.owned / "shop.conf"),
                "listen": f"127.0.0.1:{self.ports['front']}", "control": f"127.0.0.1:{free_port()}",
                "test": self.nginx.test, "reload": self.nginx.reload,
            },
            "lb": {
                "kind": "haproxy", "name": "shop", "address": str(self.haproxy.socket), "files": str(files),
            },
            "edge": {"kind": "envoy", "listen": f"127.0.0.1:{self.ports['edge']}"},
            "inner": {"kind": "traefik", "listen": f"127.0.0.1:{self.ports['inner']}"},
        }  # fmt: skip
        fleet: Json = {"kind": "process", "command": ["serve", "{port}", "{version}"]}
        snapshot = Snapshot(environment={"fleet": fleet, "routers": routers}, cwd=str(self.folder))
        adapter = registry.get(Port.ROUTER, "haproxy")
        alone = adapter.open(adapter.section.model_validate(routers["lb"]), self.context())
        alone.prepare()
        self.haproxy.write(lines_of(alone.settings))
        self.haproxy.start()
        self.router = open_target(self.folder, snapshot, "shop", "production", 1, switch_timeout=0.01).router

    def context(self) -> Context:
        """Of the HAProxy, before it has its lines."""
        return Context(
            directory=self.place / "router-lb",
            fence=Fence(self.place / "fence.json", 1),
            service="shop",
            environment="production",
            folder=self.folder,
        )

    def processes(self, name: str) -> list[psutil.Process]:
        if name == "front":
            return [self.nginx.master, *self.nginx.master.children()]
        if name == "lb":
            assert self.haproxy.process
            master = psutil.Process(self.haproxy.process.pid)
            return [master, *master.children()]
        records = self.place / f"router-{name}"
        found = next(path for path in (records / "envoy.json", records / "traefik.json") if path.exists())
        return [psutil.Process(json.loads(found.read_text())["pid"])]

    def send(self, name: str, number: signal.Signals) -> None:
        for process in self.processes(name):
            process.send_signal(number)

    def look(self, wanted: Split) -> str:
        """A look of the engine: read, then say what should be; what went wrong."""
        wrong = []
        for ask in (self.router.read, lambda: self.router.apply(wanted, self.backends)):
            try:
                ask()
            except AdapterError as error:
                wrong.append(str(error))
        return "; ".join(wrong)

    def look_until(self, wanted: Split, true: Callable[[], bool]) -> str:
        for _ in range(20):
            said = self.look(wanted)
            if true():
                return said
        raise AssertionError(said)

    def shown(self, *names: str) -> set[Split | None]:
        """What these routers serve, by their folders alone."""
        found = [found_router(self.place / f"router-{name}") for name in names]
        return {one.split() for one in found if one is not None}

    def asked(self, times: int = 20) -> set[bytes]:
        return {
            urllib3.request("GET", f"http://127.0.0.1:{p}/").data for p in self.ports.values() for _ in range(times)
        }

    def end(self) -> None:
        for name in self.ports:
            with contextlib.suppress(StopIteration, psutil.Error):
                self.send(name, signal.SIGCONT)
        _stop_processes(self.place)
        self.nginx.kill()
        self.haproxy.end()


@pytest.fixture
def balancers(
    tmp_path: Path, versions: Callable[[str], Version], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Balancers]:
    monkeypatch.setattr(nginx_control, "_TIMEOUT", 0.5)
    monkeypatch.setattr(nginx, "_TAKE_UP_DEADLINE", 0.5)
    monkeypatch.setattr(haproxy_runtime, "_TIMEOUT", 0.5)
    made = Balancers(tmp_path, {name: [versions(name).address] for name in ("1.0", "2.0")})
    try:
        made.router.apply(OLD, made.backends)
        yield made
    finally:
        made.end()


@pytest.mark.parametrize("away", ["front", "edge", "lb"])
def test_one_of_four_kinds_is_split_off_in_the_middle_of_a_canary(balancers: Balancers, away: str) -> None:
    """R28: the others go back to what all had, follow an abort at once, and the one that was away follows when it is
    back."""
    others = [name for name in balancers.ports if name != away]
    balancers.look_until(LITTLE, lambda: balancers.shown(*balancers.ports) == {LITTLE})
    balancers.look(LITTLE)
    balancers.send(away, signal.SIGSTOP)

    said = balancers.look_until(MORE, lambda: balancers.shown(*others) == {LITTLE})
    assert f"router {away}: " in said
    assert "the other routers stay at 2.0 5%, 1.0 95% until it catches up" in said

    said = balancers.look(OLD)
    assert f"router {away}: " in said
    assert balancers.shown(*others) == {OLD}

    balancers.send(away, signal.SIGCONT)
    balancers.look_until(OLD, lambda: not balancers.look(OLD))
    wait_until(lambda: balancers.router.read() == OLD)
    assert balancers.asked() == {b"1.0"}


def test_all_kinds_are_taken_back_by_their_folders_alone(balancers: Balancers) -> None:
    """Rule 7: without a store, a plan or a configuration."""
    balancers.look_until(MORE, lambda: balancers.shown(*balancers.ports) == {MORE})
    did = rescue.take_back_at(balancers.place, "1.0")
    assert did.startswith("all traffic goes to 1.0")
    assert balancers.asked() == {b"1.0"}
