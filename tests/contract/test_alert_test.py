"""`pilotage alerts test` by a real Prometheus and Alertmanager: what arrives is evidence, what does not an error."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pilotage.adapters.free_port import free_port

from ..monitors import Monitors, monitors
from ..typed import typed

pytestmark = pytest.mark.real
GATE = "alerting_configuration"


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Monitors]:
    with monitors(tmp_path / "monitors") as found:
        yield found


def configure(folder: Path, **monitoring: str) -> None:
    answers = {
        "release_type": "minor", "deployment_strategy": "canary", "team_size": "small", "release_frequency": "weekly",
        "risk_tolerance": "medium", "stakeholder_complexity": ["customer-facing"],
    }  # fmt: skip
    environment = {
        "fleet": {"kind": "process", "command": ["releases/{version}/serve", "{port}"]},
        "router": {"kind": "envoy", "listen": f"127.0.0.1:{free_port()}"},
        "monitoring": monitoring,
    }
    whole = {"service": "shop", "answers": answers, "environments": {"production": environment}}
    (folder / "pilotage.yaml").write_text(json.dumps(whole))


def gate(folder: Path) -> Any:
    found = json.loads(typed("ready", "2.0.0", "--json", cwd=folder).stdout)
    return next(one for one in found["gates"] if one["item"] == GATE)


def test_a_test_alert_arrives_and_is_evidence_that_ready_takes(watched: Monitors, tmp_path: Path) -> None:
    """R6: alerting_configuration asks for a delivered test alert, and for rules that can be loaded."""
    rules = str(watched.rules)
    configure(tmp_path, prometheus=watched.prometheus, rules_folder=rules, alertmanager=watched.alertmanager)
    assert "pilotage alerts test" in json.dumps(gate(tmp_path))

    told = typed("alerts", "test", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    doctor = typed("doctor", cwd=tmp_path).stdout
    assert all(f"PASS {what}" in " ".join(doctor.split()) for what in ("Prometheus", "Alertmanager", "alert rules"))
    assert "notified test (webhook)" in told.stdout
    (alert,) = (one for one in watched.receiver.got if one["status"] == "firing")
    assert alert["labels"]["service"] == "shop"
    assert "Nothing is wrong" in alert["annotations"]["summary"]

    shown = json.dumps(gate(tmp_path))
    assert "a test alert reached test (webhook)" in shown
    assert rules in shown
    if os.geteuid():
        watched.rules.chmod(0o500)
        assert "cannot write" in json.dumps(gate(tmp_path))


def test_a_test_alert_that_does_not_arrive_is_none_whoever_lost_it(watched: Monitors, tmp_path: Path) -> None:
    configure(tmp_path, prometheus=watched.prometheus, alertmanager=watched.alertmanager)
    watched.amtool("silence", "add", "service=shop", "--comment=deploying", "--author=ada")
    silenced = typed("alerts", "test", "--timeout", "2", cwd=tmp_path)
    assert silenced.returncode == 9
    assert "silenced" in silenced.stderr

    watched.kill("alertmanager")
    assert "FAIL Alertmanager" in " ".join(typed("doctor", cwd=tmp_path).stdout.split())
    gone = typed("alerts", "test", cwd=tmp_path)
    assert gone.returncode == 9
    assert watched.alertmanager in gone.stderr
    assert watched.receiver.got == []
