"""What people do wrong first is told before anything begins."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import yaml

from tests.typed import typed
from tests.unit.config.test_config import GOOD


def test_a_version_that_is_not_installed_begins_no_rollout(tmp_path: Path) -> None:
    whole = yaml.safe_load(GOOD)
    for section in whole["environments"].values():
        section["fleet"]["command"] = ["versions/{version}/bin/serve", "--port", "{port}"]
    (tmp_path / "pilotage.yaml").write_text(yaml.safe_dump(whole))
    said = typed("deploy", "0.99", "-e", "production", "--detach", cwd=tmp_path)
    assert said.returncode == 3, said.stderr
    assert "versions/0.99/bin/serve does not exist: install 0.99, or correct its name" in said.stderr
    assert json.loads(typed("history", "--json", cwd=tmp_path).stdout)["rollouts"] == []


def test_a_worker_of_nothing_is_not_started(tmp_path: Path) -> None:
    said = typed("worker", cwd=tmp_path)
    assert (said.returncode, "nothing was deployed here" in said.stderr) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_whoever_reads_no_more_gets_no_error(tmp_path: Path) -> None:
    command = f"{sys.executable} -m pilotage.cli.main docs | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == "pilotage.yaml\n"
    assert (done.returncode in (0, 141), done.stderr) == (True, "")
