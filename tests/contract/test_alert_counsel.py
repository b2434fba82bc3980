"""What a rollout hears of alerts, from a real Alertmanager and from a Prometheus alone (R13)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from pilotage.adapters.alerts import firing_alerts
from pilotage.adapters.prometheus_rules import loaded_alerts, reload
from pilotage.config.monitoring import MonitoringSection
from pilotage.engine.execution.alerts import FiringAlerts
from pilotage.engine.execution.crew import Crew
from pilotage.judge.alerts import SILENT
from pilotage.model.live import NOTHING_SEEN
from pilotage.model.observation import VerdictKind
from pilotage.model.record import Rollout
from pilotage.model.rollout import Mode
from pilotage.model.snapshot import Snapshot
from pilotage.rollout.machine import begin
from tests.clock import FakeClock
from tests.plans import a_plan

from ..monitors import Monitors, monitors, wait_for

pytestmark = pytest.mark.real
ALERT = {"alertname": "DiskFull", "service": "shop", "severity": "critical"}


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Monitors]:
    with monitors(tmp_path / "monitors") as found:
        yield found


def a_rollout(began: float) -> Rollout:
    plan = a_plan()
    return Rollout(
        id="r1", service="shop", environment="production", version="new", old="old", actor="ada", created_at=began,
        finished_at=None, plan=plan, plan_hash=plan.hash, snapshot=Snapshot(), state=begin(plan, "old", Mode.FULL),
        judge=None, live=NOTHING_SEEN, head="", events=0, revision=0, started_at=began,
    )  # fmt: skip


def test_it_hears_of_an_alert_of_its_end_and_of_the_end_of_alertmanager(watched: Monitors) -> None:
    """Firing, silenced by amtool, and nobody there any more: the three answers that a rollout acts upon."""
    clock = FakeClock(time.time())
    section = MonitoringSection.model_validate({"alertmanager": watched.alertmanager})
    counsel = FiringAlerts(a_rollout(clock.now() - 60), section, Crew(), clock)

    def hears(kind: VerdictKind) -> bool:
        counsel.ask()
        return [one.kind for one in counsel.verdicts()] == [kind]

    wait_for(lambda: hears(VerdictKind.PASS), counsel.verdicts)
    watched.post(ALERT)
    wait_for(lambda: hears(VerdictKind.FAIL), counsel.verdicts)
    assert counsel.verdicts()[0].metric == "alert DiskFull"
    watched.post({**ALERT, "alertname": "Slow", "version": "new"})
    wait_for(lambda: hears_of_two(counsel), counsel.verdicts)
    watched.amtool("silence", "add", "service=shop", "--comment=known", "--author=ada")
    wait_for(lambda: hears(VerdictKind.PASS), counsel.verdicts)
    watched.kill("alertmanager")
    clock.pass_(SILENT + 1)
    wait_for(
        lambda: hears(VerdictKind.SOURCE_ERROR) and watched.alertmanager in counsel.verdicts()[0].sentence,
        counsel.verdicts,
    )


def hears_of_two(counsel: FiringAlerts) -> bool:
    counsel.ask()
    return {one.metric: one.critical for one in counsel.verdicts()} == {"alert DiskFull": False, "alert Slow": True}


def test_a_prometheus_alone_tells_what_fires_and_which_rules_it_has(watched: Monitors) -> None:
    rules = [
        {"alert": "DiskFull", "expr": "vector(1)", "labels": {"service": "shop", "severity": "critical"}},
        {"alert": "Waiting", "expr": "vector(1)", "for": "1h", "labels": {"service": "shop", "severity": "critical"}},
        {"alert": "Mild", "expr": "vector(1)", "labels": {"service": "shop", "severity": "warning"}},
        {"alert": "Broken", "expr": "shop:a / on() shop:b", "labels": {"service": "cart"}},
    ]
    (watched.rules / "own.yml").write_text(yaml.safe_dump({"groups": [{"name": "own", "rules": rules}]}))
    reload(watched.prometheus)
    began = time.time()
    wait_for(lambda: bool(firing_alerts(None, watched.prometheus, "critical")), watched.loaded)
    (found,) = firing_alerts(None, watched.prometheus, "critical")
    assert found.name == "DiskFull"
    assert abs(found.since - began) < 60
    assert set(loaded_alerts(watched.prometheus, {"service": "shop"})) == {"DiskFull", "Waiting", "Mild"}
