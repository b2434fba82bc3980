"""An Envoy on another host, over a real sshd: the contract of the port, and what only such a router promises."""

from __future__ import annotations

import contextlib
import shutil
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import trustme
import urllib3

from pilotage.adapters.context import Context, Peers
from pilotage.adapters.envoy_admin import envoy_program
from pilotage.adapters.fence import Fence
from pilotage.adapters.free_port import free_port
from pilotage.adapters.own_requests import synthetic_token
from pilotage.adapters.ports import AdapterError, Router
from pilotage.adapters.registry import Adapter
from pilotage.adapters.routers.envoy_adapter import ADAPTER, EnvoyRouterSection
from pilotage.adapters.routers.found import found_router
from pilotage.app.teardown import _stop_processes
from pilotage.engine.execution.targets import open_target
from pilotage.engine.rescue import take_back as rescue
from pilotage.model.snapshot import Snapshot
from pilotage.model.traffic import Split, split_between
from pilotage.testing import RouterUnderTest, Version
from pilotage.testing.contracts.router import RouterContract
from pilotage.testing.harness import wait_until

from ..programs import needs
from ..ssh import Sshd, Sshds, sshd

__all__ = ["sshd"]
pytestmark = [pytest.mark.real, pytest.mark.xdist_group("envoy-elsewhere")]
Versions = Callable[[str], Version]
ONE = Split((("1.0", 1000),))


def section_of(host: Sshd, port: int, **more: Any) -> dict[str, Any]:
    where = host.section().model_dump(mode="json", exclude_unset=True)
    return {"kind": "envoy", "host": where, "program": envoy_program(), "listen": f"127.0.0.1:{port}", **more}


class OnHost(RouterUnderTest):
    """An Envoy on a host that SSH reaches."""

    def __init__(self, folder: Path, host: Sshd) -> None:
        needs("curl")
        self.folder, self.host, self.port = folder, host, free_port()
        self.directory = folder / "router"
        self.section = section_of(host, self.port, sticky={"cookie": "session"})
        super().__init__(
            self._opened,
            ADAPTER.can(self.read_section()),
            url=f"http://127.0.0.1:{self.port}",
            kill=self.kill_all,
            own=lambda: synthetic_token(self.directory),
        )

    def read_section(self) -> EnvoyRouterSection:
        found = ADAPTER.section.model_validate(self.section)
        assert isinstance(found, EnvoyRouterSection)
        return found

    def context(self, token: int) -> Context:
        return Context(
            directory=self.directory,
            fence=Fence(self.folder / "fence.json", token),
            service="shop",
            environment="production",
            folder=self.folder,
            peers=Peers(synthetic=True),
        )

    def _opened(self, token: int) -> Router:
        adapter: Adapter[Any, Any, Any] = ADAPTER
        router: Router = adapter.open(self.read_section(), self.context(token))
        return router

    def kill_all(self) -> None:
        for process in envoys_of(self.host):
            process.kill()

    def envoys(self) -> list[int]:
        return [process.pid for process in envoys_of(self.host)]


def envoys_of(host: Sshd) -> list[psutil.Process]:
    """Those that run on a host."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.name() == "envoy" and any(part.startswith(f"{host.folder}/") for part in process.cmdline()):
                found.append(process)
    return found


@pytest.fixture
def routed(tmp_path: Path, sshd: Sshds) -> Iterator[OnHost]:
    under_test = OnHost(tmp_path / "here", sshd.start())
    yield under_test
    under_test.kill_all()


class TestEnvoyElsewhere(RouterContract):
    """What holds for every router."""

    releases = 2


def test_it_serves_on_while_its_host_cannot_be_reached(routed: OnHost, versions: Versions) -> None:
    """R28, crash-only: users notice nothing of a network between, and another controller finds the same Envoy."""
    backends = {"1.0": [versions("1.0").address]}
    routed.take(ONE, backends)
    before = routed.envoys()
    routed.host.stop()
    with pytest.raises(AdapterError, match=r"cannot reach|was cut"):
        routed.router.read()
    assert routed.ask() == "1.0"
    routed.host.start()
    shutil.rmtree(routed.directory)
    wait_until(lambda: _reads(routed.again(2)) == ONE)
    routed.again(2).apply(ONE, backends)
    assert routed.envoys() == before


def _reads(router: Router) -> Split | None:
    try:
        return router.read()
    except AdapterError:
        return None


def test_one_whose_files_were_removed_is_started_again(routed: OnHost, versions: Versions) -> None:
    backends = {"1.0": [versions("1.0").address]}
    routed.take(ONE, backends)
    before = routed.envoys()
    for folder in routed.host.folder.glob("shop.router_production"):
        shutil.rmtree(folder / "xds")
    routed.take(ONE, backends)
    assert routed.envoys() != before
    assert (len(routed.envoys()), routed.ask()) == (1, "1.0")


def test_the_certificate_is_one_of_the_host_and_wrong_ones_are_refused(routed: OnHost, versions: Versions) -> None:
    """R28: certbot runs where the balancer is; its key never becomes a file elsewhere."""
    authority, folder = trustme.CA(), routed.host.home
    issued = authority.issue_cert("127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(folder / "fullchain.pem")
    tls = {"certificate": str(folder / "fullchain.pem"), "key": str(folder / "privkey.pem")}
    routed.section |= {"tls": tls}
    backends = {"1.0": [versions("1.0").address]}
    with pytest.raises(AdapterError, match=r"cannot read .*privkey\.pem on .*: there is no such file"):
        routed.again().apply(ONE, backends)
    issued.private_key_pem.write_to_path(folder / "privkey.pem")
    routed.router = routed.again()
    routed.take(ONE, backends)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    assert urllib3.PoolManager(ssl_context=context).request("GET", f"https://127.0.0.1:{routed.port}").data == b"1.0"
    assert not list(routed.directory.rglob("*.key"))


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"program": "/no/envoy"}, "/no/envoy is not installed on .*: install it, or name its path"),
        ({}, r"the router cannot listen on port \d+ of .*, where another process listens"),
    ],
)
def test_what_the_host_lacks_is_said_before_anything_starts(
    routed: OnHost, versions: Versions, changed: dict[str, str], sentence: str
) -> None:
    taken = versions("other")
    routed.section |= {"listen": f"127.0.0.1:{taken.address[1]}", **changed}
    assert ADAPTER.lacks
    with pytest.raises(AdapterError, match=sentence):
        raise AdapterError(ADAPTER.lacks(routed.read_section(), routed.folder, "1.0"))


def test_envoys_of_two_hosts_are_one_router_and_taken_back_by_their_folders_alone(
    tmp_path: Path,
    sshd: Sshds,
    versions: Versions,
) -> None:
    """R28: several Envoys on several hosts as `routers:`; users are counted at the first; rule 7."""
    needs("curl")
    ports = {"edge": free_port(), "inner": free_port()}
    routers = {name: section_of(sshd.start(), port) for name, port in ports.items()}
    fleet = {"kind": "process", "command": ["serve", "{port}", "{version}"]}
    snapshot = Snapshot(environment={"fleet": fleet, "routers": routers}, cwd=str(tmp_path))
    target = open_target(tmp_path, snapshot, "shop", "production", 1)
    place, backends = tmp_path / "run" / "shop-production", {v: [versions(v).address] for v in ("1.0", "2.0")}
    split = split_between("2.0", 1000, "1.0")
    target.router.apply(split, backends)
    wait_until(lambda: target.router.read() == split)
    cursor = target.metrics.observe(["1.0", "2.0"], None).cursor
    asked = [urllib3.request("GET", f"http://127.0.0.1:{port}/").data for port in (*ports.values(), ports["edge"])]
    assert asked == [b"2.0"] * 3
    counted = target.metrics.observe(["1.0", "2.0"], cursor)
    assert [one.requests for one in counted.observations] == [0, 2]
    split = split_between("2.0", 250, "1.0")
    target.router.apply(split, backends)
    wait_until(lambda: target.router.read() == split)
    sshd.all[0].stop()
    did = rescue.take_back_at(place, "1.0")
    assert "The router did not confirm it" in did
    assert {urllib3.request("GET", f"http://127.0.0.1:{ports['inner']}/").data for _ in range(20)} == {b"1.0"}
    sshd.all[0].start()
    wait_until(lambda: "did not confirm" not in rescue.take_back_at(place, "1.0"))
    assert {urllib3.request("GET", f"http://127.0.0.1:{port}/").data for port in ports.values()} == {b"1.0"}
    for name in ports:
        found = found_router(place / f"router-{name}")
        assert found
        assert (found.runs(), found.died(), found.split()) == (True, False, ONE)
    assert _stop_processes(place)
    assert not [one for host in sshd.all for one in envoys_of(host)]


@pytest.fixture
def versions() -> Iterator[Versions]:
    running: list[Version] = []

    def start(name: str) -> Version:
        running.append(Version(name))
        return running[-1]

    yield start
    for version in running:
        version.end()
