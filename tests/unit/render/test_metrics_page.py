"""Pilotage's page for Prometheus: read by Prometheus' own parser, and right about canaries that are not ready (R20)."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import pytest

from pilotage import Answers, Service, make_plan
from pilotage.model.live import LiveView, SeenInstance
from pilotage.model.plan import StepKind
from pilotage.model.rollout import Status
from pilotage.render.metrics_page import Shown, metrics_page
from tests.programs import needs

ANSWERS = Answers("minor", "canary", "medium", "weekly", "medium", "customer-facing")
PLAN = make_plan(ANSWERS, version="2.0.0", service=Service("shop", instances=4))


def shown(weight: int, kind: StepKind = StepKind.ANALYSE, *, ready: int, unready: int = 0) -> Shown:
    step = next(step for step in PLAN.steps if step.weight == weight and step.kind is kind)
    health = ["healthy"] * ready + ["unhealthy"] * unready
    new = [SeenInstance(id=f"{n}", version="2.0.0", health=one) for n, one in enumerate(health)]
    old = [SeenInstance(id=f"o{n}", version="1.0.0", health="healthy") for n in range(4)]
    live = LiveView(at=1795686333.5, step=step.id, instances=(*new, *old), health=0.75)
    return Shown(
        service="shop", environment="production", version="2.0.0", old="1.0.0", status=Status.PROGRESSING, plan=PLAN,
        live=live,
    )  # fmt: skip


def samples(page: str) -> dict[str, float]:
    """By series, without the labels that all have."""
    mine = 'service="shop",environment="production",version="2.0.0"'
    lines = [line.rpartition(" ") for line in page.splitlines() if not line.startswith("#")]
    return {name.replace(mine, "").replace("{}", ""): float(value) for name, _, value in lines}


def test_the_share_is_of_the_canaries_that_users_need_while_some_users_have_them() -> None:
    half = samples(metrics_page([shown(500, ready=1, unready=1)]))
    assert half["pilotage_canary_health_score"] == 0.5
    assert (half["pilotage_ready_instances"], half["pilotage_wanted_instances"]) == (1, 2)
    assert half["pilotage_health_score"] == 0.75
    assert half['pilotage_rollout_status{,status="progressing"}'] == 1
    starting = samples(metrics_page([shown(500, StepKind.SCALE, ready=2, unready=2)]))
    assert starting["pilotage_canary_health_score"] == 1, "those of the next weight are not missed"
    everyone = samples(metrics_page([shown(1000, StepKind.BAKE, ready=3, unready=1)]))
    assert "pilotage_canary_health_score" not in everyone


def test_what_is_over_has_a_status_and_no_wishes() -> None:
    over = samples(metrics_page([replace(shown(500, ready=1), status=Status.ROLLED_BACK, plan=None)]))
    assert over['pilotage_rollout_status{,status="rolled-back"}'] == 1
    assert over["pilotage_ready_instances"] == 1
    assert "pilotage_wanted_instances" not in over


@pytest.mark.real
def test_prometheus_reads_the_page_whatever_a_version_is_called() -> None:
    odd = replace(shown(500, ready=2), version='2"\\n\\', plan=None)
    page = metrics_page([odd, shown(500, ready=2)])
    said = subprocess.run([needs("promtool"), "check", "metrics"], input=page, capture_output=True, text=True)
    assert "error" not in said.stderr.lower(), said.stderr
