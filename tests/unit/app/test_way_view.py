"""R33: a way with several regions, as people see it: how far each is, in the order of the stage, in 80 columns."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pilotage.adapters.free_port import free_port
from pilotage.engine.records import ways
from pilotage.engine.records.store import Store
from pilotage.model.live import NOTHING_SEEN
from pilotage.model.rollout import Decision, Status
from tests.typed import typed
from tests.ways import Folder, environment

pytestmark = pytest.mark.real
REGIONS = ["us-east", "eu-west", "ap-south", "us-west"]


def ends(folder: Folder, region: str, status: Status) -> None:
    """The rollout in one region ends, as if a worker had taken it there."""
    store = Store(folder.state)
    [one] = [one for one in store.active() if one.environment == region]
    rollout = store.get(one.id)
    last = len(rollout.plan.steps) - 1 if status is Status.COMPLETED else rollout.state.step
    reason = "" if status is Status.COMPLETED else "1.0.0-1 is unhealthy"
    state = replace(rollout.state, status=status, step=last, at=store.clock.now(), reason=reason)
    store.record(rollout, Decision(state, (), ()), None, NOTHING_SEEN)
    store.close()


def shown(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> str:
    """`pilotage way 1.0.0` after one look, within 80 columns."""
    store = Store(folder.state)
    folder.looker().look(store)
    store.close()
    monkeypatch.setenv("COLUMNS", "80")
    lines = typed("way", "1.0.0", cwd=folder.path).stdout
    for printed in (lines, typed("way", cwd=folder.path).stdout, typed("status", cwd=folder.path).stdout):
        assert max(map(len, printed.splitlines())) <= 80, printed
    return " ".join(lines.split())


def test_each_region_says_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = {name: environment(free_port()) for name in REGIONS}
    stage = {"name": "regions", "environments": REGIONS, "at_most": 2}
    folder = Folder.make(tmp_path / "shop", [stage], environments=places)
    folder.start()
    shown(folder, monkeypatch)
    ends(folder, "eu-west", Status.COMPLETED)
    lines = shown(folder, monkeypatch)
    for row in ("● └ us-east under way", "✔ └ eu-west complete", "● └ ap-south under way", "└ us-west not begun"):
        assert row in lines
    assert lines.endswith("next: pilotage watch -e us-east"), "of those under way the first"

    ends(folder, "ap-south", Status.FAILED)
    lines = shown(folder, monkeypatch)
    assert "✘ └ ap-south needs a person" in lines
    assert lines.count("1.0.0-1 is unhealthy") == 1, "said once, while it goes back"
    events = " ".join(typed("way", "events", "1.0.0", cwd=folder.path).stdout.split())
    assert "us-east, ap-south return to the version before" in events, "in the order of the stage"
    ends(folder, "us-east", Status.ROLLED_BACK)
    lines = shown(folder, monkeypatch)
    assert "✘ └ us-east returned" in lines
    assert lines.count("1.0.0-1 is unhealthy") == 1, "said once, when it has ended"
    assert "not undone: ap-south needs a person" in lines


def test_an_ended_way_says_what_never_began_and_how_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stages: list[dict[str, Any]] = [
        {"name": "test", "run": ["false"]},
        {"name": "production", "environment": "production"},
    ]
    folder = Folder.make(tmp_path / "shop", stages, environments={"production": environment(free_port())})
    folder.start()
    store = Store(folder.state)
    looker = folder.looker()
    deadline = time.monotonic() + 60
    while ways.any_under_way(store.engine):
        assert time.monotonic() < deadline
        looker.look(store)
        time.sleep(0.05)
    store.close()
    lines = shown(folder, monkeypatch)
    assert "production not begun" in lines
    late = typed("way", "retry", "1.0.0", cwd=folder.path)
    assert late.returncode == 7
    assert "has ended, failed: too late to retry; `pilotage way start 1.0.0` starts it again" in late.stdout
