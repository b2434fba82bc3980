"""Traffic is taken back with a real Envoy's files alone: no store, no plan, no configuration, no room on the disk."""

from __future__ import annotations

import errno
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import SQLAlchemyError

from pilotage import Service
from pilotage.adapters import files
from pilotage.adapters.envoy_admin import ADMIN_SOCKET
from pilotage.adapters.fence import Fence
from pilotage.adapters.free_port import free_port
from pilotage.adapters.routers import envoy_rescue
from pilotage.adapters.routers.envoy import EnvoyRouter
from pilotage.adapters.routers.envoy_process import EnvoyProcess
from pilotage.adapters.routers.envoy_resources import Settings, Sticky
from pilotage.adapters.strata import Failing, Route, Strata
from pilotage.adapters.taken_back import TakenBack
from pilotage.engine.execution import failpoints
from pilotage.engine.placement.location import place_of
from pilotage.engine.records.store import Store
from pilotage.engine.rescue import rescued
from pilotage.engine.rescue import take_back as rescue
from pilotage.engine.rescue.journal import Journal, Witness
from pilotage.engine.rescue.strays import Strays, leave_unwatched
from pilotage.engine.rescue.stuck import leave_to_stable, rescue_stuck
from pilotage.model.record import Rollout
from pilotage.model.rollout import CommandKind, Mode
from pilotage.model.snapshot import Snapshot
from pilotage.model.traffic import HeaderRoute, Mirror, Split
from pilotage.rollout.machine import begin
from pilotage.testing.contracts.router_cohorts import ask, with_cohort
from tests.plans import a_plan

from .conftest import EnvoyUnderTest, Version

pytestmark = pytest.mark.real

Versions = Callable[[str], Version]
HALF = (("2.0", 500), ("1.0", 500))
BACK = Split((("1.0", 1000),))


class Place:
    """A target's folder, with instances of 1.0 and 2.0 behind a router."""

    def __init__(self, directory: Path, versions: Versions) -> None:
        self.directory, self.place = directory, place_of(directory, "shop", "production")
        strata = Strata((Route("/buy", Failing()),), Failing())
        settings = Settings(
            ("127.0.0.1", free_port()),
            Sticky(cookie="session"),
            version_header="x-version",
            strata=strata,
            synthetic=True,
            retry_idempotent=True,
        )
        self.routed = EnvoyUnderTest(self.place / "router", self.place / "fence.json", settings)
        self.running = {name: versions(name) for name in ("1.0", "2.0")}
        self.backends = {name: [version.address] for name, version in self.running.items()}
        (self.place / "fleet").mkdir(parents=True)
        for name, version in self.running.items():
            facts = {"version": name, "port": version.address[1], "number": 1}
            record = {"facts": facts, "pid": os.getpid(), "started": 0.0, "stopping_since": None}
            (self.place / "fleet" / f"{name}-1.json").write_text(json.dumps(record))

    def take_back(self, to: str | None = None) -> str:
        return rescue.take_back(self.directory, "shop", "production", to, by="ann")

    def answers(self) -> set[str]:
        """What sticky users, new users, testers and buyers get."""
        asked = {self.routed.ask(path, user=str(n)) for n in range(20) for path in ("/", "/buy/one")}
        asked |= {self.routed.ask("/") for _ in range(10)} | {self.routed.answer("/", "POST").data.decode()}
        return asked | {self.routed.ask("/", **{"x-tester": "canary"})}


@pytest.fixture
def place(tmp_path: Path, versions: Versions) -> Iterator[Place]:
    made = Place(tmp_path, versions)
    yield made
    made.routed.again(10**6).stop()


def test_r33_a_cohort_is_taken_back_with_everybody_else(place: Place) -> None:
    split = with_cohort(Split(HALF, (HeaderRoute("x-tester", "canary", "2.0"),)), ["acme"])
    place.routed.take(split, place.backends)
    assert [ask(place.routed, name) for name in ("acme", "hooli")] == ["2.0", "1.0"]
    place.take_back()
    assert place.answers() | {ask(place.routed, "acme")} == {"1.0"}
    assert place.routed.again().read() == BACK


def test_users_of_a_folder_that_was_moved_are_taken_back_and_its_router_obeys_at_the_new_place(place: Place) -> None:
    """Envoy names its files from the folder in which it runs, wherever that is by now."""
    place.routed.router.apply(Split(HALF), place.backends)
    moved = place.directory.with_name("moved")
    place.directory.rename(moved)
    try:
        did = rescue.take_back(moved, "shop", "production", None, by="ann")
        assert did == "all traffic goes to 1.0, none to 2.0; nothing was stopped"
        assert place.answers() == {"1.0"}
        rescue.settled(moved, "shop", "production")
        there = place_of(moved, "shop", "production")
        router = EnvoyRouter(there / "router", Fence(there / "fence.json", 1), place.routed.settings)
        router.apply(Split((("2.0", 1000),)), {"2.0": place.backends["2.0"]})
        assert router.read() == Split((("2.0", 1000),))
        assert place.answers() == {"2.0"}
    finally:
        moved.rename(place.directory)


def test_a_wish_from_before_users_were_taken_back_is_not_written_after_it(place: Place) -> None:
    """A worker looked for the note just before it was left: what it writes late must not lead users back to harm."""
    place.routed.take(Split(HALF), place.backends)
    place.take_back("1.0")
    for split in (Split(HALF), Split((("2.0", 1000),))):
        with pytest.raises(TakenBack, match=r"all traffic was sent to 1\.0 without the store: 2\.0 gets none"):
            place.routed.router.apply(split, place.backends)
    assert place.routed.router.read() == BACK
    place.routed.router.apply(BACK, place.backends)
    rescue.settled(place.directory, "shop", "production")
    place.routed.router.apply(Split(HALF), place.backends)
    assert place.routed.router.read() == Split(HALF)


def test_who_cannot_ask_the_store_takes_users_of_an_unwatched_rollout_back_and_of_no_other(place: Place) -> None:
    """The journal beside the target says what was under way. What has ended, or is in hand, stays as it is."""
    place.routed.take(Split(HALF), place.backends)
    store = Store(place.directory)
    rollout = rolling(place.directory)
    rescue.remember(place.directory, rollout)
    store.close()
    for file in place.directory.glob("pilotage.sqlite*"):
        file.write_bytes(os.urandom(8192))
    in_hand: set[Path] = set()
    strays, journal = Strays(store, place.directory, lambda: in_hand), Journal(place.directory, "shop", "production")

    def ticks() -> Split | None:
        for _ in range(3):
            with pytest.raises(SQLAlchemyError):
                strays.tick()
        return place.routed.router.read()

    assert ticks() == Split(HALF), "nothing says that a rollout is under way"
    witness = Witness(
        rollout=rollout.id, sequence=1, version="2.0", revision=1, head="", status="completed", at=1.0
    )  # fmt: skip
    journal.note(witness)
    assert ticks() == Split(HALF)
    journal.note(replace(witness, status="progressing"))
    in_hand.add(place.place)
    assert ticks() == Split(HALF)
    in_hand.clear()
    assert ticks() == BACK
    assert not (place.place / "rescued.json").exists(), "whoever can watch it again does"


def test_users_of_a_rollout_that_a_store_lost_when_it_went_back_go_back_too(place: Place) -> None:
    """The store has an earlier rollout of the same service, so the service is known; nobody looks at the later one."""
    place.routed.take(Split((("2.0", 1000),)), place.backends)
    rollout, store = rolling(place.directory), Store(place.directory)
    rescue.remember(place.directory, rollout)
    strays, journal = Strays(store, place.directory, set), Journal(place.directory, "shop", "production")
    witness = Witness(
        rollout=rollout.id, sequence=2, version="2.0", revision=1, head="", status="progressing", at=1.0
    )  # fmt: skip
    for noted in (witness, replace(witness, rollout="lost", status="completed")):
        journal.note(noted)
        strays.tick()
        assert place.routed.router.read() == Split((("2.0", 1000),))
    journal.note(replace(witness, rollout="lost"))
    strays.tick()
    assert place.routed.router.read() == BACK
    store.close()


def test_a_service_that_is_closed_is_opened_by_a_person_alone(place: Place) -> None:
    """Its data may be halfway to the new version: the old one is not for users before a restore, and nobody has the
    new one meanwhile."""
    closed = Split((("2.0", 1000),), closed=True)
    place.routed.take(closed, place.backends)
    rollout, store = rolling(place.directory), Store(place.directory)
    rescue.remember(place.directory, rollout)
    leave_to_stable(place.directory, rollout)
    assert rescue_stuck(store, place.directory, rollout.id, "cannot observe the rollout")
    leave_unwatched(place.directory)
    assert [(command.kind, command.actor) for command in store.pending(rollout.id)] == [("rollback", "pilotage")]
    assert place.routed.router.read() == closed
    store.close()
    place.take_back()
    assert place.routed.router.read() == BACK


def rolling(directory: Path) -> Rollout:
    """2.0 in the place of 1.0."""
    plan = a_plan(version="2.0", service=Service("shop"))
    store = Store(directory)
    made = store.create(plan, begin(plan, "1.0", Mode.FULL), Snapshot(), "ada", time.time())
    store.close()
    return made


def _split(**changed: Any) -> Split:
    return Split(**{"weights": HALF, "header_routes": (HeaderRoute("x-tester", "canary", "2.0"),), **changed})


def test_all_users_are_led_back_by_the_routers_files_alone(place: Place) -> None:
    place.routed.take(_split(mirror=Mirror("2.0", 100)), place.backends)
    assert place.answers() == {"1.0", "2.0"}
    assert place.take_back() == "all traffic goes to 1.0, none to 2.0; nothing was stopped"
    place.routed.wait_for(BACK)
    assert place.answers() == {"1.0"}
    assert place.routed.answer("/").headers["x-version"] == "1.0"
    standing = rescue.standing(place.directory, "shop", "production")
    assert standing is not None
    assert (standing.by, standing.to) == ("ann", "1.0")
    (line,) = (place.place / "journal.jsonl").read_text().splitlines()
    assert json.loads(line)["did"].startswith("all traffic goes to 1.0")
    assert place.take_back() == "all traffic goes to 1.0; nothing was stopped", "once more changes nothing"
    rescue.settled(place.directory, "shop", "production")
    assert rescue.standing(place.directory, "shop", "production") is None
    with pytest.raises(rescue.NothingToTakeBack, match=r"1\.0 has all traffic"):
        place.take_back()
    # Whoever comes next goes on as ever.
    place.routed.take(_split(), place.backends)


def test_containers_of_this_machine_are_found_by_the_list_of_their_fleet(place: Place) -> None:
    """R27: the new version has all traffic, and no process of this machine is an instance."""
    for record in (place.place / "fleet").glob("*.json"):
        record.unlink()
    entries = [
        {"host": "", "name": f"{version}-1", "version": version, "number": 1, "port": port}
        for version, [(_, port)] in place.backends.items()
    ]
    (place.place / "fleet" / "instances.json").write_text(json.dumps({"entries": entries}))
    place.routed.take(Split((("2.0", 1000),)), {"2.0": place.backends["2.0"]})
    place.take_back("1.0")
    place.routed.wait_for(BACK)
    assert place.answers() == {"1.0"}


RESCUE = ("rescue", "rescue-noted", "rescue-led")
"""Failpoints of `abort --offline`."""


def killed(place: Place, at: str | float) -> bool:
    """`abort --offline` in a process of its own, killed at a failpoint, or after so many seconds. Whether it was."""
    pid = os.fork()
    if not pid:
        try:
            if isinstance(at, str):
                failpoints.arm(at, 1)
            place.take_back()
        finally:
            os._exit(0)
    if isinstance(at, float):
        time.sleep(at)
        os.kill(pid, signal.SIGKILL)
    return os.waitpid(pid, 0)[1] == signal.SIGKILL


def test_killed_anywhere_users_are_back_or_a_worker_takes_them_back_and_once_more_does_the_rest(
    place: Place, record_property: Callable[[str, object], None]
) -> None:
    """Whatever was written is whole; nobody's users are back without a word to the worker, which would undo that."""
    rollout, store = rolling(place.directory), Store(place.directory)
    rescue.remember(place.directory, rollout)
    kills = 0
    instants: tuple[str | float, ...] = (*RESCUE, *(0.004 * n for n in range(10)))
    for at in instants:
        rescue.settled(place.directory, "shop", "production")
        place.routed.router.apply(_split(), place.backends)
        place.routed.wait_for(_split())
        was_killed = killed(place, at)
        assert was_killed or isinstance(at, float), f"{at} was not reached"
        kills += was_killed
        written = envoy_rescue.split_there(EnvoyProcess(place.place / "router"))
        assert written in (_split(), BACK)
        word = rescue.standing(place.directory, "shop", "production")
        assert written != BACK or word is not None
        if at in ("rescue-noted", "rescue-led"):
            assert word is not None
            assert rescued.ordered(store, place.directory, rollout)
            assert CommandKind.ABORT in [command.kind for command in store.pending(rollout.id)]
        place.take_back()
        assert place.routed.router.read() == BACK
    assert place.answers() == {"1.0"}
    record_property("kills", kills)
    store.close()


def test_a_version_that_the_router_has_forgotten_is_taken_in_again(place: Place) -> None:
    place.routed.take(_split(weights=(("2.0", 1000),), header_routes=()), {"2.0": place.backends["2.0"]})
    rescue.remember(place.directory, rolling(place.directory))
    place.take_back()
    place.routed.wait_for(BACK)
    assert place.answers() == {"1.0"}


@pytest.mark.parametrize("left", [b"", b'{"resources": [{"virtual', b"[]"])
def test_routes_that_a_crash_tore_are_asked_of_envoy(place: Place, left: bytes) -> None:
    place.routed.take(_split(), place.backends)
    (place.place / "router" / "xds" / "rds.json").write_bytes(left)
    (place.place / "router" / "xds" / "cds.json").write_bytes(left)
    assert "none to 2.0" in place.take_back()
    assert place.answers() == {"1.0"}


def test_a_closed_service_opens_with_the_stable_version(place: Place) -> None:
    place.routed.take(_split(closed=True), place.backends)
    place.take_back("1.0")
    assert place.answers() == {"1.0"}


def test_a_full_disk_does_not_stop_it(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without room for another file the routes are written over those that are there, and Envoy notices."""

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    place.routed.take(_split(), place.backends)
    monkeypatch.setattr(files, "_written_beside", full)
    assert place.take_back() == "all traffic goes to 1.0, none to 2.0; nothing was stopped"
    assert place.answers() == {"1.0"}
    assert rescue.standing(place.directory, "shop", "production") is not None


def test_a_silent_admin_address_does_not_stop_it_and_is_told(place: Place) -> None:
    place.routed.take(_split(), place.backends)
    admin = place.place / "router" / ADMIN_SOCKET
    aside = admin.rename(admin.with_name("aside"))
    (place.place / "router" / "admin").write_text(f"127.0.0.1:{free_port()}\n")
    assert "The router did not confirm it" in place.take_back()
    aside.rename(admin)
    place.routed.wait_for(BACK)


def test_users_stay_where_they_are_when_nobody_else_answers(place: Place) -> None:
    place.routed.take(_split(), place.backends)
    place.running["1.0"].dying = True
    with pytest.raises(rescue.NothingToTakeBack, match=r"no instance of 1\.0 responds"):
        place.take_back()
    assert place.routed.router.read() == _split()
    with pytest.raises(rescue.NothingToTakeBack, match="no router was started"):
        rescue.take_back(place.directory, "shop", "staging", None)


def test_where_nothing_says_what_is_stable_it_is_asked_for(place: Place) -> None:
    place.routed.take(_split(weights=(("2.0", 1000),), header_routes=()), place.backends)
    (place.place / "fleet" / "1.0-1.json").write_bytes(b"{")
    (place.place / "stable.json").write_bytes(b"{")
    with pytest.raises(rescue.NothingToTakeBack, match="name it with --to"):
        place.take_back()
