"""Phases of a scheduled release (R9): a freeze that git's pre-receive hook keeps, and a worker that reminds."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

from pilotage.app import activities
from pilotage.app.activities import WorkRequest
from pilotage.app.plan import PlanRequest, plan_for
from pilotage.app.project import Project
from tests.monitors import wait_for
from tests.receivers import SECRET, StandardWebhook, listening, section
from tests.typed import typed
from tests.unit.app.test_phases import CONFIGURATION

HOOK = """#!/bin/sh
exec {python} -m pilotage.cli.main -c {config} phase check --pre-receive
"""


def git(place: Path, *arguments: str, fails: bool = False) -> str:
    named = ["-c", "user.name=Ada", "-c", "user.email=ada@x", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", "-C", str(place), *named, *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode != 0) is fails, done.stderr
    return done.stderr + done.stdout


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone of a bare repository whose hook asks the project in `shop`."""
    project, bare, here = tmp_path / "shop", tmp_path / "shop.git", tmp_path / "clone"
    project.mkdir()
    (project / "pilotage.yaml").write_text(json.dumps({**CONFIGURATION, "phases": {"freeze_branches": ["main"]}}))
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(bare)], check=True)
    hook = bare / "hooks" / "pre-receive"
    hook.write_text(HOOK.format(python=sys.executable, config=project / "pilotage.yaml"))
    hook.chmod(0o755)
    subprocess.run(["git", "clone", "-q", str(bare), str(here)], check=True, capture_output=True)
    git(here, "checkout", "-q", "-b", "main")
    return here


def commit(place: Path, message: str) -> None:
    git(place, "commit", "-q", "--allow-empty", "-m", message)


def tracked(clone: Path) -> Project:
    project = Project(clone.parent / "shop" / "pilotage.yaml")
    plan = plan_for(project.loaded, "production", PlanRequest("2.0.0", date.today() + timedelta(days=300)))
    activities.track(project, "rena", plan)
    return project


def test_after_the_freeze_the_hook_refuses_a_feature_and_lets_a_fix_pass(clone: Path) -> None:
    project = tracked(clone)
    commit(clone, "feat: coupons")
    git(clone, "push", "-q", "origin", "main")

    freeze = WorkRequest(version="2.0.0", names=("feature_freeze",), note="scope is closed")
    activities.finish(project, "rena", freeze)
    commit(clone, "feat: gift cards")
    said = git(clone, "push", "-q", "origin", "main", fails=True)
    assert "feat: gift cards: is of type feat; allowed are fix, docs, test, revert" in said
    git(clone, "push", "-q", "origin", "main:gift-cards")
    git(clone, "reset", "-q", "--hard", "HEAD~1")

    commit(clone, "fix: coupons round down")
    git(clone, "push", "-q", "origin", "main")
    commit(clone, "fix!: coupons lose their old format")
    assert "is a breaking change" in git(clone, "push", "-q", "origin", "main", fails=True)
    git(clone, "reset", "-q", "--hard", "HEAD~1")
    commit(clone, "feat: turn off the broken provider\n\nEmergency: the provider charges twice")
    assert "emergency, the provider charges twice" in git(clone, "push", "origin", "main")

    commit(clone, "feat: gift cards")
    activities.reopen(project, "rena", freeze)
    git(clone, "push", "-q", "origin", "main")
    project.store.close()


@pytest.mark.long
def test_as_a_required_check_a_range_exits_with_3(clone: Path) -> None:
    project = tracked(clone)
    commit(clone, "fix: one")
    commit(clone, "feat: two")
    command = ("-c", str(project.config), "phase", "check", "HEAD~1..HEAD", "--repository", str(clone))
    assert (typed(*command).returncode, typed(*command).stdout) == (0, "no tracked release is frozen\n")
    activities.finish(project, "rena", WorkRequest(version="2.0.0", names=("feature_freeze",), note="now"))
    done = typed(*command)
    assert done.returncode == 3
    assert "feat: two: is of type feat" in done.stderr
    project.store.close()


def test_a_real_worker_reminds_of_what_is_overdue_and_ready_shows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("S_WEBHOOK", SECRET)
    monkeypatch.setenv("COLUMNS", "80")
    receiver = StandardWebhook()
    with listening(receiver) as url:
        hook = section("webhook", url=url, secret="secret://env/S_WEBHOOK")
        (tmp_path / "pilotage.yaml").write_text(json.dumps({**CONFIGURATION, "notify": [hook]}))
        days = [(date.today() + timedelta(days=passed)).isoformat() for passed in (21, -400)]
        wish = ("2.0.0", "--date", days[0], "--as-of", days[1])
        try:
            assert typed("phase", "track", *wish, cwd=tmp_path).returncode == 0
            mine = "phases/shop/production/2.0.0/"
            wait_for(lambda: any(key.startswith(mine) for key in receiver.told()), receiver.told)
        finally:
            typed("down", "--yes", cwd=tmp_path)
        shown = typed("ready", *wish, cwd=tmp_path).stdout
    assert "phase_go_no_go_decision" in shown
    assert "pilotage phase done go_no_go_decision 2.0.0 -e production --decision go" in " ".join(shown.split())
    status = typed("status", cwd=tmp_path).stdout
    assert "overdue, first Requirements finalized" in " ".join(status.split())
