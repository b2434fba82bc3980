"""A router in a package of its own, that touches no file of ours: listed, configured, and held to the contract."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import urllib3

from pilotage.adapters.free_port import free_port
from pilotage.demo.traffic import Traffic
from tests.unit.config.test_config import GOOD

from ..e2e.conftest import FAST
from ..packages import as_installed
from ..programs import needs

pytestmark = pytest.mark.real
ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "examples" / "pilotage-haproxy"


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """In an interpreter that finds the example as if it were installed."""
    site = folder / "site"
    found = [ROOT / "src", PROJECT / "src", site] if site.exists() else [ROOT / "src", *as_installed(PROJECT, site)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, found))}
    return subprocess.run(
        [sys.executable, "-m", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_the_example_is_listed_with_what_it_can_do(tmp_path: Path) -> None:
    said = run(tmp_path, "pilotage.cli.main", "adapters", "--json")
    listed = {one["port"]: one for one in json.loads(said.stdout)["adapters"] if one["kind"] == "own-haproxy"}
    assert {one["package"] for one in listed.values()} == {"pilotage-haproxy"}
    assert listed["router"]["capabilities"]["mirror"] is False
    assert listed["metrics"]["capabilities"]["health_metrics"] == ["application_error_rate"]


def test_a_configuration_names_it_and_a_plan_that_it_cannot_do_is_refused(tmp_path: Path) -> None:
    router = 'router: {kind: own-haproxy, listen: "127.0.0.1:8080"}\n    metrics: {kind: command, command: [./counts]}'
    mirrored = GOOD.replace('router: {kind: envoy, listen: "127.0.0.1:28080", sticky: {cookie: session}}', router)
    (tmp_path / "pilotage.yaml").write_text(mirrored.replace("canary.phase_duration: 30m", "canary.mirror_weight: 10%"))
    said = run(tmp_path, "pilotage.cli.main", "plan", "2.0")
    assert said.returncode == 2
    assert "mirror: router own-haproxy cannot mirror requests" in said.stderr


@pytest.mark.long
def test_the_example_keeps_the_contract_before_a_real_haproxy(tmp_path: Path) -> None:
    needs("haproxy")
    words = ["-q", "-p", "no:cacheprovider", f"--basetemp={tmp_path / 'made'}", "--rootdir", str(PROJECT)]
    said = run(tmp_path, "pytest", str(PROJECT / "tests"), *words)
    assert said.returncode == 0, said.stdout
    assert "passed" in said.stdout


@pytest.mark.long
def test_releases_go_through_it_and_an_envoy_at_once_and_a_bad_one_is_undone_at_both(tmp_path: Path) -> None:
    """Rules 1 and 7 with two routers as one, and counts of another package. HAProxy tells no durations, and nothing
    waits for them."""
    needs("haproxy")
    port, inner = free_port(), free_port()
    (tmp_path / "releases").mkdir()
    for version, fault in (("1.0", "none"), ("2.0", "none"), ("3.0", "errors")):
        (tmp_path / "releases" / f"{version}.json").write_text(json.dumps({"fault": fault}))
    shop = [
        sys.executable,
        "-m",
        "pilotage.demo.shop",
        "--port",
        "{port}",
        "--release",
        "{version}",
        "--releases",
        "releases",
    ]
    environment = {
        "fleet": {"kind": "process", "command": shop, "count": 2, "pass_env": ["PYTHONPATH"]},
        "routers": {
            "edge": {"kind": "own-haproxy", "listen": f"127.0.0.1:{port}", "sticky": "session"},
            "inner": {"kind": "envoy", "listen": f"127.0.0.1:{inner}", "sticky": {"cookie": "session"}},
        },
        "metrics": {"kind": "own-haproxy"},
        "overrides": {**FAST, "canary.phase_duration": "2s"},
    }
    answers = {
        "release_type": "minor", "deployment_strategy": "canary", "team_size": "small", "release_frequency": "weekly",
        "risk_tolerance": "low", "stakeholder_complexity": ["customer-facing"],
    }  # fmt: skip
    whole = {"service": "shop", "answers": answers, "environments": {"production": environment}}
    (tmp_path / "pilotage.yaml").write_text(json.dumps(whole))

    def deployed(version: str) -> int:
        return run(tmp_path, "pilotage.cli.main", "deploy", version).returncode

    try:
        assert deployed("1.0") == 0
        with Traffic(f"http://127.0.0.1:{port}", rate=50, users=100, seed=1) as users:
            assert deployed("2.0") == 0
            assert not [answer for answer in users.answers() if answer.failed]
            assert deployed("3.0") == 4
        for one in (port, inner):
            assert urllib3.request("GET", f"http://127.0.0.1:{one}/").json()["release"] == "2.0"
        explained = run(tmp_path, "pilotage.cli.main", "explain").stdout
        assert "error rate" in explained
        assert "2.0 serves all requests" in explained
        assert "slow requests" not in explained
    finally:
        assert "shop/production is down" in run(tmp_path, "pilotage.cli.main", "down", "--yes").stdout
    assert not list((tmp_path / ".pilotage" / "run" / "shop-production").glob("router-*/admin.sock"))
