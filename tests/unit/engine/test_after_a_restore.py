"""R35: a store that is older than what was done starts nothing until somebody says so, and everybody is told."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from sqlalchemy import select

from pilotage.app.deploy import deploy
from pilotage.app.project import Project
from pilotage.app.requests import DeployRequest
from pilotage.app.server_health import ready
from pilotage.app.setbacks import NothingToAccept, RecordsNotAccepted, accept, left_alone
from pilotage.app.status import EnvironmentStatus
from pilotage.engine.execution.driver import Driver
from pilotage.engine.execution.keeping import Keeping
from pilotage.engine.execution.troubles import Troubles
from pilotage.engine.placement.sighting import Sighting
from pilotage.engine.records import audit
from pilotage.engine.records.reader import reader_of
from pilotage.engine.records.restored import half_restored, restoring
from pilotage.engine.records.setbacks import Setback, standing
from pilotage.engine.records.setbacks import accept as accept_one
from pilotage.engine.records.store import Store
from pilotage.engine.records.tables_identity import audit as audit_rows
from pilotage.engine.rescue.journal import Journal
from pilotage.model.audit import Act
from pilotage.model.errors import Conflict, Forbidden
from pilotage.model.rollout import CommandKind, Status
from tests.unit.engine.test_abort_first import WITHIN, begun
from tests.unit.engine.test_store_gone import HERE, copied, drive
from tests.unit.engine.world import World

CONFIG = """\
service: service
answers: {release_type: minor, deployment_strategy: canary, team_size: small, release_frequency: weekly,
  risk_tolerance: low, stakeholder_complexity: [internal-only]}
environments:
  production:
    fleet: {kind: process, command: ["{version}/serve", "{port}"], count: 1, health_check_path: /}
    router: {kind: envoy, listen: "127.0.0.1:18080"}
"""


def restored(tmp_path: Path) -> Store:
    """A store whose last rollout ended, set back to before another one ended, too."""
    place = tmp_path / ".pilotage"
    store = Store(place)
    ended(store, place)
    copied(place / "pilotage.sqlite", tmp_path / "backup")
    ended(store, place)
    store.close()
    for file in place.glob("pilotage.sqlite*"):
        file.unlink()
    (tmp_path / "backup").rename(place / "pilotage.sqlite")
    return Store(place)


def ended(store: Store, place: Path) -> str:
    rollout = begun(store)
    driver = Driver(store, place, rollout, HERE)
    store.command(rollout, CommandKind.ABORT, "ada")
    drive(driver, Status.ROLLED_BACK)
    driver.let_go()
    return rollout


def kept(keeping: Keeping) -> None:
    """One tick, to its end."""
    keeping.tick()
    until = time.monotonic() + WITHIN
    while keeping._busy:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_r35_after_a_restore_an_environment_is_left_alone_until_somebody_accepts(
    tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = restored(tmp_path)
    place = tmp_path / ".pilotage"
    world.running.clear()
    world.router().stop()
    keeping = Keeping(store, lambda one: Driver(store, place, one, HERE), Troubles())
    (last,) = store.settled()
    for _ in range(3):
        kept(keeping)
    assert world.of("old") == [], "nothing was started"
    told = [one for one in store.events(last.id) if one.type == "records-went-back"]
    assert len(told) == 1, "it is recorded once"
    assert "the store went back in time" in told[0].sentence
    assert "`pilotage store accept`" in told[0].sentence
    reader = reader_of(place)
    assert reader is not None
    assert store.setback(last.id) == reader.setback(last.id) == told[0].sentence
    assert [one.head for one in standing(store.engine)] == [told[0].data["head"]]
    assert [(one.name, one.grade.value) for one in ready(store).checks][-1] == ("records", "warn")

    (tmp_path / "pilotage.yaml").write_text(CONFIG)
    monkeypatch.setattr(Project, "ensure_worker", lambda _: None)
    project = Project(tmp_path / "pilotage.yaml")
    for version in (last.version, "9.9.9"):
        asked = DeployRequest(plan=replace(store.get(last.id).plan, version=version))
        with pytest.raises(RecordsNotAccepted, match="`pilotage store accept`"):
            deploy(project, "ada", asked)
    (found,) = left_alone(project, "production")
    accept(project, "ada", [found], "the disk failed")
    assert store.setback(last.id) == ""
    newest = audit.newest(store.engine)
    assert newest is not None
    assert (newest.action, newest.actor, newest.reason) == ("accept-records", "ada", "the disk failed")
    kept(keeping)
    assert len(world.of("old")) == 1, "it is started again"
    witness = Journal(place, "service", "production").witness
    assert witness is not None
    assert witness.rollout == last.id
    kept(Keeping(store, lambda one: Driver(store, place, one, HERE), Troubles()))
    assert store.setback(last.id) == "", "a worker that starts later asks no second time"
    with pytest.raises(NothingToAccept):
        left_alone(project, "production")
    store.close()
    project.store.close()


def test_r35_status_does_not_say_that_the_worker_starts_what_it_leaves_alone() -> None:
    status = EnvironmentStatus(
        service="shop", environment="production", serving=("2.3.1",), newest=None, routed=None, queued=(), worker=7,
        home=None, looked=None, split=None, troubles=(),
        sighting=Sighting(router_up=False, healthy=0, instances=2, at=0.0, down_since=None),
    )  # fmt: skip
    assert status.headline == "down; the worker is starting it again"
    left = replace(status, setback="the store went back in time")
    assert left.headline == "down, and Pilotage does not start it: its records are older than what was done"


def test_r35_a_restore_that_is_refused_leaves_the_store_usable_and_one_that_is_cut_off_does_not(tmp_path: Path) -> None:
    def tried(error: Exception) -> str | None:
        with pytest.raises(type(error)), restoring(tmp_path, tmp_path / "b.zip"):
            raise error
        return half_restored(tmp_path)

    assert tried(Conflict("another process uses it")) is None
    assert tried(OSError("disk full")) == str(tmp_path / "b.zip")
    assert tried(Conflict("another process uses it")) == str(tmp_path / "b.zip"), "it is still half of each"


@pytest.mark.usefixtures("world")
def test_r35_of_two_people_who_accept_at_once_one_is_recorded_with_its_row(tmp_path: Path) -> None:
    store = restored(tmp_path)
    kept(Keeping(store, lambda one: Driver(store, tmp_path / ".pilotage", one, HERE), Troubles()))
    (found,) = standing(store.engine)
    acts = [Act(actor=name, kind="person", proof="os", action="accept-records") for name in ("ada", "bob")]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda act: accept_one(store, found, act), acts))
    told = [one.type for one in store.events(found.rollout)]
    assert told.count("records-accepted") == 1
    with store.engine.connect() as connection:
        actions = connection.scalars(select(audit_rows.c.action)).all()
    assert list(actions).count("accept-records") == 1
    store.close()


def test_r35_who_may_accept_only_some_of_them_accepts_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def require(actor: str, _: object, environment: str) -> SimpleNamespace:
        if environment == "production":
            raise Forbidden("not there")
        return SimpleNamespace(name=actor)

    accepted: list[object] = []
    monkeypatch.setattr("pilotage.engine.records.setbacks.accept", lambda *one: accepted.append(one))
    project = cast("Project", SimpleNamespace(for_service=lambda _: SimpleNamespace(require=require)))
    places = ("staging", "production")
    both = [Setback(service="shop", environment=one, rollout=one, head="", sentence="") for one in places]
    with pytest.raises(Forbidden):
        accept(project, "ada", both, "the disk failed")
    assert accepted == []
