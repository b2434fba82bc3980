"""What belongs together is recorded together: a controller killed between any two inserts leaves all of it or none."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pilotage import Service
from pilotage.engine.execution import failpoints
from pilotage.engine.execution.groups import member_of
from pilotage.engine.records.store import Store, Wanted
from pilotage.model.rollout import Mode, Status
from pilotage.model.snapshot import Membership, Snapshot
from pilotage.rollout.groups import moves
from pilotage.rollout.machine import begin
from tests.plans import a_plan

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("postgres")]
NAMES = ("api", "web", "worker")


def wanted(service: str, version: str, **more: object) -> Wanted:
    plan = a_plan(version=version, service=Service(service))
    given = {"snapshot": Snapshot(), **more}
    return Wanted(plan=plan, state=begin(plan, "1.0", Mode.FULL), actor="ada", **given)  # type: ignore[arg-type]


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "postgresql":
        request.getfixturevalue("database")
    Store(tmp_path).close()
    return tmp_path


def killed(place: Path, failpoint: str, count: int, work: Callable[[Store], object]) -> bool:
    """Do it in a process that dies at the failpoint; whether it came there."""
    pid = os.fork()
    if not pid:
        failpoints.arm(failpoint, count)
        try:
            work(Store(place))
        finally:
            os._exit(0)
    return os.waitpid(pid, 0)[1] != 0


def test_a_release_of_several_services_is_created_whole_or_not_at_all(
    place: Path, record_property: Callable[[str, object], None]
) -> None:
    record_property("kills", len(NAMES))

    def group(store: Store) -> None:
        members = [
            wanted(name, "2.0", queued=True, group_id="release-1", snapshot=Snapshot(release=Membership(after=after)))
            for name, after in (("api", ()), ("web", ("api",)), ("worker", ()))
        ]
        store.create_group(members, time.time())

    for count in range(1, len(NAMES) + 1):
        assert killed(place, "group-insert", count, group)
        store = Store(place)
        assert store.members("release-1") == ()
        assert moves([member_of(one) for one in store.members("release-1")]) == []
        store.close()
    assert not killed(place, "group-insert", len(NAMES) + 1, group)
    store = Store(place)
    assert sorted(one.service for one in store.members("release-1")) == list(NAMES)
    assert all(store.broken_link(one.id) is None for one in store.members("release-1"))
    store.close()


def test_a_rollout_takes_the_place_of_another_whole_or_not_at_all(
    place: Path, record_property: Callable[[str, object], None]
) -> None:
    record_property("kills", 2)
    store = Store(place)
    one = wanted("web", "2.0")
    running = store.create(one.plan, one.state, one.snapshot, "ada", time.time()).id
    other = wanted("web", "3.0")
    waiting = store.create(other.plan, other.state, other.snapshot, "ada", time.time(), queued=True).id
    store.close()

    def supersede(store: Store) -> None:
        store.replace(wanted("web", "4.0"), running, time.time())

    for count in (1, 2):
        assert killed(place, "supersede", count, supersede)
        store = Store(place)
        assert [(each.version, each.status) for each in store.history("web")] == [
            ("3.0", Status.QUEUED), ("2.0", Status.PROGRESSING),
        ]  # fmt: skip
        assert store.pending(running) == ()
        store.close()
    assert not killed(place, "supersede", 3, supersede)
    store = Store(place)
    assert [each.version for each in store.queued("web", "production")] == ["4.0"]
    assert store.look_up(waiting).status is Status.CANCELLED
    assert [command.reason for command in store.pending(running)] == ["superseded by 4.0"]
    store.close()
