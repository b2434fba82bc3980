"""The fleet over hosts (R27) keeps the contract of every fleet, on real sshd servers: as processes that come as an
artifact, as units of systemd, and mixed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pilotage.adapters.fleets import ssh_adapter
from pilotage.testing import FleetUnderTest
from pilotage.testing.contracts.fleet import FleetContract
from tests import systemctl
from tests.host_fleets import build, hosts_in, marked, opened, section_for
from tests.ssh import Sshds

pytestmark = pytest.mark.real


def under_test(
    section: ssh_adapter.SshFleetSection, place: Path, sshd: Sshds, missing: str = ""
) -> Iterator[FleetUnderTest]:
    yield FleetUnderTest(
        open=lambda token: opened(section, place, token),
        can=ssh_adapter.ADAPTER.can(section),
        versions=("1.0", "2.0-rc"),
        missing=missing,
    )
    opened(section, place, 10**6).stop()
    assert marked(sshd.place) == []


class TestProcesses(FleetContract):
    @pytest.fixture(scope="class")
    @classmethod
    def sshd(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshds]:
        with hosts_in(tmp_path_factory.mktemp("hosts") / "ssh") as hosts:
            for _ in range(3):
                hosts.start()
            yield hosts

    @pytest.fixture
    def run(self, sshd: Sshds, tmp_path: Path) -> Iterator[FleetUnderTest]:
        for version in ("1.0", "2.0-rc"):
            build(tmp_path, version)
        section = section_for(
            sshd, artifact={"source": "dist/shop-{version}.tar.gz", "strip": 1}, prepare=[["test", "-e", "server.py"]],
            command=[sys.executable, "-S", "server.py", "{host}", "{port}", "{version}"],
        )  # fmt: skip
        yield from under_test(section, tmp_path, sshd, missing="9.9")


class TestUnits(FleetContract):
    @pytest.fixture(scope="class")
    @classmethod
    def sshd(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshds]:
        place = tmp_path_factory.mktemp("hosts")
        with hosts_in(place / "ssh") as hosts:
            for _ in range(2):
                hosts.start(path=str(systemctl.install(place / "programs")))
            yield hosts

    @pytest.fixture
    def run(self, sshd: Sshds, tmp_path: Path) -> Iterator[FleetUnderTest]:
        yield from under_test(section_for(sshd, runner="systemd"), tmp_path, sshd)
        assert not list(sshd.place.glob("*/root/pilotage/shop_production/units/*"))


@pytest.mark.long
class TestUnitsAndProcesses(FleetContract):
    """Units on one host, processes on the other."""

    @pytest.fixture(scope="class")
    @classmethod
    def sshd(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshds]:
        place = tmp_path_factory.mktemp("hosts")
        with hosts_in(place / "ssh") as hosts:
            hosts.start(path=str(systemctl.install(place / "programs")))
            hosts.start()
            yield hosts

    @pytest.fixture
    def run(self, sshd: Sshds, tmp_path: Path) -> Iterator[FleetUnderTest]:
        section = section_for(sshd)
        first, second = section.hosts
        hosts = {first: section.hosts[first].model_copy(update={"runner": "systemd"}), second: section.hosts[second]}
        yield from under_test(section.model_copy(update={"hosts": hosts}), tmp_path, sshd)
