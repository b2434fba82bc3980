"""`status` and the public page say what is so now, and since when it is not, also with an old store and no worker."""

from __future__ import annotations

from pathlib import Path

import pytest

from pilotage.engine.placement import sighting as sightings
from pilotage.engine.placement.location import place_of
from pilotage.engine.placement.sighting import FRESH, Noting, Sighting, sighting
from pilotage.model.observation import Health, Instance
from pilotage.model.traffic import Split

SPLIT = Split((("1.0", 1000),))


def instance(health: Health) -> Instance:
    return Instance("1", "1.0", "h", 1, health)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sightings, "router_runs", lambda *_: True)
    return place_of(tmp_path, "shop", "production")


def seen(tmp_path: Path, now: float) -> Sighting:
    return sighting(tmp_path, "shop", "production", now)


def test_what_the_worker_saw_lately_is_so_now(tmp_path: Path, place: Path) -> None:
    Noting(place).note(SPLIT, (instance(Health.HEALTHY), instance(Health.UNHEALTHY)), 100.0)
    found = seen(tmp_path, 105.0)
    assert (found.healthy, found.instances, found.at, found.serves) == (1, 2, 100.0, True)


def test_what_died_since_the_workers_last_look_is_not_counted_on(tmp_path: Path, place: Path) -> None:
    Noting(place).note(SPLIT, (instance(Health.HEALTHY),), 100.0)
    (place / "fleet").mkdir()
    (place / "fleet" / "1.0-1.json").write_text('{"pid": 999999999, "stopping_since": null}')
    assert (seen(tmp_path, 101.0).serves, seen(tmp_path, 101.0).down_since) == (False, 100.0)


def test_down_since_the_first_look_that_saw_nobody_healthy(tmp_path: Path, place: Path) -> None:
    noting = Noting(place)
    for at, health in ((100.0, Health.HEALTHY), (110.0, Health.UNHEALTHY), (120.0, Health.UNHEALTHY)):
        noting.note(SPLIT, (instance(health),), at)
    found = seen(tmp_path, 121.0)
    assert (found.serves, found.down_since) == (False, 110.0)


def test_r21_a_first_version_that_is_not_healthy_yet_ended_nothing(tmp_path: Path, place: Path) -> None:
    noting = Noting(place)
    noting.note(SPLIT, (instance(Health.UNHEALTHY),), 100.0)
    assert (seen(tmp_path, 101.0).serves, seen(tmp_path, 101.0).down_since) == (False, None)
    noting.note(SPLIT, (instance(Health.HEALTHY),), 110.0)
    noting.note(SPLIT, (instance(Health.UNHEALTHY),), 120.0)
    assert seen(tmp_path, 121.0).down_since == 120.0


def test_without_a_worker_this_machine_looks_for_itself(tmp_path: Path, place: Path) -> None:
    """An old note says when somebody was last seen, never that somebody serves."""
    Noting(place).note(SPLIT, (instance(Health.HEALTHY),), 100.0)
    (place / "fleet").mkdir()
    (place / "fleet" / "1.0-1.json").write_text('{"pid": 999999999, "stopping_since": null}')
    found = seen(tmp_path, 100.0 + FRESH)
    assert (found.healthy, found.serves, found.down_since) == (0, False, 100.0)


def test_what_does_not_change_is_noted_every_few_seconds_only(place: Path) -> None:
    noting = Noting(place)
    noting.note(SPLIT, (instance(Health.HEALTHY),), 100.0)
    before = (place / "seen.json").stat().st_ino
    noting.note(SPLIT, (instance(Health.HEALTHY),), 102.0)
    assert (place / "seen.json").stat().st_ino == before
    noting.note(SPLIT, (instance(Health.UNHEALTHY),), 103.0)
    assert (place / "seen.json").stat().st_ino != before


def test_of_a_fleet_over_hosts_the_workers_look_counts_and_not_its_files(tmp_path: Path, place: Path) -> None:
    """R27: containers that ran were called down, because no process of this machine was one of them."""
    Noting(place).note(SPLIT, (instance(Health.HEALTHY), instance(Health.HEALTHY)), 100.0)
    (place / "fleet").mkdir()
    for name in ("instances.json", "images.json"):
        (place / "fleet" / name).write_text("{}")
    assert (seen(tmp_path, 101.0).serves, seen(tmp_path, 101.0).healthy) == (True, 2)
    assert (seen(tmp_path, 100.0 + FRESH).serves, seen(tmp_path, 100.0 + FRESH).healthy) == (True, None)
