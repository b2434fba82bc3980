"""R34: on PostgreSQL, where transactions commit in any order, no event of the stream is skipped either."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pilotage import Service
from pilotage.engine.records.store import Store
from pilotage.model.rollout import Mode
from pilotage.model.snapshot import Snapshot
from pilotage.rollout.machine import begin
from tests.plans import a_plan
from tests.web.busy import no_event_is_skipped

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("postgres"), pytest.mark.usefixtures("database")]


def _rollout(store: Store, service: str) -> str:
    plan = a_plan(version="2.4.0", service=Service(name=service, environment="production"))
    return store.create(plan, begin(plan, "2.3.1", Mode.FULL), Snapshot(), "dora", time.time()).id


def test_r34_no_event_is_skipped_whoever_commits_when(tmp_path: Path) -> None:
    store = Store(tmp_path)
    no_event_is_skipped(store, [_rollout(store, name) for name in ("shop", "search", "mail")])
    store.close()
