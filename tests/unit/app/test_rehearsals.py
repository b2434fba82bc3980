"""What happens in staging calls nobody together and leaves nothing that keeps production back (R21, R25)."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pilotage.app.aftermath import follow
from pilotage.app.meeting_commands import meetings_here
from pilotage.app.project import Project
from pilotage.config.loading import load
from pilotage.engine.records import followups
from pilotage.engine.records.store import Store
from pilotage.model.live import NOTHING_SEEN
from pilotage.model.rollout import Decision, Event, Mode, Status
from pilotage.model.snapshot import Snapshot
from pilotage.rollout.machine import begin
from tests import plans
from tests.unit.app.test_publication import ANSWERS, ENVIRONMENT


@pytest.mark.parametrize(
    ("environment", "reached", "followed"),
    [("staging", 50, False), ("production", 50, True), ("production", 0, False)],
    ids=["a rehearsal", "users had it", "no user had it"],
)
@pytest.mark.parametrize("status", [Status.ROLLED_BACK, Status.COMPLETED])
def test_what_follows(tmp_path: Path, environment: str, reached: int, followed: bool, status: Status) -> None:
    whole = {
        "service": "shop", "answers": ANSWERS, "readiness": {"staging": "staging"},
        "environments": {"staging": ENVIRONMENT, "production": ENVIRONMENT},
        "people": {"ada": {"roles": ["engineering lead"], "email": "ada@example.org"}},
        "notify": [{"kind": "email", "host": "mail.example.org", "sender": "p@example.org", "to": ["ops@example.org"]}],
    }  # fmt: skip
    (tmp_path / "pilotage.yaml").write_text(json.dumps(whole))
    store = Store(tmp_path / ".pilotage")
    project = Project.of(load(tmp_path / "pilotage.yaml"), store)
    plan = replace(plans.planned(version="2.0"), service="shop", environment=environment)
    rollout = store.create(plan, begin(plan, "1.0", Mode.FULL), Snapshot(), "ada", store.clock.now())
    state = replace(rollout.state, status=status, reason="error rate 9 %", reached=reached)
    ended = store.record(rollout, Decision(state, (), (Event(status.value, "it ended"),)), None, NOTHING_SEEN)
    follow(project, ended)
    assert bool(meetings_here(project, everything=True)) is (followed or (status, reached) == (Status.COMPLETED, 0))
    assert bool(followups.actions_of(store.engine, "shop")) is (followed and status is Status.ROLLED_BACK)
    store.close()
