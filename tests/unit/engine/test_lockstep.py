"""Services in lockstep wait for one whose users were taken back (C1)."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from pilotage.app.plan import PlanRequest, plan_for
from pilotage.config.loading import load
from pilotage.engine.execution.groups import barrier_of
from pilotage.engine.records.store import Store
from pilotage.model.live import NOTHING_SEEN
from pilotage.model.plan import StepKind
from pilotage.model.rollout import Decision, Mode, Status
from pilotage.model.snapshot import Membership, Snapshot
from pilotage.rollout.machine import begin
from tests.unit.config.test_config import GOOD


def test_nobody_runs_ahead_of_one_that_is_withdrawn(tmp_path: Path) -> None:
    (tmp_path / "pilotage.yaml").write_text(GOOD)
    loaded, store = load(tmp_path / "pilotage.yaml"), Store(tmp_path / "state")
    plan = plan_for(loaded, "production", PlanRequest("v1"))
    step = next(i for i, s in enumerate(plan.steps) if s.kind is StepKind.ANALYSE)
    snapshot = Snapshot(release=Membership(lockstep=True))
    members = []
    for service in ("api", "web"):
        state = replace(begin(plan, "v0", Mode.FULL, "ada"), step=step)
        one = replace(plan, service=service)
        members.append(store.create(one, state, snapshot, "ada", time.time(), group_id="r1"))
    api, web = members
    assert barrier_of(store, api) == ""
    gone = replace(web.state, status=Status.WITHDRAWN, at=time.time())
    store.record(web, Decision(gone, (), ()), None, NOTHING_SEEN)
    assert barrier_of(store, api) == "web is withdrawn"
