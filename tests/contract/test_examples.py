"""A router in a package of its own, that touches no file of ours: listed, configured, and held to the contract."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ..packages import as_installed
from ..programs import needs
from ..unit.test_config import GOOD

pytestmark = pytest.mark.real
ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "examples" / "pilotage-haproxy"


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """In an interpreter that finds the example as if it were installed."""
    found = [ROOT / "src", *as_installed(PROJECT, folder / "site")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, found))}
    return subprocess.run(
        [sys.executable, "-m", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_the_example_is_listed_with_what_it_can_do(tmp_path: Path) -> None:
    said = run(tmp_path, "pilotage.cli.main", "adapters", "--json")
    (found,) = [one for one in json.loads(said.stdout)["adapters"] if one["kind"] == "haproxy"]
    assert (found["port"], found["package"]) == ("router", "pilotage-haproxy")
    assert (found["capabilities"]["grain"], found["capabilities"]["mirror"]) == (1, False)


def test_a_configuration_names_it_and_a_plan_that_it_cannot_do_is_refused(tmp_path: Path) -> None:
    router = 'router: {kind: haproxy, listen: "127.0.0.1:8080"}\n    metrics: {kind: command, run: [./counts]}'
    mirrored = GOOD.replace('router: {kind: envoy, listen: "127.0.0.1:8080", sticky: {cookie: session}}', router)
    (tmp_path / "pilotage.yaml").write_text(mirrored.replace("canary.phase_duration: 30m", "canary.mirror_share: 10%"))
    said = run(tmp_path, "pilotage.cli.main", "plan", "2.0")
    assert said.returncode == 2
    assert "mirror: router haproxy cannot mirror requests" in said.stderr


def test_the_example_keeps_the_contract_before_a_real_haproxy(tmp_path: Path) -> None:
    needs("haproxy")
    said = run(tmp_path, "pytest", str(PROJECT / "tests"), "-q", "-p", "no:cacheprovider", "--rootdir", str(PROJECT))
    assert said.returncode == 0, said.stdout
    assert "passed" in said.stdout
