"""A hotfix, prepared (R21): from what serves, with the changes that failed named, in a real repository."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pilotage.app.hotfix import following, prepare
from pilotage.app.project import Project, Unclear
from pilotage.config.loading import load
from pilotage.engine.records.store import Store
from pilotage.model.errors import PilotageError
from pilotage.model.rollout import Status

CONFIGURATION: dict[str, Any] = {
    "service": "shop",
    "answers": {
        "release_type": "minor", "deployment_strategy": "canary", "team_size": "small", "release_frequency": "weekly",
        "risk_tolerance": "medium", "stakeholder_complexity": ["internal-only"],
    },
    "environments": {
        "production": {
            "fleet": {"kind": "process", "command": ["shop", "{port}", "{version}"]},
            "router": {"kind": "envoy", "listen": "127.0.0.1:18080"},
        }
    },
}  # fmt: skip


@dataclass(frozen=True)
class _Undone:
    version: str
    status: Status = Status.ROLLED_BACK


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=Ada", "-c", "user.email=ada@x", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", "-C", str(tmp_path), *identity, *arguments], check=True, capture_output=True)

    (tmp_path / "pilotage.yaml").write_text(json.dumps(CONFIGURATION))
    git("init", "-q", "-b", "main")
    git("commit", "-q", "--allow-empty", "-m", "feat: first")
    git("tag", "v2.0.0")
    git("commit", "-q", "--allow-empty", "-m", "feat: coupons")
    git("commit", "-q", "--allow-empty", "-m", "fix: rounding")
    git("tag", "v2.1.0")
    monkeypatch.setattr(Store, "serving", lambda *_: ("2.0.0",))
    monkeypatch.setattr(Store, "history", lambda *_, **__: (_Undone("2.1.0"),))
    return Project.of(load(tmp_path / "pilotage.yaml"), Store(tmp_path / ".pilotage"))


def head(folder: Path, name: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), "rev-parse", "--verify", "-q", name], capture_output=True, text=True
    )
    return done.stdout.strip()


def test_r21_a_hotfix_begins_at_what_serves_and_names_what_the_failed_version_brought(project: Project) -> None:
    found = prepare(project, None, None, create=True)
    assert (found.version, found.branch, found.failed) == ("2.0.1", "hotfix/2.0.1", "2.1.0")
    assert head(project.folder, "hotfix/2.0.1") == head(project.folder, "v2.0.0^{commit}")
    assert [one.subject for one in found.suspects] == ["fix: rounding", "feat: coupons"]
    assert found.suspects[0].revert == f"git revert {found.suspects[0].commit}"
    assert str(found.plan.answers.release_type) == "hotfix"
    assert prepare(project, None, None, create=True).made, "again is harmless"


def test_a_branch_with_work_on_it_is_left_alone_and_nothing_is_made_on_trial(project: Project) -> None:
    prepare(project, None, "2.0.9", create=False)
    assert head(project.folder, "refs/heads/hotfix/2.0.9") == ""
    subprocess.run(["git", "-C", str(project.folder), "branch", "hotfix/2.0.1", "main"], check=True)
    with pytest.raises(Unclear, match="has commits already"):
        prepare(project, None, None, create=True)


@pytest.mark.parametrize("version", ["--force", "x;y"])
def test_a_version_that_is_none_leaves_no_branch(project: Project, version: str) -> None:
    with pytest.raises(PilotageError, match="is no version"):
        prepare(project, None, version, create=True)
    assert head(project.folder, f"refs/heads/hotfix/{version}") == ""


def test_the_version_after_it_has_the_next_number() -> None:
    assert following("2.0.9") == "2.0.10"
    assert following("2.1.0-rc.1") == "2.1.0-rc.2"
    with pytest.raises(Unclear, match="name the hotfix's version"):
        following("blue")
