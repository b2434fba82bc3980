"""One clock, and one notion of *today*: whoever asks at the same moment has the same day."""

from __future__ import annotations

import ast
import json
from datetime import date
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

import pilotage
from pilotage.adapters.clock import SYSTEM
from pilotage.app.plan import PlanRequest, plan_for
from pilotage.app.project import Project
from pilotage.app.readiness.assessment import assess_readiness
from pilotage.cli.plan import plan as plan_command
from pilotage.cli.retro import followup
from pilotage.engine.records import followups as actions
from pilotage.engine.records.store import Store
from pilotage.model.clock import today
from pilotage.model.followup import FollowUp
from pilotage.model.rollout import Mode
from pilotage.model.snapshot import KnownCalendar, Snapshot
from pilotage.rollout.machine import begin
from tests.clock import FakeClock
from tests.unit.config.test_config import GOOD

LATE_IN_NEW_YORK = "2026-11-25T02:00:00+00:00"  # 21:00 on the 24th there
EARLY_IN_BERLIN = "2026-11-24T23:30:00+00:00"  # 00:30 on the 25th there


def project(place: Path, zone: str, at: str) -> Project:
    (place / "pilotage.yaml").write_text(yaml.safe_dump({**yaml.safe_load(GOOD), "calendar": {"timezone": zone}}))
    return Project(place / "pilotage.yaml", clock=FakeClock(at))


@pytest.mark.parametrize(
    ("zone", "at", "overdue"),
    [("America/New_York", LATE_IN_NEW_YORK, False), ("Europe/Berlin", EARLY_IN_BERLIN, True)],
    ids=["still the day there", "already the next day there"],
)
def test_an_action_is_overdue_for_list_gate_and_reminder_at_the_same_moment(
    zone: str, at: str, overdue: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PILOTAGE_ACTOR", "ada")
    it = project(tmp_path, zone, at)
    channel = {"kind": "slack", "name": "ops", "min_severity": "info", "environments": [], "audiences": ["operators"]}
    new = FollowUp(0, "a smoke test", "bob", "2026-11-24", "it fails a bad build", "high", "")
    actions.add(it.store.engine, "shop", new, [channel], "ada", it.clock.now())
    made = plan_for(it.loaded, "production", PlanRequest("2.0"))
    snapshot = Snapshot(calendar=KnownCalendar(zone=zone))
    it.store.create(made, begin(made, None, Mode.INITIAL, "ada"), snapshot, "ada", it.clock.now())

    listed = CliRunner().invoke(followup, ["list", "--json"], obj=it)
    assert json.loads(listed.output)["followups"][0]["overdue"] is overdue
    gates = assess_readiness(it, "ada", made).gates
    (gate,) = [gate for gate in gates if gate.item == "followup_1"]
    assert gate.reason.startswith("a smoke test: overdue since") is overdue
    assert actions.remind(it.store.engine, it.clock.now()) == int(overdue)
    it.store.close()


def test_a_plan_is_made_on_the_day_of_the_calendars_zone(tmp_path: Path) -> None:
    """Not on that of the machine, which may stand anywhere."""
    it = project(tmp_path, "Pacific/Kiritimati", "2026-11-24T10:30:00+00:00")
    assert it.today == date(2026, 11, 25)
    asked = ["2.0", "-e", "production", "--date", "2027-06-18", "--json"]
    implicit = CliRunner().invoke(plan_command, asked, obj=it)
    explicit = CliRunner().invoke(plan_command, [*asked, "--as-of", "2026-11-25"], obj=it)
    assert implicit.exit_code == 0, implicit.output
    assert implicit.stdout == explicit.stdout


def test_a_snapshot_with_a_zone_that_nobody_knows_stops_no_reminder(tmp_path: Path) -> None:
    it = project(tmp_path, "UTC", LATE_IN_NEW_YORK)
    channel = {"kind": "slack", "name": "ops", "min_severity": "info", "environments": [], "audiences": ["operators"]}
    new = FollowUp(0, "a smoke test", "bob", "2026-11-24", "it fails a bad build", "high", "")
    actions.add(it.store.engine, "shop", new, [channel], "ada", it.clock.now())
    made = plan_for(it.loaded, "production", PlanRequest("2.0"))
    snapshot = Snapshot(calendar=KnownCalendar(zone="Mars/Olympus"))
    it.store.create(made, begin(made, None, Mode.INITIAL, "ada"), snapshot, "ada", it.clock.now())
    assert actions.remind(it.store.engine, it.clock.now()) == 1
    it.store.close()


def test_today_follows_the_zone_over_a_change_of_the_clocks() -> None:
    assert today(FakeClock("2026-03-28T22:59:59+00:00"), "Europe/Berlin") == date(2026, 3, 28)
    assert today(FakeClock("2026-03-28T23:00:00+00:00"), "Europe/Berlin") == date(2026, 3, 29)
    assert today(FakeClock("2026-03-29T22:00:00+00:00"), "Europe/Berlin") == date(2026, 3, 30)
    assert abs(SYSTEM.monotonic() - SYSTEM.monotonic()) < 60


def test_a_store_gives_its_clock_to_what_decides_by_time(tmp_path: Path) -> None:
    clock = FakeClock()
    store = Store(tmp_path, clock=clock)
    assert store.clock is clock
    store.close()


READS = {("time", "time"), ("datetime", "now"), ("date", "today"), ("datetime", "today"), ("datetime", "utcnow")}


@pytest.mark.parametrize("folder", ["engine", "app", "cli"])
def test_nothing_that_decides_reads_the_wall_clock_itself(folder: str) -> None:
    """Who has to says why in a comment just above."""
    found = [
        f"{path.name}:{line}: {lines[line - 1].strip()}"
        for path in sorted((Path(pilotage.__file__).parent / folder).rglob("*.py"))
        for lines in [path.read_text().splitlines()]
        for line in _reads_of_the_clock("\n".join(lines))
        if not lines[line - 2].lstrip().startswith("#")
    ]
    assert not found


def _reads_of_the_clock(source: str) -> list[int]:
    """Line numbers."""
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute)]
    return [n.lineno for n in nodes if isinstance(n.value, ast.Name) and (n.value.id, n.attr) in READS]
