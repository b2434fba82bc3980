"""Phases of a scheduled release as people work through them (R9, C6, C21): owners, gates, reminders, forecast."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from icalendar import Calendar

from pilotage.app import activities
from pilotage.app.activities import WorkRequest
from pilotage.app.phase_facts import Seen, refreshed
from pilotage.app.phase_reminders import PhaseReminders
from pilotage.app.plan import PlanRequest, plan_for
from pilotage.app.project import Project, Unclear
from pilotage.app.readiness.assessment import assess_readiness
from pilotage.engine.records import outbox
from pilotage.engine.records.activities import remind
from pilotage.model.activity import FACTS, DecidedByGate, ItemState, MetBy, NoPhases, NotTracked, UnknownPhaseItem
from pilotage.model.errors import Forbidden
from pilotage.model.json import text_at
from pilotage.model.plan import Plan
from pilotage.model.readiness import Gate, GateStatus
from pilotage.plan.activities import every_activity
from pilotage.render.phase_tasks import to_phase_tasks
from tests.clock import FakeClock
from tests.plans import planned
from tests.typed import typed
from tests.unit.report.test_complete_notes import tracker

DAY = 86400
CONFIGURATION: dict[str, Any] = {
    "service": "shop",
    "answers": {
        "release_type": "minor", "deployment_strategy": "canary", "team_size": "medium", "release_frequency": "monthly",
        "risk_tolerance": "medium", "stakeholder_complexity": ["customer-facing"],
    },
    "people": {"rena": {"roles": ["release manager"]}, "eve": {"roles": ["QA lead"]}},
    "notify": [{"kind": "webhook", "name": "ops", "url": "https://example.org/ops", "secret": "secret://env/S"}],
    "environments": {
        "production": {
            "fleet": {"kind": "process", "command": ["shop", "{port}", "{version}"]},
            "router": {"kind": "envoy", "listen": "127.0.0.1:18080"},
        }
    },
}  # fmt: skip
RELEASE = date(2027, 6, 18)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock("2027-03-01T10:00:00+00:00")


def opened(place: Path, clock: FakeClock, **more: Any) -> Project:
    (place / "pilotage.yaml").write_text(json.dumps({**CONFIGURATION, **more}))
    return Project(place / "pilotage.yaml", clock=clock)


@pytest.fixture
def project(tmp_path: Path, clock: FakeClock) -> Iterator[Project]:
    it = opened(tmp_path, clock)
    yield it
    it.store.close()


def plan_of(project: Project, day: date | None = RELEASE) -> Plan:
    return plan_for(project.loaded, "production", PlanRequest("2.0.0", day, date(2027, 3, 1)))


def work(*names: str, **more: Any) -> WorkRequest:
    return WorkRequest(version="2.0.0", names=names, **{"note": "seen", **more})


# ── the plan ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["major", "minor", "patch", "hotfix", "feature-flag"])
@pytest.mark.parametrize("who", ["internal-only", "customer-facing", "enterprise", "multi-tenant"])
def test_r9_every_activity_and_milestone_has_an_id_an_owner_and_gates_that_its_plan_has(kind: str, who: str) -> None:
    made = planned(release_type=kind, stakeholder_complexity=who, release_date=RELEASE)
    items = activities.schedule_of(made).items
    assert len({item.id for item in items}) == len(items)
    assert {item.id for item in items} <= every_activity()
    required = {item.id for item in made.readiness}
    assert all(item.owner and gate in required | FACTS for item in items for gate in item.gates)


def test_c6_a_continuous_release_has_no_phases_and_one_without_a_date_no_days() -> None:
    with pytest.raises(NoPhases, match="continuous releases have no phases"):
        activities.schedule_of(planned(release_frequency="continuous", release_date=RELEASE))
    with pytest.raises(NoPhases, match="--date"):
        activities.schedule_of(planned())


# ── people ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_a_gate_decides_no_person_does_and_the_rest_needs_a_name_and_a_note(project: Project) -> None:
    activities.track(project, "eve", plan_of(project))
    with pytest.raises(DecidedByGate, match="unit_test_coverage is ready"):
        activities.finish(project, "eve", work("unit_testing"))
    with pytest.raises(DecidedByGate, match=r"rollout of 2\.0\.0"):
        activities.finish(project, "eve", work("production_deployment_complete"))
    with pytest.raises(UnknownPhaseItem, match=r"pilotage phase list 2\.0\.0"):
        activities.finish(project, "eve", work("party"))
    activities.finish(project, "eve", work("technical_design", note="ADR 7 accepted"))
    found = activities.tracked_here(project, None, "2.0.0").item("technical_design")
    assert found
    assert (found.state, found.met_by, found.actor, found.note) == ("done", "person", "eve", "ADR 7 accepted")


def test_a_whole_phase_is_done_at_once_but_for_what_gates_and_decisions_decide(project: Project) -> None:
    activities.track(project, "eve", plan_of(project))
    done = {item.id for item in activities.finish(project, "eve", work("planning_phase"))}
    assert {"feature_scoping", "technical_design", "requirements_finalized"} <= done
    assert "go_no_go_decision" not in done
    assert "go_no_go_decision" in {one.id for one in activities.tracked_here(project, None, "2.0.0").items}


def test_go_no_go_is_a_decision_of_the_release_manager_and_no_go_keeps_the_release_back(project: Project) -> None:
    activities.track(project, "eve", plan_of(project))
    with pytest.raises(Unclear, match="--decision go or --decision no-go"):
        activities.finish(project, "rena", work("go_no_go_decision"))
    with pytest.raises(Forbidden, match="rena may"):
        activities.finish(project, "eve", work("go_no_go_decision", go=True))
    assert gates(project)["phase_go_no_go_decision"].standing is GateStatus.NOT_READY
    activities.finish(project, "rena", work("go_no_go_decision", go=False, note="the vendor is late"))
    refused = gates(project)["phase_go_no_go_decision"]
    assert refused.standing is GateStatus.NOT_READY
    assert "no-go, decided by rena: the vendor is late" in refused.reason
    activities.finish(project, "rena", work("go_no_go_decision", go=True, note="the vendor delivered"))
    assert gates(project)["phase_go_no_go_decision"].standing is GateStatus.READY


def gates(project: Project) -> dict[str, Gate]:
    return {gate.item: gate for gate in assess_readiness(project, "eve", plan_of(project)).gates}


def test_an_item_is_assigned_to_somebody_who_is_known(project: Project) -> None:
    activities.track(project, "eve", plan_of(project))
    with pytest.raises(Unclear, match="'zoe' is not one of the people"):
        activities.assign(project, "eve", work("technical_design"), "zoe")
    activities.assign(project, "eve", work("technical_design"), "rena")
    found = activities.tracked_here(project, None, "2.0.0").item("technical_design")
    assert found
    assert found.assignee == "rena"


def test_r2_what_people_do_leaves_the_plan_as_it_was(project: Project) -> None:
    before = plan_of(project).hash
    activities.track(project, "eve", plan_of(project))
    activities.finish(project, "eve", work("planning_phase"))
    assert plan_of(project).hash == before


# ── what shows by itself ───────────────────────────────────────────────────────────────────────────────────


def test_a_readiness_item_that_is_ready_meets_its_activity_and_one_that_is_not_opens_it_again(project: Project) -> None:
    release = activities.track(project, "eve", plan_of(project))
    coverage = next(item for item in plan_of(project).readiness if item.id == "unit_test_coverage")

    def seen(standing: GateStatus) -> Seen:
        gate = Gate(coverage.id, coverage.title, coverage.owner, "", standing, (), "71 % of lines", "")
        return Seen(gates={coverage.id: gate})

    ready = refreshed(project.loaded, project.store, release, seen(GateStatus.READY))
    for one in ("unit_testing", "unit_tests_passing"):
        item = ready.item(one)
        assert item
        assert (item.state, item.met_by) == (ItemState.DONE, MetBy.GATE)
    again = refreshed(project.loaded, project.store, ready, seen(GateStatus.NOT_READY)).item("unit_testing")
    assert again
    assert (again.state, again.note) == (ItemState.OPEN, "unit_test_coverage is not ready: 71 % of lines")


def test_a_file_and_a_closed_milestone_meet_what_phases_met_by_names(tmp_path: Path, clock: FakeClock) -> None:
    answer = [{"title": "2.0 code", "state": "closed"}, {"title": "2.0 scope", "state": "open"}]
    with tracker(answer) as (url, _):
        project = opened(
            tmp_path, clock,
            phases={
                "tracker": {"code_host": "github", "repository": "acme/shop", "url": url},
                "met_by": {
                    "architecture_approved": {"file": "adr/7.md"}, "code_complete": {"milestone": "2.0 code"},
                    "requirements_finalized": {"milestone": "2.0 scope"},
                },
            },
        )  # fmt: skip
        (tmp_path / "adr").mkdir()
        (tmp_path / "adr" / "7.md").write_text("accepted")
        release = activities.track(project, "eve", plan_of(project))
        found = refreshed(project.loaded, project.store, release)
        project.store.close()
    states = {item.id: (item.state, item.met_by, item.note) for item in found.items}
    assert states["architecture_approved"] == ("done", "file", "adr/7.md is there")
    assert states["code_complete"] == ("done", "milestone", "milestone 2.0 code is closed")
    assert states["requirements_finalized"] == ("open", "", "milestone 2.0 scope is open")


def test_phases_names_only_what_exists(tmp_path: Path, clock: FakeClock) -> None:
    project = opened(tmp_path, clock, phases={"gates": ["tea"]})
    with pytest.raises(UnknownPhaseItem, match=r"pilotage\.yaml.*'tea'"):
        activities.track(project, "eve", plan_of(project))
    project.store.close()


# ── late ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_milestone_past_its_day_nags_its_owner_daily_and_is_in_ready(project: Project, clock: FakeClock) -> None:
    release = activities.track(project, "eve", plan_of(project))
    planning = [item for item in release.items if item.phase == "planning_phase"]
    engine = project.store.engine
    assert remind(engine, clock.now()) == 0
    assert not [item for item in gates(project) if item == "phase_architecture_approved"]

    clock.pass_((date.fromisoformat(planning[-1].due) - date(2027, 3, 1)).days * DAY + DAY)
    owners = {item.owner for item in planning}
    assert remind(engine, clock.now()) == len(owners)
    assert remind(engine, clock.now() + 3600) == 0
    nags = [letter for letter in outbox.letters(engine) if letter.key.startswith("phases/")]
    (mine,) = [nag for nag in nags if "release manager" in nag.key]
    assert "Go/No-go decision made (due " in text_at(mine.message, "text")
    shown = gates(project)
    assert shown["phase_architecture_approved"].standing is GateStatus.NOT_REQUIRED, "shown, and blocks nothing"
    assert shown["phase_go_no_go_decision"].standing is GateStatus.NOT_READY

    activities.finish(project, "eve", work("planning_phase"))
    activities.finish(project, "rena", work("go_no_go_decision", go=True))
    clock.pass_(DAY)
    assert remind(engine, clock.now()) == 0
    clock.pass_(60 * DAY)
    assert remind(engine, clock.now()) > 0
    activities.drop(project, "eve", work())
    clock.pass_(DAY)
    assert remind(engine, clock.now()) == 0, "a release that nobody works on nags nobody"


def test_the_forecast_moves_with_what_is_done_and_the_plan_stays(project: Project, clock: FakeClock) -> None:
    release = activities.track(project, "eve", plan_of(project))
    on_time = activities.forecast_of(project, release)
    assert (on_time.planned, on_time.safe, on_time.late) == (RELEASE, RELEASE, 0)

    clock.pass_((release.phases[1].start - date(2027, 3, 1)).days * DAY + 20 * DAY)
    late = activities.forecast_of(project, release)
    assert late.planned == RELEASE
    assert late.safe > RELEASE
    assert late.late > 0
    assert f"{late.late} open days after the planned 2027-06-18" in late.sentence
    assert "2.0.0: forecast" in activities.standing_of(project, "production")[0]

    activities.finish(project, "eve", work("planning_phase"))
    better = activities.forecast_of(project, activities.tracked_here(project, None, "2.0.0"))
    assert better.earliest < late.earliest
    assert plan_of(project).release_date == RELEASE


def test_c13_a_late_train_says_which_one_it_holds_up(project: Project, clock: FakeClock) -> None:
    activities.track(project, "eve", plan_of(project))
    wish = PlanRequest("2.1.0", date(2027, 7, 16), date(2027, 3, 1))
    activities.track(project, "eve", plan_for(project.loaded, "production", wish))
    assert activities.overtaken(project, activities.all_tracked(project)) == ()
    clock.pass_(100 * DAY)
    (said,) = activities.overtaken(project, activities.all_tracked(project))
    assert said.startswith("2.0.0 would be out on 2027-08-")
    assert said.endswith("and 2.1.0 is planned for 2027-07-16")


def test_what_is_open_is_a_task_of_a_calendar_and_late_ones_say_so(project: Project) -> None:
    release = activities.track(project, "eve", plan_of(project))
    activities.finish(project, "eve", work("technical_design"))
    release = activities.tracked_here(project, None, "2.0.0")
    text = to_phase_tasks(release, "2027-04-20", "forecast x", project.moment)
    tasks = {str(task["uid"]).partition(".")[0]: task for task in Calendar.from_ical(text).walk("VTODO")}
    assert len(tasks) == len(release.items)
    assert tasks["phase-technical_design"]["status"] == "COMPLETED"
    late = tasks["phase-architecture_approved"]
    assert (late["status"], late["priority"]) == ("NEEDS-ACTION", 1)
    assert late["summary"] == "shop 2.0.0: Architecture approved (overdue)"


def test_what_was_seen_never_replaces_what_a_person_said_meanwhile(project: Project) -> None:
    release = activities.track(project, "eve", plan_of(project))
    activities.finish(project, "eve", work("stakeholders_notified", note="by phone"))
    refreshed(project.loaded, project.store, release)  # looks at the release as it was before
    item = activities.tracked_here(project, None, "2.0.0").item("stakeholders_notified")
    assert item
    assert (item.state, item.note) == ("done", "by phone")


def test_moved_dates_move_what_is_due_and_keep_what_is_done(project: Project) -> None:
    before = activities.track(project, "eve", plan_of(project))
    activities.finish(project, "eve", work("technical_design"))
    after = activities.track(project, "eve", plan_of(project, date(2027, 7, 16)))
    item, was = after.item("technical_design"), before.item("technical_design")
    assert item
    assert was
    assert item.done
    assert item.due > was.due


def test_what_nobody_tracks_says_how_to_track_it(project: Project) -> None:
    with pytest.raises(NotTracked, match=r"pilotage phase track 2\.0\.0 -e production --date"):
        activities.finish(project, "eve", work("technical_design"))
    assert not [item for item in gates(project) if item.startswith("phase_")]


def test_the_worker_looks_before_it_nags(tmp_path: Path, clock: FakeClock) -> None:
    project = opened(tmp_path, clock, phases={"met_by": {"architecture_approved": {"file": "adr.md"}}})
    release = activities.track(project, "eve", plan_of(project))
    project.publish_settings()
    (tmp_path / "adr.md").write_text("accepted")
    clock.pass_((release.phases[1].start - date(2027, 3, 1)).days * DAY)
    PhaseReminders(project.directory).work(project.store)
    text = " ".join(text_at(letter.message, "text") for letter in outbox.letters(project.store.engine))
    project.store.close()
    assert "Go/No-go decision made" in text
    assert "Architecture approved" not in text
    assert "Feature freeze" not in text, "it is in force by itself"


# ── the commands ───────────────────────────────────────────────────────────────────────────────────────────


def test_phase_list_fits_80_columns_and_says_the_same_as_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: FakeClock
) -> None:
    monkeypatch.setattr("pilotage.engine.execution.supervisor.ensure_worker", lambda *_: None)
    monkeypatch.setenv("COLUMNS", "80")
    opened(tmp_path, clock)
    day = (date.today() + timedelta(days=200)).isoformat()
    assert typed("phase", "list", cwd=tmp_path).stdout.startswith("no release is tracked; run `pilotage phase track")
    assert typed("phase", "track", "2.0.0", "--date", day, cwd=tmp_path).returncode == 0
    assert typed("phase", "done", "technical_design", "2.0.0", "-m", "ADR 7", cwd=tmp_path, actor="eve").returncode == 0
    shown = typed("phase", "list", "2.0.0", cwd=tmp_path).stdout.splitlines()
    assert max(map(len, shown)) <= 80
    assert f"planned {day}" in " ".join(shown)
    assert not any(line.startswith("technical_design") for line in shown)
    assert any(
        "eve: ADR 7" in line for line in typed("phase", "list", "2.0.0", "--all", cwd=tmp_path).stdout.split("\n")
    )
    (release,) = json.loads(typed("phase", "list", "--json", cwd=tmp_path).stdout)["releases"]
    assert release["planned"] == day
    items = {item["item"]: item for item in release["items"]}
    assert (items["technical_design"]["state"], items["technical_design"]["actor"]) == ("done", "eve")
    assert items["unit_testing"]["gates"] == ["unit_test_coverage"]
    assert "2.0.0: forecast" in typed("status", cwd=tmp_path).stdout


def test_c6_phase_says_that_continuous_releases_have_none(tmp_path: Path, clock: FakeClock) -> None:
    opened(tmp_path, clock, answers={**CONFIGURATION["answers"], "release_frequency": "continuous"})
    assert "continuous releases have no phases" in typed("phase", "list", cwd=tmp_path).stdout
    assert "continuous releases have no phases" in typed("phase", "track", "2.0.0", cwd=tmp_path).stderr
    checked = typed("phase", "check", "a..b", cwd=tmp_path)
    assert (checked.returncode, checked.stdout.startswith("no feature freeze: continuous")) == (0, True)
