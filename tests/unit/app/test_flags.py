"""A release's flag outside its rollout (R16): one that users have begins no release, one that all have goes one day."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pilotage.adapters.fence import Fence
from pilotage.adapters.flags.flagd_file import FlagdFile
from pilotage.app import flags
from pilotage.app.plan import PlanRequest, plan_for
from pilotage.app.project import Project
from pilotage.engine.execution.description import describe
from pilotage.model.flag import Ramp
from pilotage.model.live import LiveView
from pilotage.model.rollout import Decision, Mode, Status
from pilotage.rollout.machine import begin
from tests.clock import FakeClock
from tests.unit.cli.test_planning_command import outcome, run
from tests.unit.config.test_config import GOOD

TOGGLE = GOOD.replace("strategy: canary", "strategy: feature-toggle").replace("canary.phase", "feature_toggle.phase")
DAY = 86400


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pilotage.yaml").write_text(TOGGLE + "    flag: {file: flags.json, key: new-checkout}\n")
    return tmp_path


def test_r16_deploy_refuses_a_flag_that_users_have(place: Path) -> None:
    FlagdFile(place / "flags.json", "new-checkout", Fence(place / "fence", 0)).apply(Ramp((), 250))
    status, sentence = outcome(run("deploy", "2.4.0"))
    assert status == 3
    assert "pilotage.yaml:10: flag new-checkout is already on for 25 % of users" in sentence


@pytest.mark.parametrize(
    ("strategy", "days", "listed"), [("feature-toggle", 31, True), ("feature-toggle", 29, False), ("canary", 31, False)]
)
def test_r16_a_flag_is_stale_a_month_after_everyone_has_it(place: Path, strategy: str, days: int, listed: bool) -> None:
    if strategy == "canary":
        (place / "pilotage.yaml").write_text(GOOD)
    clock = FakeClock("2026-01-01T00:00:00+00:00")
    it = Project(place / "pilotage.yaml", clock=clock)
    made = plan_for(it.loaded, "production", PlanRequest("2.0"))
    snapshot = describe(it.loaded.configuration.environments["production"], place)
    rollout = it.store.create(made, begin(made, None, Mode.INITIAL), snapshot, "ada", clock.now())
    done = replace(rollout.state, status=Status.COMPLETED, at=clock.now())
    it.store.record(rollout, Decision(done, (), ()), None, LiveView())
    clock.pass_(days * DAY)
    assert [one.flag for one in flags.stale(it, None)] == (["new-checkout"] if listed else [])
    it.store.close()
