"""A project folder in git with a way, for tests that take it along without a whole shop."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pilotage.app.project import Project
from pilotage.app.standing import note
from pilotage.app.way.looking import Ways
from pilotage.app.way.starting import StartWay, start_way
from pilotage.engine.records import ways
from pilotage.engine.records.store import Store
from pilotage.engine.records.ways import StoredWay
from pilotage.model.json import Json
from pilotage.model.live import NOTHING_SEEN
from pilotage.model.rollout import Decision, Status

ANSWERS = {
    "release_type": "minor", "deployment_strategy": "canary", "team_size": "small", "release_frequency": "weekly",
    "risk_tolerance": "medium", "stakeholder_complexity": ["internal-only"],
}  # fmt: skip


def environment(port: int) -> dict[str, Json]:
    """Of a service that is never started."""
    return {
        "fleet": {"kind": "process", "command": ["/bin/true", "{version}", "{port}"]},
        "router": {"kind": "envoy", "listen": f"127.0.0.1:{port}"},
        "overrides": {"approval.required": False, "checks.required": False},
    }


@dataclass(frozen=True)
class Folder:
    """A project of the service `shop` with one commit, tagged 1.0.0."""

    path: Path

    @classmethod
    def make(cls, path: Path, stages: Sequence[Mapping[str, Any]], **sections: Any) -> Folder:
        """stages: of its way · sections: of pilotage.yaml; `answers` are changes to the usual ones."""
        answers = {**ANSWERS, **sections.pop("answers", {})}
        whole = {
            "service": "shop", "answers": answers, "way": {"stages": list(stages)},
            "environments": {"staging": environment(18081), "production": environment(18082)}, **sections,
        }  # fmt: skip
        path.mkdir(parents=True, exist_ok=True)
        (path / "pilotage.yaml").write_text(json.dumps(whole, indent=2))
        it = cls(path)
        it.git("init", "-q", "-b", "main")
        it.git("add", "pilotage.yaml")
        it.git("commit", "-qm", "first")
        it.git("tag", "1.0.0")
        return it

    def git(self, *arguments: str) -> None:
        who = ("-c", "user.name=ada", "-c", "user.email=ada@example.org")
        subprocess.run(["git", "-C", str(self.path), *who, *arguments], check=True, capture_output=True)

    def project(self) -> Project:
        return Project(self.path / "pilotage.yaml")

    def start(self, version: str = "1.0.0", actor: str = "ada", **more: Any) -> StoredWay:
        """Start a way, without a worker."""
        project = self.project()
        stored = start_way(project, actor, StartWay(version=version, **more))
        note(project.directory, project.whole)
        project.store.close()
        return stored

    @property
    def state(self) -> Path:
        return self.path / ".pilotage"

    def looker(self) -> Ways:
        return Ways(self.state)

    def read(self, identity: str) -> StoredWay:
        store = Store(self.state)
        try:
            return ways.get(store.engine, identity)
        finally:
            store.close()


def complete(store: Store, status: Status = Status.COMPLETED) -> int:
    """End every rollout that is under way, as if a worker had; returns how many there were."""
    found = store.active()
    for one in found:
        rollout = store.get(one.id)
        last = len(rollout.plan.steps) - 1 if status is Status.COMPLETED else rollout.state.step
        state = replace(rollout.state, status=status, step=last, at=store.clock.now())
        store.record(rollout, Decision(state, (), ()), None, NOTHING_SEEN)
    return len(found)
