"""`pilotage doctor --version` starts one instance on each kind of place, beside what serves, and leaves nothing behind
(R27)."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
import yaml

from pilotage.adapters.context import Context
from pilotage.adapters.fence import Fence
from pilotage.adapters.fleets.container_adapter import ADAPTER, ContainerFleetSection
from pilotage.config.kinds import FleetSection
from pilotage.testing.contracts.fleet import healthy, wait
from tests import systemctl
from tests.containers import LIMITS, a_podman
from tests.host_fleets import hosts_in, marked, opened, section_for
from tests.typed import typed
from tests.unit.config.test_config import GOOD

pytestmark = pytest.mark.real


def _configured(folder: Path, section: FleetSection) -> None:
    whole = yaml.safe_load(GOOD)
    production = {**whole["environments"]["production"], "fleet": section.model_dump(mode="json", exclude_unset=True)}
    whole["environments"] = {"production": production}
    (folder / "pilotage.yaml").write_text(yaml.safe_dump({**whole, "service": "shop"}))


def _tried(folder: Path, version: str) -> list[str]:
    shown = typed("doctor", "--version", version, cwd=folder).stdout.splitlines()
    assert [*(folder / ".pilotage").glob("trial-*")] == []
    return [line for line in shown if line.split()[1:2] == ["version"]]


def test_one_host_of_each_runner_tries_it_and_what_serves_stays(tmp_path: Path) -> None:
    with hosts_in(tmp_path / "ssh") as hosts:
        hosts.start()
        hosts.start(path=str(systemctl.install(tmp_path / "programs")))
        section = section_for(hosts)
        units = section.hosts["web2"].model_copy(update={"runner": "systemd"})
        section = section.model_copy(update={"hosts": {**section.hosts, "web2": units}})
        _configured(tmp_path, section)
        serving = opened(section, tmp_path, 1)
        serving.ensure("1.0", 2)
        before = [one.id for one in wait(serving, healthy("1.0", 2))]
        found = _tried(tmp_path, "1.0")
        assert [line.split(":")[0] for line in found] == ["PASS  version 1.0 on web1", "PASS  version 1.0 on web2"], (
            found
        )
        assert [one.id for one in serving.instances()] == before
        serving.stop()
        assert marked(hosts.place) == []


def test_what_fails_on_a_host_is_said_with_its_name_once(tmp_path: Path) -> None:
    with hosts_in(tmp_path / "ssh") as hosts, socket.create_server(("127.0.0.1", 0)) as taken:
        hosts.start()
        port = taken.getsockname()[1]
        _configured(tmp_path, section_for(hosts, ports=f"{port}-{port}"))
        (found,) = _tried(tmp_path, "1.0")
        assert found == f"FAIL  version 1.0 on web1: all ports from {port} to {port} are in use"


@pytest.mark.xdist_group("podman")
def test_a_container_tries_it_and_what_serves_stays(tmp_path: Path) -> None:
    with a_podman() as podman:
        podman.build("localhost/shop:1.0")
        section = ContainerFleetSection.model_validate(
            {
                "kind": "container", "image": "localhost/shop:{version}", "runtime": "podman",
                "runtime_args": podman.args, "env": {"PORT": "{port}", "VERSION": "{version}"}, "limits": LIMITS,
                "health_check_path": "/", "stop_timeout": 1.0,
            }
        )  # fmt: skip
        _configured(tmp_path, section)
        place = tmp_path / ".pilotage" / "run" / "shop-production"
        context = Context(
            directory=place / "fleet", fence=Fence(place / "fence.json", 1), service="shop", environment="production",
            folder=tmp_path,
        )  # fmt: skip
        serving = ADAPTER.open(section, context)
        serving.ensure("1.0", 1)
        wait(serving, healthy("1.0", 1), 30)
        before = podman.names()
        (found,) = _tried(tmp_path, "1.0")
        assert found.startswith("PASS  version 1.0: starts"), found
        assert podman.names() == before
        serving.stop()
