"""R34: how metrics developed is kept in a bounded number of points, the more rarely the longer a rollout takes."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from pilotage.engine.records import trends
from pilotage.engine.records.store import Store
from pilotage.model.live import LiveView, SeenVerdict
from pilotage.model.record import Rollout
from pilotage.model.rollout import Decision, Mode, Status
from pilotage.model.snapshot import Snapshot
from pilotage.rollout.machine import begin
from tests.plans import a_plan

ERRORS = SeenVerdict(metric="application_error_rate", kind="pass", sentence="fine", ratio=1.1, interval=(0.8, None))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / ".pilotage")


def begun(store: Store, now: float) -> Rollout:
    plan = a_plan()
    return store.create(plan, begin(plan, "old", Mode.FULL), Snapshot(), "ada", now)


def look(store: Store, rollout: Rollout, at: float, *verdicts: SeenVerdict, status: Status | None = None) -> None:
    found = store.get(rollout.id)
    state = replace(found.state, at=at, status=status or found.state.status)
    store.record(found, Decision(state, (), ()), None, LiveView(at=at, routed=250, verdicts=verdicts))


def test_r34_a_point_has_the_ratio_with_its_interval_and_where_the_users_were(store: Store) -> None:
    now = time.time()
    rollout = begun(store, now)
    assert trends.sample(store.engine, now) == 0
    look(store, rollout, now, ERRORS)
    assert trends.sample(store.engine, now) == 1
    (point,) = trends.course(store.engine, rollout.id)
    assert point.routed == 250
    assert point.at == pytest.approx(now)
    assert point.metrics == {"application_error_rate": trends.Course(ratio=1.1, low=0.8, high=None)}


def test_r34_points_become_rarer_and_stay_few(store: Store) -> None:
    now = time.time()
    rollout, kept = begun(store, now), 0
    for minute in range(60):
        at = now + 60.0 * minute
        look(store, rollout, at, ERRORS)
        kept += trends.sample(store.engine, at)
        assert trends.sample(store.engine, at + 1) == 0
    assert kept == 60
    first = trends.course(store.engine, rollout.id)[0].at
    month = now + 30 * 86_400.0
    look(store, rollout, month, ERRORS)
    assert trends.sample(store.engine, month) == 1
    look(store, rollout, month + 3600, ERRORS)
    assert trends.sample(store.engine, month + 3600) == 0
    for number in range(3 * trends.MOST):
        at = month * 1.0 + 40_000.0 * number
        look(store, rollout, at, ERRORS)
        trends.sample(store.engine, at)
    found = trends.course(store.engine, rollout.id)
    assert trends.MOST / 3 < len(found) <= trends.MOST
    assert [one.at for one in found] == sorted(one.at for one in found)
    assert found[0].at == first, "the oldest point stays as it was kept"


def test_r34_what_has_ended_gets_no_more_points(store: Store) -> None:
    now = time.time()
    rollout = begun(store, now)
    look(store, rollout, now, ERRORS, status=Status.ROLLED_BACK)
    assert trends.sample(store.engine, now + 60) == 0
    assert trends.course(store.engine, rollout.id) == ()
