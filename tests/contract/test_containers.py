"""The fleet of containers on this machine, with podman: the contract of the port, and what only containers promise
(R27)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pilotage.adapters.context import Context
from pilotage.adapters.fence import Fence
from pilotage.adapters.fleets.container_adapter import ADAPTER, ContainerFleetSection
from pilotage.adapters.ports import Fleet
from pilotage.testing import FleetUnderTest
from pilotage.testing.contracts.fleet import FleetContract
from tests.containers import LIMITS, Podman, a_podman

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("podman")]

Make = Callable[..., Fleet]
VERSIONS = ("1.0", "2.0-rc.1")


@pytest.fixture(scope="module")
def podman() -> Iterator[Podman]:
    with a_podman() as podman:
        kinds = ("stubborn", "chatty", "broken", "sick", "greedy", *VERSIONS)
        podman.build(*(f"localhost/shop:{kind}" for kind in kinds))
        yield podman


@pytest.fixture
def make(podman: Podman, tmp_path: Path) -> Iterator[Make]:
    """`make(token)` is another controller's view of the same fleet."""

    def fleet(token: int = 1, **settings: object) -> Fleet:
        given = {
            "kind": "container", "image": "localhost/shop:{version}", "runtime": "podman", "runtime_args": podman.args,
            "env": {"PORT": "{port}", "VERSION": "{version}"}, "limits": LIMITS, "health_check_path": "/",
            "stop_timeout": 1.0, **settings,
        }  # fmt: skip
        section = ContainerFleetSection.model_validate(given)
        fence = Fence(tmp_path / "fence.json", token)
        context = Context(
            directory=tmp_path / "fleet", fence=fence, service="shop", environment="test", folder=tmp_path
        )
        return ADAPTER.open(section, context)

    yield fleet
    fleet(10**6).stop()
    assert podman.names() == []


class TestContainers(FleetContract):
    """What holds for every fleet."""

    @pytest.fixture
    def run(self, make: Make) -> FleetUnderTest:
        return FleetUnderTest(open=make, can=ADAPTER.capabilities, versions=VERSIONS, seconds=30.0, missing="9.9")
