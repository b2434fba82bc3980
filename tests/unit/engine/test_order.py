"""Rollouts are in the order of their starts, whatever was asked when and whatever the clocks said (house rule: the
keeper never brings back a version that a later rollout replaced)."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import event

from pilotage import Plan, Service
from pilotage.engine.execution.groups import advance_groups
from pilotage.engine.records.queue import begin_what_waits
from pilotage.engine.records.store import Store, Wanted
from pilotage.model.live import NOTHING_SEEN
from pilotage.model.record import Rollout
from pilotage.model.rollout import Decision, Mode, Status
from pilotage.model.snapshot import Membership, Snapshot
from pilotage.rollout.machine import begin
from tests import plans

PLACE = "production"
VERSIONS = st.sampled_from(["1.0", "2.0", "3.0", "4.0"])
SERVICES = st.sampled_from(["api", "web"])
CLOCKS = st.integers(-90_000, 90_000)
"""Seconds by which the clock of whoever acts is off."""

ENDS = st.sampled_from([Status.COMPLETED, Status.COMPLETED, Status.ROLLED_BACK])
NOW = 1_800_000_000.0


@cache
def a_plan(service: str, version: str) -> Plan:
    return plans.a_plan(version=version, service=Service(service, environment=PLACE))


@cache
def an_empty_store() -> Path:
    place = Path(tempfile.mkdtemp(prefix="pilotage-order-"))
    Store(place).close()
    return place / "pilotage.sqlite"


def wanted(store: Store, service: str, version: str, mode: Mode = Mode.FULL, **more: object) -> Wanted:
    serving = store.serving(service, PLACE)
    plan = a_plan(service, version)
    state = begin(plan, serving[0] if serving else None, mode, "ada")
    return Wanted(plan=plan, state=state, actor="ada", **{"snapshot": Snapshot(), **more})  # type: ignore[arg-type]


def create(store: Store, one: Wanted, now: float) -> Rollout:
    return store.create(one.plan, one.state, one.snapshot, one.actor, now, queued=one.queued)


def end(store: Store, rollout: str, status: Status, now: float) -> None:
    whole = store.get(rollout)
    state = replace(whole.state, status=status, at=now)
    store.record(whole, Decision(state, (), ()), None, NOTHING_SEEN)


class Interleavings(RuleBasedStateMachine):
    """Everything that begins, replaces and ends rollouts, in any order, each with a clock of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="pilotage-order-"))
        shutil.copy(an_empty_store(), self.directory / "pilotage.sqlite")
        self.store = Store(self.directory)
        self.store.engine.dispose()
        event.listen(self.store.engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
        self.started: dict[str, list[str]] = {"api": [], "web": []}
        self.good: dict[str, list[str]] = {"api": [], "web": []}

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.directory)

    def active(self, service: str) -> str | None:
        return next((one.id for one in self.store.active() if one.service == service), None)

    @rule(service=SERVICES, version=VERSIONS, clock=CLOCKS)
    def deploy(self, service: str, version: str, clock: int) -> None:
        if self.active(service) is None and self.good[service][:1] != [version]:
            create(self.store, wanted(self.store, service, version), NOW + clock)

    @rule(service=SERVICES, clock=CLOCKS)
    def go_back(self, service: str, clock: int) -> None:
        if self.active(service) is None and len(self.good[service]) > 1:
            create(self.store, wanted(self.store, service, self.good[service][1], Mode.FAST_RETURN), NOW + clock)

    @rule(service=SERVICES, version=VERSIONS, clock=CLOCKS)
    def queue(self, service: str, version: str, clock: int) -> None:
        create(self.store, wanted(self.store, service, version, queued=True), NOW + clock)

    @rule(service=SERVICES, version=VERSIONS, clock=CLOCKS)
    def supersede(self, service: str, version: str, clock: int) -> None:
        if running := self.active(service):
            self.store.replace(wanted(self.store, service, version), running, NOW + clock)
            assert [one.version for one in self.store.queued(service, PLACE)] == [version]

    @rule(version=VERSIONS, clock=CLOCKS)
    def group(self, version: str, clock: int) -> None:
        if self.active("api") is self.active("web") is None:
            both = [
                wanted(
                    self.store, service, version, queued=True, group_id=f"release-{clock}",
                    snapshot=Snapshot(release=Membership(after=after)),
                )
                for service, after in (("api", ()), ("web", ("api",)))
            ]  # fmt: skip
            self.store.create_group(both, NOW + clock)

    @rule(service=SERVICES, status=ENDS, clock=CLOCKS)
    def end(self, service: str, status: Status, clock: int) -> None:
        if running := self.active(service):
            whole = self.store.get(running)
            end(self.store, running, status, NOW + clock)
            if status is Status.COMPLETED:
                good = self.good[service]
                if whole.mode is Mode.FAST_RETURN and whole.version in good:
                    del good[: good.index(whole.version)]
                else:
                    self.good[service] = [whole.version, *(other for other in good if other != whole.version)]

    @rule(clock=CLOCKS)
    def work(self, clock: int) -> None:
        begin_what_waits(self.store, NOW + clock)
        advance_groups(self.store, NOW + clock)

    @invariant()
    def one_at_a_time_in_the_order_of_starts(self) -> None:
        for service, before in self.started.items():
            listed = self.store.history(service, PLACE, limit=500)
            assert sum(not one.status.final and one.status is not Status.QUEUED for one in listed) <= 1
            started = [one for one in reversed(listed) if one.sequence is not None]
            assert [one.sequence for one in started] == list(range(1, len(started) + 1))
            assert [one.id for one in started[: len(before)]] == before, "what has started keeps its place"
            self.started[service] = [one.id for one in started]
            assert all(one.took is None or one.took >= 0 for one in listed)

    @invariant()
    @precondition(lambda self: any(self.started.values()))
    def what_is_kept_up_serves(self) -> None:
        settled = {one.service: one for one in self.store.settled()}
        for service, started in self.started.items():
            serving = self.store.serving(service, PLACE)
            assert list(serving) == self.good[service]
            latest = self.store.newest(service, PLACE)
            assert (latest.id if latest else None) == (started[-1] if started else None)
            if latest is not None and latest.status.final:
                kept = latest.version if latest.status is Status.COMPLETED else latest.old
                assert settled[service].id == latest.id
                assert kept == (serving[0] if serving else None)


TestInterleavings = Interleavings.TestCase
TestInterleavings.settings = settings(
    max_examples=10, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)


def test_a_queued_rollout_that_starts_after_a_hotfix_is_the_newest(tmp_path: Path) -> None:
    store = Store(tmp_path)
    end(store, create(store, wanted(store, "web", "1.0"), NOW).id, Status.COMPLETED, NOW + 1)
    waiting = create(store, wanted(store, "web", "2.0", queued=True), NOW + 2)
    hotfix = create(store, wanted(store, "web", "1.0.1"), NOW + 3)
    end(store, hotfix.id, Status.COMPLETED, NOW + 4)
    (begun,) = begin_what_waits(store, NOW + 5)
    end(store, begun.id, Status.COMPLETED, NOW + 6)
    assert store.serving("web", PLACE) == ("2.0", "1.0.1", "1.0")
    (kept,) = store.settled()
    assert (kept.id, kept.version) == (waiting.id, "2.0")


def test_a_clock_that_was_an_hour_ahead_brings_no_older_version_back(tmp_path: Path) -> None:
    store = Store(tmp_path)
    ahead = create(store, wanted(store, "web", "2.0"), NOW + 3600)
    end(store, ahead.id, Status.COMPLETED, NOW + 3601)
    right = create(store, wanted(store, "web", "3.0"), NOW)
    end(store, right.id, Status.COMPLETED, NOW - 5)
    (kept,) = store.settled()
    assert kept.version == store.serving("web", PLACE)[0] == "3.0"
    assert [one.version for one in store.history("web", PLACE)] == ["3.0", "2.0"]
    assert kept.took == 0.0


def test_what_never_started_is_cancelled_and_never_the_newest(tmp_path: Path) -> None:
    store = Store(tmp_path)
    first = create(store, wanted(store, "web", "1.0"), NOW)
    waiting = create(store, wanted(store, "web", "2.0", queued=True), NOW + 1)
    assert store.withdraw(waiting.id, "ada", NOW + 2)
    assert not store.withdraw(waiting.id, "ada", NOW + 3)
    end(store, first.id, Status.COMPLETED, NOW + 4)
    assert store.get(waiting.id).status is Status.CANCELLED
    assert Status.CANCELLED.final
    assert [one.id for one in store.settled()] == [first.id]
    later = create(store, wanted(store, "web", "3.0"), NOW + 5)
    listed = [(one.version, one.sequence) for one in store.history("web", PLACE)]
    assert listed == [("3.0", 2), ("2.0", None), ("1.0", 1)], "in lists it stands where it was withdrawn"
    assert store.latest("web", PLACE) == later


def test_a_first_deployment_in_a_group_replaces_no_version_that_began_to_serve_meanwhile(store: Store) -> None:
    """R22: its plan compares with nothing."""
    first = plans.a_plan(version="2.0", service=Service("api", environment=PLACE, first=True))
    alone = Wanted(
        plan=first, state=begin(first, None, Mode.INITIAL, "ada"), actor="ada", queued=True, group_id="release",
        snapshot=Snapshot(release=Membership()),
    )  # fmt: skip
    follows = wanted(
        store, "web", "2.0", queued=True, group_id="release", snapshot=Snapshot(release=Membership(after=("api",)))
    )
    store.create_group([alone, follows], NOW)
    other = create(store, wanted(store, "api", "1.0"), NOW)
    end(store, other.id, Status.COMPLETED, NOW)
    advance_groups(store, NOW + 1)
    advance_groups(store, NOW + 2)
    api, web = sorted(store.members("release"), key=lambda one: one.service)
    assert (api.status, web.status) == (Status.CANCELLED, Status.CANCELLED)
    assert store.get(api.id).reason == "cancelled by pilotage: the plan is of a first deployment, and 1.0 serves"
    assert store.serving("api", PLACE) == ("1.0",)
