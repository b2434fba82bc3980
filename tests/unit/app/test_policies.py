"""What people and calendars may do to a rollout: approve, freeze, break glass, queue, release without a way back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from pilotage import Plan
from pilotage.app.deploy import WouldUndo, deploy
from pilotage.app.first_deployment import is_first
from pilotage.app.plan import PlanRequest, plan_for
from pilotage.app.project import Project
from pilotage.app.requests import DeployRequest, RollbackRequest
from pilotage.app.rollback import go_back
from pilotage.config.loading import Loaded, load
from pilotage.engine.records.queue import begin_what_waits
from pilotage.engine.records.store import Store, StoreConflict
from pilotage.engine.rescue.returning import DeployResult
from pilotage.model.calendar import Freeze
from pilotage.model.live import NOTHING_SEEN
from pilotage.model.observation import CheckResult, CheckStatus, Health, Instance, Verdict, VerdictKind
from pilotage.model.plan import StepKind
from pilotage.model.record import Rollout
from pilotage.model.rollout import Command, CommandKind, Decision, HoldCause, Mode, Observed, RolloutState, Status
from pilotage.model.snapshot import KnownCalendar, KnownWindow, Snapshot
from pilotage.model.traffic import split_between
from pilotage.rollout.machine import begin, decide
from pilotage.rollout.windows import freeze_now, outside_windows
from tests import plans
from tests.clock import FakeClock
from tests.unit.config.test_config import GOOD

WELL = (Verdict("error rate", VerdictKind.PASS, "fine"),)
WORSE = (Verdict("error rate", VerdictKind.FAIL, "worse", critical=True),)


a_plan = partial(plans.a_plan, instances=2)


def seen(weight: int, verdicts: tuple[Verdict, ...] = WELL, freeze: str = "") -> Observed:
    instances = tuple(Instance(f"{v}-{n}", v, "h", n, Health.HEALTHY) for v in ("new", "old") for n in range(2))
    return Observed(split_between("new", weight, "old"), instances, verdicts, freeze=freeze)


def at(plan: Plan, kind: StepKind, mode: Mode = Mode.FULL) -> RolloutState:
    step = next(index for index, step in enumerate(plan.steps) if step.kind is kind)
    return replace(begin(plan, "old", mode, "ada"), step=step)


def say(plan: Plan, state: RolloutState, kind: CommandKind, actor: str, *roles: str) -> Decision:
    return decide(plan, state, seen(0), (Command(1, kind, actor, roles=roles),), 1.0)


# ── approvals ──────────────────────────────────────────────────────────────────────────────────────────────


def test_case_24_the_author_may_not_approve_unless_the_plan_says_so() -> None:
    plan = a_plan({"canary.require_approval": True})
    refused = say(plan, at(plan, StepKind.GATE), CommandKind.APPROVE, "ada")
    assert refused.answered[0][1] == "refused: ada started this rollout, so another person must approve it"
    assert refused.state.approvals == ()
    alone = a_plan({"canary.require_approval": True, "approval.allow_author": True})
    assert say(alone, at(alone, StepKind.GATE), CommandKind.APPROVE, "ada").answered[0][1] == "done"


def test_n_of_m_persons_each_once() -> None:
    plan = a_plan({"canary.require_approval": True, "approval.count": 2})
    first = say(plan, at(plan, StepKind.GATE), CommandKind.APPROVE, "grace")
    assert first.answered[0][1] == "approved; 1 more needed"
    again = say(plan, first.state, CommandKind.APPROVE, "grace")
    assert again.answered[0][1] == "approved; 1 more needed"
    assert again.state.step == first.state.step
    second = say(plan, again.state, CommandKind.APPROVE, "linus")
    assert second.answered[0][1] == "done"
    assert second.state.step == first.state.step + 1
    assert second.events[0].data.items() >= {"plan_hash": plan.hash, "actor": "linus"}.items()


def test_a_role_is_asked_for_where_the_plan_names_one() -> None:
    plan = a_plan({"canary.require_approval": True, "approval.role": "release-manager"})
    gate = at(plan, StepKind.GATE)
    assert (
        say(plan, gate, CommandKind.APPROVE, "grace", "developer").answered[0][1]
        == "refused: grace does not have the role release-manager"
    )
    for written in ("release-manager", "release manager", "Release Manager"):  # as `people` may have it
        assert say(plan, gate, CommandKind.APPROVE, "grace", written).answered[0][1] == "done"


def test_approvals_are_of_one_step_and_a_promote_is_none() -> None:
    plan = a_plan({"canary.require_approval": True})
    passed = say(plan, at(plan, StepKind.GATE), CommandKind.APPROVE, "grace").state
    assert passed.approvals == ()
    assert say(plan, at(plan, StepKind.GATE), CommandKind.PROMOTE, "grace").answered[0][1].startswith("refused")


def test_case_22_promote_and_abort_at_once_is_an_abort() -> None:
    plan = a_plan()
    both = (Command(1, CommandKind.PROMOTE, "ada"), Command(2, CommandKind.ABORT, "grace"))
    decision = decide(plan, at(plan, StepKind.ANALYSE), seen(50), both, 1.0)
    assert decision.state.status is Status.ROLLING_BACK
    assert dict(decision.answered)[1].startswith("refused")


# ── freezes ────────────────────────────────────────────────────────────────────────────────────────────────


def test_case_40_a_freeze_that_opens_under_way_holds_before_the_next_exposure_and_lets_go() -> None:
    plan = a_plan()
    watched = replace(at(plan, StepKind.ANALYSE), watched=10.0**6, at=1.0)
    scaled = decide(plan, watched, seen(50, freeze="the year ends"), (), 2.0).state
    assert plan.steps[scaled.step].kind is StepKind.SCALE, "more instances expose nobody"
    held = decide(plan, scaled, seen(50, freeze="the year ends"), (), 3.0).state
    assert held.status is Status.HOLDING
    assert held.hold is not None
    assert held.hold.cause is HoldCause.FREEZE
    for day in range(30):
        held = decide(plan, held, seen(50, freeze="the year ends"), (), 4.0 + 86400 * day).state
    assert held.status is Status.HOLDING, "a freeze ends by itself, the hold has no deadline"
    free = decide(plan, held, seen(50), (), 10.0**7).state
    assert (free.status, plan.steps[free.step].kind) == (Status.PROGRESSING, StepKind.SET_WEIGHT)


def test_case_40_rolling_back_is_allowed_in_a_freeze() -> None:
    plan = a_plan()
    decision = decide(plan, at(plan, StepKind.ANALYSE), seen(50, WORSE, "the year ends"), (), 1.0)
    assert decision.state.status is Status.ROLLING_BACK


def test_limits_stay_live_while_a_freeze_holds() -> None:
    plan = a_plan()
    scaled = at(plan, StepKind.SCALE)
    held = decide(plan, scaled, seen(0, freeze="x"), (), 1.0).state
    assert held.status is Status.HOLDING
    assert decide(plan, held, seen(0, WORSE, "x"), (), 2.0).state.status is Status.ROLLING_BACK


# ── broken glass, no way back, retries, checks ─────────────────────────────────────────────────────────────


def test_broken_glass_passes_gates_and_freezes_and_watches_only_the_first_weight() -> None:
    plan = a_plan({"canary.require_approval": True, "emergency.phase_duration": "10s"})
    state, now, waves, weight = begin(plan, "old", Mode.EMERGENCY, "ada"), 0.0, [], 0
    while not state.status.final:
        now += 1.0
        split = seen(weight, freeze="the year ends")
        if plan.steps[state.step].kind is StepKind.RETIRE:
            split = replace(split, instances=tuple(i for i in split.instances or () if i.version == "new"))
        state = decide(plan, state, split, (), now).state
        step = plan.steps[state.step]
        if step.kind is StepKind.SET_WEIGHT and step.weight != weight:
            weight = step.weight
            waves.append((weight, now))
        assert now < 200
    assert state.status is Status.COMPLETED
    assert [weight for weight, _ in waves] == [50, 250, 500, 1000]
    assert waves[1][1] - waves[0][1] >= 10
    assert waves[3][1] - waves[1][1] < 10


def test_case_20_of_the_peers_a_release_without_a_way_back_stops_and_calls_a_person() -> None:
    plan = a_plan({"rollback.enabled": False})
    state = replace(at(plan, StepKind.ANALYSE), reached=50)
    stopped = decide(plan, state, seen(50, WORSE), (), 1.0)
    assert stopped.state.status is Status.PAUSED
    assert "intervention-required" in [event.type for event in stopped.events]
    again = decide(plan, stopped.state, seen(50, WORSE), (), 2.0)
    assert "intervention-required" not in [event.type for event in again.events], "told once"
    aborted = decide(plan, again.state, seen(50, WORSE), (Command(1, CommandKind.ABORT, "ada"),), 3.0)
    assert aborted.state.status is Status.ROLLING_BACK, "a person is obeyed"


def test_before_any_user_has_it_even_such_a_release_is_taken_back() -> None:
    plan = a_plan({"rollback.enabled": False})
    decision = decide(plan, at(plan, StepKind.SCALE), seen(0, WORSE), (), 1.0)
    assert decision.state.status is Status.ROLLING_BACK


def test_case_5_of_the_peers_a_retry_runs_watch_and_checks_again() -> None:
    plan = a_plan(strategy="blue-green")
    step = next(index for index, step in enumerate(plan.steps) if step.id == "check-smoke")
    state = replace(begin(plan, "old", Mode.FULL), step=step, waited=50.0, watched=50.0)
    running = replace(seen(0), hooks=frozenset({"check-smoke"}))
    decision = decide(plan, state, running, (Command(1, CommandKind.RETRY, "ada"),), 1.0)
    assert (decision.state.attempt, decision.state.waited, decision.state.watched) == (2, 0.0, 0.0)


@pytest.mark.parametrize(
    ("status", "then"), [(CheckStatus.FAILED, Status.ROLLED_BACK), (CheckStatus.RUNNING, Status.PROGRESSING)]
)
def test_a_check_that_failed_is_an_answer_one_that_runs_is_waited_for(status: CheckStatus, then: Status) -> None:
    plan = a_plan(strategy="blue-green")
    step = next(index for index, step in enumerate(plan.steps) if step.id == "check-smoke")
    state = replace(begin(plan, "old", Mode.FULL), step=step)
    checks = (CheckResult("check-smoke", 1, status, "no basket"),)
    decision = decide(plan, state, replace(seen(0), hooks=frozenset({"check-smoke"}), checks=checks), (), 1.0)
    assert decision.state.status is then
    assert ("no basket" in decision.state.reason) is (status is CheckStatus.FAILED)
    assert decision.state.step == step


# ── one after the other ────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    (tmp_path / "pilotage.yaml").write_text(GOOD)
    return load(tmp_path / "pilotage.yaml")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(tmp_path: Path, clock: FakeClock) -> Store:
    return Store(tmp_path / "state", clock=clock)


def asked(
    store: Store, loaded: Loaded, version: str, busy: str = "refuse", glass: str = "", yes: bool = False
) -> DeployResult:
    project = Project.of(loaded, store)
    return deploy(
        project,
        "ada",
        DeployRequest(
            plan=plan_for(loaded, "production", PlanRequest(version, first=is_first(project, "production", version))),
            on_conflict=busy,
            emergency_reason=glass,
            may_undo=yes,
        ),
    )


def end(store: Store, rollout: Rollout, status: Status) -> None:
    state = replace(rollout.state, status=status, at=store.clock.now())
    store.record(store.get(rollout.id), Decision(state, (), ()), None, NOTHING_SEEN)


def running(store: Store, loaded: Loaded) -> Rollout:
    """v0 serves, v1 rolls out."""
    first = asked(store, loaded, "v0").rollout
    assert first is not None
    end(store, first, Status.COMPLETED)
    second = asked(store, loaded, "v1").rollout
    assert second is not None
    return second


def test_case_3_of_the_peers_another_version_is_refused_waits_or_replaces(store: Store, loaded: Loaded) -> None:
    current = running(store, loaded)
    with pytest.raises(StoreConflict, match="--on-conflict"):
        asked(store, loaded, "v2")
    waiting = asked(store, loaded, "v2", "queue").rollout
    assert waiting is not None
    assert waiting.state.status is Status.QUEUED
    assert asked(store, loaded, "v2", "queue").rollout == waiting, "the same wish twice is one"
    assert begin_what_waits(store, store.clock.now()) == (), "not while another runs"
    assert store.latest("shop", "production") == current
    replacing = asked(store, loaded, "v3", "replace").rollout
    assert replacing is not None
    assert [c.kind for c in store.pending(current.id)] == [CommandKind.ABORT]
    assert store.get(waiting.id).state.reason == "cancelled by ada, with v3"
    end(store, current, Status.ROLLED_BACK)
    (begun,) = begin_what_waits(store, store.clock.now())
    assert (begun.version, begun.old, begun.state.status) == ("v3", "v0", Status.PROGRESSING)
    told = [e.type for e in store.events(begun.id)]
    assert told == ["rollout-queued", "readiness-not-enforced", "rollout-started"]
    assert store.broken_link(begun.id) is None
    assert store.broken_link(waiting.id) is None


def test_what_waited_and_serves_meanwhile_is_withdrawn(store: Store, loaded: Loaded) -> None:
    current = running(store, loaded)
    waiting = asked(store, loaded, "v2", "queue").rollout
    assert waiting is not None
    end(store, current, Status.COMPLETED)
    second = store.create(waiting.plan, begin(waiting.plan, "v1", Mode.FULL), Snapshot(), "ada", store.clock.now())
    end(store, second, Status.COMPLETED)
    assert begin_what_waits(store, store.clock.now()) == ()
    assert store.get(waiting.id).state.status is Status.CANCELLED


def test_what_waited_goes_back_to_what_serves_when_it_starts(store: Store, loaded: Loaded) -> None:
    current = running(store, loaded)
    waiting = asked(store, loaded, "v2", "queue").rollout
    assert waiting is not None
    before = begin(waiting.plan, "v0", Mode.FULL)
    end(store, current, Status.COMPLETED)
    assert store.start_queued(waiting.id, before, store.clock.now()) is None, "v1 serves meanwhile"
    (begun,) = begin_what_waits(store, store.clock.now())
    assert begun.old == "v1"


def test_case_4_of_the_peers_the_old_version_again_is_a_return_and_the_same_a_no_op(
    store: Store, loaded: Loaded
) -> None:
    current = running(store, loaded)
    assert asked(store, loaded, "v1").sentence == "v1 is already rolling out"
    assert asked(store, loaded, "v0", yes=True).sentence.startswith("rolling back v1")
    assert [c.kind for c in store.pending(current.id)] == [CommandKind.ROLLBACK]


def test_case_21_of_the_peers_within_the_window_a_return_is_fast_and_later_it_is_watched(
    store: Store, loaded: Loaded, clock: FakeClock
) -> None:
    current = running(store, loaded)
    end(store, current, Status.COMPLETED)
    fast = go_back(Project.of(loaded, store), "ada", RollbackRequest()).rollout
    assert fast is not None
    assert (fast.version, fast.state.mode) == ("v0", Mode.FAST_RETURN)
    assert store.events(fast.id)[0].sentence.startswith("production returns to v0, started by ada; v1")
    end(store, fast, Status.COMPLETED)
    again = (
        go_back(Project.of(loaded, store), "ada", RollbackRequest())
        if len(store.serving("shop", "production")) > 1
        else None
    )
    assert again is None, "a return forgets what it came from"
    third = asked(store, loaded, "v2").rollout
    assert third is not None
    end(store, third, Status.COMPLETED)
    clock.pass_(2 * 86400)
    slow = go_back(Project.of(loaded, store), "ada", RollbackRequest())
    assert slow.rollout is not None
    assert slow.rollout.state.mode is Mode.FULL
    assert "The rollback window has passed" in slow.sentence


def _freeze_now(store: Store, rollout: Rollout) -> str:
    now = store.clock.now()
    return freeze_now(rollout.snapshot.calendar, store.freezes.of("shop", "production", now), now)


def test_a_declared_freeze_refuses_and_broken_glass_is_told_with_its_reason(store: Store, loaded: Loaded) -> None:
    now = datetime.fromtimestamp(store.clock.now(), UTC)
    store.freezes.declare(
        "shop", "production", Freeze("audit", now, now + timedelta(hours=1)), "grace", "auditors are here"
    )
    with pytest.raises(StoreConflict, match=r"the freeze 'audit' is active until .* \(grace: auditors are here\)"):
        asked(store, loaded, "v0")
    forced = asked(store, loaded, "v0", glass="the shop is down").rollout
    assert forced is not None
    assert "audit" in _freeze_now(store, forced)
    assert store.freezes.lift("shop", "production", "audit", "grace")
    assert not store.freezes.lift("shop", "production", "audit", "grace")
    assert _freeze_now(store, forced) == ""
    end(store, forced, Status.COMPLETED)
    urgent = asked(store, loaded, "v1", glass="the shop is down").rollout
    assert urgent is not None
    assert urgent.state.mode is Mode.EMERGENCY
    assert "as an emergency: the shop is down" in store.events(urgent.id)[0].sentence


def test_windows_are_of_the_calendars_zone() -> None:
    calendar = KnownCalendar(zone="Europe/Berlin", windows=(KnownWindow(days=(0,), opens="02:00", closes="04:00"),))
    inside = datetime(2026, 11, 23, 2, 30, tzinfo=UTC).timestamp()  # 03:30 in Berlin, a Monday
    assert outside_windows(calendar, inside) == ""
    assert outside_windows(calendar, inside + 3600).startswith(
        "it is Mon 04:30 in Europe/Berlin, outside the release windows"
    )
    assert outside_windows(KnownCalendar(), inside) == ""


def test_the_stable_version_undoes_a_rollout_only_with_consent(store: Store, loaded: Loaded) -> None:
    """As in Argo Rollouts it is a rollback; a pipeline that starts again with an old version gives no consent."""
    current = running(store, loaded)
    with pytest.raises(WouldUndo, match=r"rolls back v1, which is progressing in production\. Confirm with --yes"):
        asked(store, loaded, "v0")
    assert store.pending(current.id) == ()
    assert asked(store, loaded, "v0", yes=True).rollout == current
    assert [command.kind for command in store.pending(current.id)] == [CommandKind.ROLLBACK]
    end(store, current, Status.ROLLING_BACK)
    assert "is already rolling back to v0" in asked(store, loaded, "v0").sentence
