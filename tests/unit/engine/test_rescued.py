"""What was done without the store becomes part of the record, and no old wish undoes it."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from pilotage.engine.execution import driver
from pilotage.engine.execution.acting import Acting
from pilotage.engine.execution.polling import Overtaken
from pilotage.engine.placement.location import place_of
from pilotage.engine.records.store import Store
from pilotage.engine.rescue import take_back as rescue
from pilotage.engine.rescue.rescued import must_wait, ordered
from pilotage.model.record import Rollout
from pilotage.model.rollout import CommandKind, Mode, Status
from tests.unit.engine.test_store import ended, started
from tests.unit.engine.world import World


def led(directory: Path, to: str) -> Path:
    """Users were led to `to` by somebody who had no store."""
    note = place_of(directory, "service", "production") / "rescued.json"
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps({"at": 1.0, "by": "ann", "to": to}) if to else "")
    return note


def overtaken(*_: object, **__: object) -> None:
    """The look was recorded, and is made once more by another thread."""
    raise Overtaken


@pytest.mark.parametrize(
    ("to", "order"),
    [("1.0", CommandKind.ABORT), ("", CommandKind.ABORT), ("0.9", CommandKind.ABORT), ("2.0", CommandKind.PROMOTE)],
)
def test_a_rollout_under_way_gets_the_order_once(store: Store, tmp_path: Path, to: str, order: CommandKind) -> None:
    rollout = started(store)
    assert not ordered(store, tmp_path, rollout)
    note = led(tmp_path, to)
    assert ordered(store, tmp_path, rollout)
    assert ordered(store, tmp_path, rollout)
    (command,) = store.pending(rollout.id)
    assert (command.kind, command.actor) == (order, "ann" if to else "pilotage")
    assert note.exists(), "who looks at the rollout next must find it"


def test_who_takes_the_rollout_up_before_the_order_is_read_finds_the_note(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look that lost its lease left a call behind that ordered the abort; the next driver knows of no command yet."""
    world = World(store.clock)
    world.reading = lambda: world.counted(100, 100)
    monkeypatch.setattr(driver, "open_target", lambda *_: world.target())
    rollout = started(store, "new", "old")
    before = driver.Driver(store, tmp_path, rollout.id, "here/1/1.00")
    until = time.monotonic() + 60
    while not world.shifted.is_set():
        before.look(commanded=False)
        assert time.monotonic() < until
    note = led(tmp_path, "old")
    world.serve({"old": 1000})
    world.shifted.clear()
    assert ordered(store, tmp_path, rollout)
    after = driver.Driver(store, tmp_path, rollout.id, "here/1/1.00")
    with monkeypatch.context() as slow:
        slow.setattr(Acting, "act", overtaken)
        with pytest.raises(Overtaken):
            after.look(commanded=False)
    assert note.exists(), "the record says it, but the router was told nothing"
    after.look(commanded=False)
    assert not world.shifted.is_set(), "the old wish undid the way back"
    assert after.rollout.state.status is Status.ROLLING_BACK
    assert "ann" in after.rollout.state.reason
    assert not note.exists(), "the record says it, and the router was told"
    after.look(commanded=True)
    assert len([one for one in store.events(rollout.id) if one.type == "rollback-started"]) == 1


def test_a_finished_rollout_is_not_kept_up_where_users_were_led_elsewhere(store: Store, tmp_path: Path) -> None:
    """The return becomes a rollout of its own; where it cannot, users stay where they were led."""
    first = ended(store, started(store, "1.0", None, Mode.INITIAL))
    second = ended(store, started(store, "2.0", "1.0"))
    assert not must_wait(store, tmp_path, second)
    note = led(tmp_path, "2.0")
    assert not must_wait(store, tmp_path, second), "they are where they should be"
    assert not note.exists()
    note = led(tmp_path, "3.0")
    assert must_wait(store, tmp_path, second), "of 3.0 nothing is known"
    assert must_wait(store, tmp_path, second)
    note = led(tmp_path, "1.0")
    assert must_wait(store, tmp_path, second)
    assert not note.exists()
    (returning,) = (store.get(identity) for identity in store.unfinished())
    assert (returning.version, returning.old, returning.actor) == (first.version, "2.0", "ann")


def test_the_note_of_what_is_stable_follows_the_rollout(store: Store, tmp_path: Path) -> None:
    def stable(rollout: Rollout) -> str:
        rescue.remember(tmp_path, rollout)
        note = place_of(tmp_path, "service", "production") / "stable.json"
        return str(json.loads(note.read_text())["stable"])

    rollout = started(store)
    assert stable(rollout) == "1.0"
    assert stable(ended(store, rollout)) == "2.0"
    assert stable(ended(store, started(store, "3.0", "2.0"), Status.ROLLED_BACK)) == "2.0"
