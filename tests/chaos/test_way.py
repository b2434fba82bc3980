"""R33: a controller that is killed at every boundary of a way's stages runs none of them twice, deploys each
environment once, and the way completes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pilotage.engine.execution import failpoints
from pilotage.engine.records import ways
from pilotage.engine.records.store import Store
from pilotage.model.way import WayStatus
from tests.ways import Folder, complete

pytestmark = pytest.mark.real

BOUNDARIES = ("way-record", "way-recorded", "way-act", "way-acted")
_LIFE = 60.0
"""Seconds after which a controller that comes nowhere is an error."""


_KILLS = 12


def one_life(folder: Folder, kill: tuple[str, int] | None) -> bool:
    """Take the way along in a process of its own; whether it was killed before the way ended."""
    pid = os.fork()
    if not pid:
        try:
            if kill:
                failpoints.arm(*kill)
            live(folder)
        finally:
            os._exit(0)
    return os.waitpid(pid, 0)[1] != 0


def live(folder: Folder) -> None:
    """Look until the way has ended; what is deployed completes at once."""
    store, job = Store(folder.state), folder.looker()
    until = time.monotonic() + _LIFE
    while ways.any_under_way(store.engine) and time.monotonic() < until:
        job.look(store)
        complete(store)
        time.sleep(0.02)


def check(folder: Folder, identity: str, counts: Path, stages: tuple[str, ...]) -> None:
    stored = folder.read(identity)
    assert stored.state.status is WayStatus.COMPLETED, stored.state
    ran = counts.read_text().split()
    assert sorted(ran) == sorted(stages), "a stage ran twice, or not at all"
    store = Store(folder.state)
    for environment in ("staging", "production"):
        assert len(store.history("shop", environment)) == 1, f"{environment} was deployed twice"
    assert ways.broken(store.engine, identity) is None
    told = [event.type for event in ways.events(store.engine, identity)]
    for once in ("way-started", "way-completed"):
        assert told.count(once) == 1
    assert told.count("stage-started") == told.count("stage-passed") == 4
    store.close()


def folder_of(place: Path, counts: Path) -> Folder:
    def run(name: str) -> list[str]:
        return ["sh", "-c", f"echo {name} >> {counts}"]

    return Folder.make(
        place,
        [
            {"name": "build", "run": run("build")},
            {"name": "staging", "environment": "staging"},
            {"name": "e2e", "run": run("e2e"), "tests": "staging"},
            {"name": "production", "environment": "production"},
        ],
    )


def test_a_controller_killed_at_the_boundaries_of_stages_runs_none_twice(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    counts = tmp_path / "counts"
    folder = folder_of(tmp_path / "shop", counts)
    identity, kills = folder.start().way.id, 0
    for _ in range(3):
        kills += sum(one_life(folder, (boundary, 1)) for boundary in BOUNDARIES)
    assert not one_life(folder, None)
    record_property("kills", kills)
    assert kills > 6
    check(folder, identity, counts, ("build", "e2e"))


@pytest.mark.long
@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("count", range(1, 9))
def test_a_controller_killed_at_every_single_boundary_runs_none_twice(
    tmp_path: Path, boundary: str, count: int, record_property: Callable[[str, object], None]
) -> None:
    counts = tmp_path / "counts"
    folder = folder_of(tmp_path / "shop", counts)
    identity = folder.start().way.id
    kills = 0
    # Killed at the first boundary before it acts, a controller never gets anywhere; the last one lives.
    while kills < _KILLS and one_life(folder, (boundary, count)):
        kills += 1
    assert not one_life(folder, None)
    record_property("kills", kills)
    check(folder, identity, counts, ("build", "e2e"))
