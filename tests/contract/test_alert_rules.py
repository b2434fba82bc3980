"""The plan's alert rules before a real promtool, and their series before a real Envoy (R20)."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from pilotage import Answers, Plan, Service, make_plan
from pilotage.adapters.envoy_admin import admin_url, cluster_of
from pilotage.adapters.http import get
from pilotage.model.answers import DeploymentStrategy, RiskTolerance
from pilotage.model.traffic import split_between
from pilotage.render.rules import to_rules

from ..programs import needs
from .conftest import EnvoyUnderTest, Version

pytestmark = pytest.mark.real

NEW, OLD = f'envoy_cluster_name="{cluster_of("2.4.0")}"', f'envoy_cluster_name="{cluster_of("2.3.0")}"'


CANARY = 'service="shop",environment="production",version="2.4.0"'


def plan(tolerance: str = "medium", strategy: str = "canary") -> Plan:
    measured = {"application_error_rate": "envoy", "response_time_p95": "envoy"}
    answers = Answers("minor", strategy, "medium", "weekly", tolerance, "customer-facing")
    return make_plan(answers, version="2.4.0", service=Service("shop", measured=measured))


@pytest.mark.parametrize("strategy", DeploymentStrategy)
@pytest.mark.parametrize("tolerance", RiskTolerance)
def test_promtool_accepts_the_rules_of_every_plan(tmp_path: Path, tolerance: str, strategy: str) -> None:
    made = plan(tolerance, strategy)
    (tmp_path / "rules.yaml").write_text(to_rules(made, page=True))
    said = subprocess.run(
        [needs("promtool"), "check", "rules", str(tmp_path / "rules.yaml")], capture_output=True, text=True
    )
    assert said.returncode == 0, said.stderr
    assert f"{len(made.alerts)} rules found" in said.stdout


def series(ok: int, bad: int, p95: tuple[int, int] = (100, 0), healthy: int = 4) -> list[dict[str, str]]:
    """Ten minutes of the new version, `ok` and `bad` requests a minute; latencies as (≤ 100 ms, ≤ 1 s) a minute."""
    quick, slow = p95
    return [
        {"series": f'envoy_cluster_upstream_rq_xx{{{NEW},envoy_response_code_class="5"}}', "values": f"0+{bad}x10"},
        {"series": f"envoy_cluster_upstream_rq_completed{{{NEW}}}", "values": f"0+{ok + bad}x10"},
        {"series": f'envoy_cluster_upstream_rq_time_bucket{{{NEW},le="100"}}', "values": f"0+{quick}x10"},
        {"series": f'envoy_cluster_upstream_rq_time_bucket{{{NEW},le="1000"}}', "values": f"0+{quick + slow}x10"},
        {"series": f'envoy_cluster_upstream_rq_time_bucket{{{NEW},le="+Inf"}}', "values": f"0+{quick + slow}x10"},
        {"series": f'envoy_cluster_upstream_rq_time_bucket{{{OLD},le="100"}}', "values": "0+100x10"},
        {"series": f'envoy_cluster_upstream_rq_time_bucket{{{OLD},le="1000"}}', "values": "0+100x10"},
        {"series": f'envoy_cluster_upstream_rq_time_bucket{{{OLD},le="+Inf"}}', "values": "0+100x10"},
        {"series": f"pilotage_canary_health_score{{{CANARY}}}", "values": f"{healthy / 4}x10"},
    ]


ALERTS = ("HighErrorRate", "LowSuccessRate", "PerformanceDegradation", "CanaryHealthCheckFailed", "NoData")


@pytest.mark.parametrize(
    ("tolerance", "given", "firing"),
    [
        ("medium", series(1000, 0), set()),
        ("medium", series(990, 9), set()),
        ("medium", series(985, 15), {"LowSuccessRate"}),
        ("medium", series(951, 49), {"LowSuccessRate"}),
        ("medium", series(940, 60), {"HighErrorRate", "LowSuccessRate"}),
        ("low", series(991, 9), set()),
        ("low", series(980, 20), {"HighErrorRate"}),
        ("zero-downtime", series(998, 2), {"HighErrorRate"}),
        ("medium", series(15, 4), set()),  # 95 requests in five minutes say nothing
        ("medium", series(1000, 0, p95=(50, 50)), {"PerformanceDegradation"}),
        ("medium", series(1000, 0, p95=(96, 4)), set()),
        ("medium", series(1000, 0, healthy=3), {"CanaryHealthCheckFailed"}),
        ("medium", [], {"NoData"}),
    ],
)
def test_the_alerts_fire_exactly_beyond_the_plans_limits(
    tmp_path: Path, tolerance: str, given: list[dict[str, str]], firing: set[str]
) -> None:
    made = plan(tolerance)
    rules = tmp_path / "rules.yaml"
    rules.write_text(to_rules(made, page=True))
    alerts = {rule["alert"]: rule for rule in yaml.safe_load(rules.read_text())["groups"][0]["rules"]}
    moment = "20m" if firing == {"NoData"} else "10m"
    checks: list[dict[str, Any]] = []
    for name in set(ALERTS) & set(alerts):
        labels = alerts[name]["labels"]
        if name == "NoData" and name in firing:
            labels = {**labels, "envoy_cluster_name": cluster_of("2.4.0")}
        expected = {"exp_labels": labels, "exp_annotations": alerts[name]["annotations"]}
        checks.append({"eval_time": moment, "alertname": name, "exp_alerts": [expected] if name in firing else []})
    test = {
        "rule_files": [str(rules)],
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": given, "alert_rule_test": checks}],
    }
    (tmp_path / "test.yaml").write_text(yaml.safe_dump(test))
    said = subprocess.run(
        [needs("promtool"), "test", "rules", str(tmp_path / "test.yaml")], capture_output=True, text=True
    )
    assert said.returncode == 0, said.stdout + said.stderr


def test_the_series_are_those_of_a_real_envoy(
    routed: EnvoyUnderTest, versions: Callable[[str], Version], tmp_path: Path
) -> None:
    split = split_between("2.4.0", 500, "2.3.0")
    routed.router.apply(split, {name: [versions(name).address] for name in ("2.4.0", "2.3.0")})
    routed.wait_for(split)
    for n in range(40):
        routed.ask("/error", user=f"u{n}")
    wanted = set(re.findall(r"(envoy_\w+)\{(.*?)\}", to_rules(plan())))
    assert len(wanted) == 4
    until = time.monotonic() + 20  # Envoy merges its histograms every five seconds
    while missing := _not_shown(wanted, get(f"{admin_url(tmp_path / 'router')}/stats/prometheus").decode()):
        assert time.monotonic() < until, missing
        time.sleep(0.2)


def _not_shown(wanted: set[tuple[str, str]], page: str) -> list[tuple[str, str]]:
    """Names and labels that the rules ask for and no line of the page has."""
    missing = []
    for name, labels in wanted:
        lines = [line for line in page.splitlines() if line.startswith(name + "{")]
        exact = re.findall(r'(\w+)="([^"]+)"', labels.replace("=~", "~").replace("!=", "!"))
        if not any(all(f'{label}="{value}"' in line for label, value in exact) for line in lines):
            missing.append((name, labels))
    return missing
