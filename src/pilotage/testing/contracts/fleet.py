"""The Fleet port: every sentence of its contract that holds for all fleets, with real instances."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import pytest

from pilotage.adapters.ports import Fenced, Fleet, PreparingFleet
from pilotage.model.observation import CheckStatus, Health, Instance, Preparation
from pilotage.testing.harness import FleetUnderTest


def healthy(version: str, count: int) -> Callable[[Sequence[Instance]], bool]:
    """Whether exactly `count` instances of a version are there, and all are healthy."""
    return lambda found: [i.health for i in found if i.version == version] == [Health.HEALTHY] * count


def wait(fleet: Fleet, wanted: Callable[[Sequence[Instance]], bool], seconds: float = 10.0) -> tuple[Instance, ...]:
    """The instances, once they are as wanted."""
    until = time.monotonic() + seconds
    while not wanted(found := fleet.instances()):
        assert time.monotonic() < until, found
        time.sleep(0.05)
    return found


def prepare(run: FleetUnderTest, version: str) -> tuple[PreparingFleet, Preparation]:
    """The fleet, and how the preparation of a version ended."""
    fleet = run.open(1)
    if not run.can.prepares:
        pytest.skip("its capabilities say that it has nothing to prepare")
    assert isinstance(fleet, PreparingFleet)
    assert fleet.prepared(version) is None
    until = time.monotonic() + run.seconds
    while True:
        fleet.prepare(version)
        found = fleet.prepared(version)
        assert found is not None
        if found.status is not CheckStatus.RUNNING:
            return fleet, found
        assert time.monotonic() < until, found
        time.sleep(0.02)


class FleetContract:
    """Give it a fixture `run` with a `FleetUnderTest` of which nothing runs yet; it stops what is left."""

    def test_ensure_starts_what_is_missing_and_nothing_twice(self, run: FleetUnderTest) -> None:
        fleet, version = run.open(1), run.versions[0]
        for _ in range(3):
            fleet.ensure(version, 2)
        found = wait(fleet, healthy(version, 2), run.seconds)
        assert len({(i.host, i.port) for i in found}) == len({i.id for i in found}) == 2

    def test_ensure_stops_the_newest_of_what_is_too_much(self, run: FleetUnderTest) -> None:
        fleet, version = run.open(1), run.versions[0]
        fleet.ensure(version, 1)
        (oldest,) = wait(fleet, healthy(version, 1), run.seconds)
        fleet.ensure(version, 2)
        wait(fleet, healthy(version, 2), run.seconds)

        def shrunk(found: Sequence[Instance]) -> bool:
            fleet.ensure(version, 1)
            return [i.id for i in found] == [oldest.id]

        wait(fleet, shrunk, run.seconds)

    def test_versions_stand_side_by_side(self, run: FleetUnderTest) -> None:
        fleet, (one, two) = run.open(1), run.versions
        fleet.ensure(one, 1)
        fleet.ensure(two, 1)
        wait(fleet, lambda found: healthy(one, 1)(found) and healthy(two, 1)(found), run.seconds)

    def test_replace_ends_one_instance_and_ensure_starts_a_fresh_one_in_its_place(self, run: FleetUnderTest) -> None:
        fleet, version = run.open(1), run.versions[0]
        fleet.ensure(version, 2)
        ill, well = wait(fleet, healthy(version, 2), run.seconds)

        def replaced(found: Sequence[Instance]) -> bool:
            if ill.id in [i.id for i in found]:
                # Said again until it is gone, also by the controller's successor.
                run.open(2).replace(version, f"{ill.host}:{ill.port}")
            run.open(2).ensure(version, 2)
            return ill.id not in [i.id for i in found] and healthy(version, 2)(found)

        fleet.replace(version, f"{ill.host}:{ill.port}")
        assert well.id in [i.id for i in wait(run.open(2), replaced, 2 * run.seconds)]

    def test_replace_of_an_instance_that_is_not_there_touches_none(self, run: FleetUnderTest) -> None:
        fleet, (version, other) = run.open(1), run.versions
        fleet.ensure(version, 1)
        (there,) = wait(fleet, healthy(version, 1), run.seconds)
        fleet.replace(version, "127.0.0.1:1")
        fleet.replace(other, f"{there.host}:{there.port}")
        fleet.replace(version, "no address")
        assert [(i.id, i.health) for i in fleet.instances()] == [(there.id, Health.HEALTHY)]

    def test_another_controller_finds_the_same_instances(self, run: FleetUnderTest) -> None:
        version = run.versions[0]
        run.open(1).ensure(version, 2)
        before = wait(run.open(1), healthy(version, 2), run.seconds)
        run.open(2).ensure(version, 2)
        assert [i.id for i in run.open(2).instances()] == [i.id for i in before]

    def test_rule_4_a_controller_that_lost_its_lease_is_fenced_off(self, run: FleetUnderTest) -> None:
        late, version = run.open(1), run.versions[0]
        run.open(2).ensure(version, 1)
        with pytest.raises(Fenced):
            late.ensure(version, 0)
        wait(run.open(2), healthy(version, 1), run.seconds)

    def test_a_log_that_is_nobodys_has_no_lines(self, run: FleetUnderTest) -> None:
        for nobody in ("1.0-7", "127.0.0.1:1", "../other/log", ""):
            assert run.open(1).log_tail(nobody) == ()

    def test_stop_ends_all_and_may_be_said_twice(self, run: FleetUnderTest) -> None:
        fleet, (one, two) = run.open(1), run.versions
        fleet.ensure(one, 1)
        fleet.ensure(two, 1)
        wait(fleet, lambda found: healthy(one, 1)(found) and healthy(two, 1)(found), run.seconds)
        fleet.stop()
        fleet.stop()
        assert fleet.instances() == ()

    def test_what_is_prepared_starts_and_nothing_ran_before(self, run: FleetUnderTest) -> None:
        fleet, found = prepare(run, run.versions[0])
        assert found.status is CheckStatus.PASSED, found
        assert fleet.instances() == ()
        fleet.ensure(run.versions[0], 1)
        wait(fleet, healthy(run.versions[0], 1), run.seconds)

    def test_what_cannot_be_had_is_said(self, run: FleetUnderTest) -> None:
        if not run.missing:
            pytest.skip("every version can be had here")
        fleet, found = prepare(run, run.missing)
        assert found.status is CheckStatus.FAILED
        assert found.detail
        assert fleet.instances() == ()
