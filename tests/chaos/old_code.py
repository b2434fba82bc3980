"""Workers of an older version, run from the repository's history: their own code, with their own world around them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

COMMIT = "4d1a45e"
"""The last one whose stores are of revision 0006: rollouts, plans and looks in one table."""

_BEGUN = """
import sys
from pathlib import Path
from tests.chaos.harness import begun
print(begun(Path(sys.argv[1]), "canary", canary__phase_duration="2s"))
"""
_READS = """
import json, sys
from pilotage.config.models import EnvironmentSection
from pilotage.engine.targets import rules_of
from pilotage.model.plan import Plan
environment, plan = json.load(sys.stdin)
EnvironmentSection.model_validate(environment)
rules_of({"environment": environment}, "2", "1")
Plan.from_json(plan)
"""
_WORKER = """
import sys
from pathlib import Path
from pilotage.engine import driver, worker
from tests.chaos.world import World, opened
place = Path(sys.argv[1])
world = World(place / "world", frozenset())
vars(driver)["open_target"] = lambda *_: opened(world)
worker._POLL, worker._KEEP_EVERY = 0.02, 0.05
worker.run(place)
"""


def unpacked(place: Path) -> Path:
    """The old code in `place`. Skips the test where the history is not there, as in a shallow clone."""
    repository = Path(__file__).parents[2]
    archive = subprocess.run(
        ["git", "-C", str(repository), "archive", COMMIT, "src", "tests/__init__.py", "tests/chaos"],
        capture_output=True, check=False,
    )  # fmt: skip
    if archive.returncode != 0:
        pytest.skip(f"NOT TESTED: the history of {COMMIT} is not here: {archive.stderr.decode().strip()}")
    subprocess.run(["tar", "-x", "-C", str(place)], input=archive.stdout, check=True)
    return place


class OldCode:
    """Runs what `unpacked` has laid out, on the store of `place`."""

    def __init__(self, code: Path, place: Path, environment: Mapping[str, str] = os.environ) -> None:
        self._code, self._place = code, place
        self._environment = {**environment, "PYTHONPATH": f"{code / 'src'}{os.pathsep}{code}"}

    def begun(self) -> str:
        """A rollout that no worker has taken up yet, in a world where an old version serves; its id."""
        done = subprocess.run(
            [sys.executable, "-c", _BEGUN, str(self._place)], env=self._environment, cwd=self._code,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def reads(self, environment: dict[str, Any], plan: str) -> None:
        """Fails where the old code cannot execute a rollout with this configuration and plan."""
        done = subprocess.run(
            [sys.executable, "-c", _READS], env=self._environment, cwd=self._code, capture_output=True, text=True,
            check=False, input=json.dumps([environment, plan]),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def worker(self) -> subprocess.Popen[bytes]:
        """A worker that holds the folder's lock, as every one does."""
        with (self._place / "old-worker.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-c", _WORKER, str(self._place)], env=self._environment, cwd=self._code,
                stdout=log, stderr=log,
            )  # fmt: skip
