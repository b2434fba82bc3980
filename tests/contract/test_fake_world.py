"""The fake world that tests act on keeps the contracts of the ports, so that what passes on it passes on a real one."""

from __future__ import annotations

import pytest

from pilotage.adapters.ports import AdapterError, Fenced
from pilotage.model.observation import Health
from pilotage.model.traffic import split_between
from pilotage.testing import CountsUnderTest, FakeWorld, FlagsUnderTest, FleetUnderTest
from pilotage.testing.contracts.flags import FlagsContract
from pilotage.testing.contracts.fleet import FleetContract
from pilotage.testing.contracts.metrics import MetricsContract


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


class TestFleet(FleetContract):
    @pytest.fixture
    def run(self, world: FakeWorld) -> FleetUnderTest:
        return FleetUnderTest(open=world.fleet)


class TestMetrics(MetricsContract):
    @pytest.fixture
    def counts(self, world: FakeWorld) -> CountsUnderTest:
        return CountsUnderTest(
            open=world.metrics,
            happen=world.happen,
            restart=world.restart_metrics,
            silence=lambda: world.silent.add("metrics"),
        )


class TestFlags(FlagsContract):
    @pytest.fixture
    def flag(self, world: FakeWorld) -> FlagsUnderTest:
        return FlagsUnderTest(open=world.flags, open_with=lambda token, _segments: world.flags(token))


def test_the_router_does_what_it_is_told_until_it_is_silent_or_fenced(world: FakeWorld) -> None:
    split, backends = split_between("2", 50, "1"), {"1": [("a", 1)], "2": [("b", 2)]}
    router = world.router(1)
    assert (router.read(), router.endpoints()) == (None, None)
    router.apply(split, backends)
    assert router.read() == split
    assert world.router(2).endpoints() == {"1": frozenset({("a", 1)}), "2": frozenset({("b", 2)})}
    with pytest.raises(AdapterError, match="no instance of 3"):
        router.apply(split_between("3", 50, "1"), backends)
    world.silent.add("router")
    with pytest.raises(AdapterError, match="does not answer"):
        router.read()
    world.silent.clear()
    world.router(2).apply(split, backends)
    with pytest.raises(Fenced):
        router.stop()


def test_a_version_can_be_ill(world: FakeWorld) -> None:
    world.fleet().ensure("2", 1)
    world.ill.add("2")
    assert [one.health for one in world.fleet().instances()] == [Health.UNHEALTHY]
