"""A store of any version is opened, listed, explained, and its rollouts are taken up: forward and back.

`write_store.py` says how each was made. An upgrade must not make a record unreadable, nor a rollout stay where it is.
"""

from __future__ import annotations

import gzip
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from pilotage.cli.main import cli
from pilotage.engine.records.store import Store
from pilotage.model.events import Other, StepStarted, TrafficRestored
from pilotage.model.record import Rollout
from pilotage.model.rollout import CommandKind, Status
from pilotage.model.traffic import WHOLE, Split
from tests.unit.config.test_config import GOOD

from ..chaos.harness import controller
from ..chaos.world import World, make_bad

STORES = sorted(Path(__file__).parent.glob("*.sqlite.gz"))
MODERN = [path for path in STORES if not path.name.startswith("26e8394")]


def named(path: Path) -> str:
    return path.name.partition(".")[0]


def unpack(path: Path, place: Path) -> Path:
    place.mkdir(parents=True, exist_ok=True)
    (place / "pilotage.sqlite").write_bytes(gzip.decompress(path.read_bytes()))
    return place


def ids(place: Path) -> dict[str, str]:
    """Id of each version's rollout."""
    store = Store(place)
    found = {one.version: one.id for one in store.history("shop", "production")}
    store.close()
    return found


@pytest.mark.parametrize("path", STORES, ids=named)
def test_a_store_of_any_version_is_listed_explained_and_whole(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pilotage.yaml").write_text(GOOD)
    known = ids(unpack(path, tmp_path / ".pilotage"))

    def said(*arguments: str) -> str:
        result = CliRunner().invoke(cli, arguments)
        assert result.exit_code == 0, (arguments, result.output, result.exception)
        return result.output

    listed = {one["version"]: one["status"] for one in json.loads(said("history", "--json"))["rollouts"]}
    assert listed["1.0"] == "completed"
    assert listed["2.0"] == "rolled-back"
    assert listed["3.0"] == "progressing"
    assert listed.get("4.0", "queued") == "queued"
    status = said("status", "--json")
    assert '"version": "3.0"' in status
    assert '"analyse-50%"' in status
    assert said("status")
    for version, rollout in known.items():
        assert version in said("explain", rollout)
        assert "whole" in CliRunner().invoke(cli, ["events", rollout, "--verify"]).output
    assert "2.0" in said("incident", known["2.0"])


@pytest.mark.parametrize("path", MODERN, ids=named)
def test_what_people_said_is_still_there(path: Path, tmp_path: Path) -> None:
    from pilotage.engine.records.followups import actions_of
    from pilotage.engine.records.signatures import signatures_of

    store = Store(unpack(path, tmp_path))
    signed = signatures_of(store.engine, "shop", "production", "3.0")
    assert {one.kind.value for one in signed} == {"sign-off", "waiver"}
    under_way = store.latest("shop", "production")
    assert under_way is not None
    assert {one.plan for one in signed} == {under_way.plan.hash} == {under_way.plan_hash}
    assert [one.description for one in actions_of(store.engine, "shop")] == ["add an index"]
    assert under_way.snapshot.trouble == ()
    assert under_way.snapshot.person("slack:U1") is not None
    store.close()


@pytest.mark.parametrize("path", STORES, ids=named)
def test_events_of_any_version_are_understood_and_stay_as_they_were_stored(path: Path, tmp_path: Path) -> None:
    """Types and fields were renamed since: readers translate them, and no hash changes (rule 10)."""
    known = ids(unpack(path, tmp_path))
    store = Store(tmp_path)
    every = [event for rollout in known.values() for event in store.events(rollout)]
    assert not [event.type for event in every if isinstance(event.what, Other)]
    assert {"verdict", "traffic-returned"} <= {event.type for event in every}, "as they were stored"
    (back,) = [event.what for event in every if event.type == "traffic-returned"]
    assert isinstance(back, TrafficRestored)
    weights = [event.what.weight_percent for event in every if isinstance(event.what, StepStarted)]
    assert {50.0, 100.0} <= set(weights)
    assert [store.broken_link(rollout) for rollout in known.values()] == [None] * len(known)
    store.close()


# ── taken up ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Callable[[], None]]:
    """Starts a worker of this version in a world that is as the store says: half of the users have 3.0."""
    running: list[int] = []

    def start() -> None:
        world = World(tmp_path / "world", frozenset())
        for version in ("1.0", "3.0"):
            world.ensure(version, 4)
        time.sleep(0.03)
        backends = {v: [(i.host, i.port) for i in world.instances() if i.version == v] for v in ("1.0", "3.0")}
        world.apply(Split((("3.0", WHOLE // 2), ("1.0", WHOLE // 2))), backends)
        running.append(controller(tmp_path, frozenset(), None))

    yield start
    for pid in running:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def ended(place: Path, rollout: str, deadline: float = 30.0) -> Rollout:
    store, until = Store(place), time.monotonic() + deadline
    try:
        while not (found := store.get(rollout)).state.status.final:
            assert time.monotonic() < until, found.state
            time.sleep(0.05)
        assert store.broken_link(rollout) is None
        return found
    finally:
        store.close()


@pytest.mark.parametrize("path", STORES, ids=named)
def test_a_rollout_of_an_older_version_is_finished(path: Path, tmp_path: Path, worker: Callable[[], None]) -> None:
    known = ids(unpack(path, tmp_path))
    worker()
    done = ended(tmp_path, known["3.0"])
    assert done.state.status is Status.COMPLETED, done.state.reason
    if "4.0" in known:
        after = ended(tmp_path, known["4.0"])
        assert (after.state.status, after.state.old) == (Status.COMPLETED, "3.0"), after.state


@pytest.mark.parametrize("how", ["bad", "abort"])
@pytest.mark.parametrize("path", STORES, ids=named)
def test_a_rollout_of_an_older_version_is_undone(
    path: Path, how: str, tmp_path: Path, worker: Callable[[], None]
) -> None:
    known = ids(unpack(path, tmp_path))
    if how == "bad":
        make_bad(tmp_path / "world", ["3.0"])
    else:
        store = Store(tmp_path)
        store.command(known["3.0"], CommandKind.ABORT, "ada", "enough")
        store.close()
    worker()
    done = ended(tmp_path, known["3.0"])
    assert done.state.status is Status.ROLLED_BACK, done.state.reason
    splits = [one["split"]["weights"] for one in World(tmp_path / "world", frozenset()).done() if "split" in one]
    assert [["1.0", WHOLE]] in splits
