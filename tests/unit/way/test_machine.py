"""What follows for a way, by example (R10, R33, C17)."""

from __future__ import annotations

from dataclasses import replace

from pilotage.model.actor import Actor, ActorKind
from pilotage.model.way import AwaitStage, Begins, Entry, EnvironmentStage, RunStage, StageStatus, WayStatus
from pilotage.model.way_command import WayCommandKind
from pilotage.way.machine import decide
from pilotage.way.seen import (
    Carried,
    EnsureRun,
    PlaceStatus,
    Refused,
    RunSeen,
    RunStatus,
    StartRollout,
    StopRun,
    Undo,
    WordStatus,
)

from .ways import ADA, BOB, BUILT, Travel, a_way, command, whole_way

BUILD = RunStage(name="build", commands=(("make",),), artifacts=("dist/*",))
UNIT = RunStage(name="unit", commands=(("make", "test"),))
STAGING = EnvironmentStage(name="staging", environments=("staging",))
E2E = RunStage(name="e2e", commands=(("make", "e2e"),), tests="staging")
PRODUCTION = EnvironmentStage(name="production", environments=("production",))


def regions(
    *, at_most: int = 1, apart: tuple[tuple[str, ...], ...] = (), bake: float = 0.0, undo_all: bool = False
) -> EnvironmentStage:
    return EnvironmentStage(
        name="regions", environments=("eu", "us", "ap"), at_most=at_most, apart=apart, bake=bake, undo_all=undo_all
    )


def test_a_version_travels_its_stages_in_order() -> None:
    it = Travel(a_way(BUILD, STAGING, E2E, PRODUCTION))
    assert it.look() == ()  # began: the next look sees that nothing of the attempt is there
    assert it.look() == (EnsureRun(stage="build", attempt=1),)
    assert it.look() == ()
    it.ends("build")
    assert it.look() == (StartRollout(stage="staging", environment="staging"),)
    assert it.state.artifacts == BUILT
    it.look()
    it.arrives("staging")
    it.look()
    it.look()
    it.ends("e2e")
    assert it.look() == (StartRollout(stage="production", environment="production"),)
    it.look()
    it.arrives("production")
    it.look()
    assert it.status() is WayStatus.COMPLETED
    assert it.types()[-1] == "way-completed"
    assert it.world.rollouts == ["staging", "production"]


def test_a_failed_test_takes_back_the_environment_that_it_tested() -> None:
    it = Travel(a_way(STAGING, E2E, PRODUCTION))
    it.look()
    it.arrives("staging")
    it.look()
    it.look()
    it.ends("e2e", RunStatus.FAILED)
    assert it.look() == (Undo(environment="staging", rollout="staging-1"),)
    assert it.status() is WayStatus.FAILING
    it.look()
    it.arrives("staging", PlaceStatus.RETURNED)
    it.look()
    assert it.status() is WayStatus.FAILED
    assert it.types()[-2:] == ["stage-failed", "way-failed"]
    assert "production" not in it.world.rollouts


def test_what_cannot_be_undone_is_said_and_calls_a_person() -> None:
    it = Travel(a_way(STAGING, E2E))
    it.look()
    it.arrives("staging")
    it.look()
    it.look()
    it.world.refused["staging"] = Refused(sentence="nothing served before, so it stays", for_good=True)
    it.ends("e2e", RunStatus.FAILED)
    it.look()
    assert it.status() is WayStatus.FAILED
    assert it.state.left == ("staging: nothing served before, so it stays",)
    assert it.events[-1].data["left"]


def test_a_failed_attempt_is_repeated_as_often_as_the_stage_says() -> None:
    it = Travel(a_way(replace(BUILD, retries=1)))
    it.look()
    it.look()
    it.ends("build", RunStatus.FAILED)
    assert it.look() == (EnsureRun(stage="build", attempt=2),)
    it.ends("build", RunStatus.FAILED, attempt=2)
    it.look()
    assert it.status() is WayStatus.FAILED
    assert it.world.started == [("build", 1), ("build", 2)]


def test_what_was_cut_off_runs_again_only_if_it_may_or_a_person_says_so() -> None:
    it = Travel(a_way(BUILD))
    it.look()
    it.look()
    it.ends("build", RunStatus.CUT_OFF)
    assert it.look() == ()
    assert it.at(0) is StageStatus.CUT_OFF
    it.look()
    assert it.types().count("stage-cut-off") == 1
    it.look(command(WayCommandKind.RETRY))
    assert it.look() == (EnsureRun(stage="build", attempt=2),)

    again = Travel(a_way(replace(BUILD, repeatable=True)))
    again.look()
    again.look()
    again.ends("build", RunStatus.CUT_OFF)
    assert again.look() == (EnsureRun(stage="build", attempt=2),)


def test_what_a_killed_runner_left_running_is_ended_also_where_the_way_is_aborted_at_once() -> None:
    """R33: no timeout ends it any more; a way is over only when nothing of it runs."""
    it = Travel(a_way(BUILD))
    it.look()
    it.look()
    left = RunSeen(status=RunStatus.CUT_OFF, left=True)
    it.world.runs["build", 1] = left
    assert it.look() == (StopRun(stage="build", attempt=1),)
    it.world.runs["build", 1] = left
    assert it.look(command(WayCommandKind.ABORT)) == (StopRun(stage="build", attempt=1),)
    assert it.status() is WayStatus.FAILING
    it.world.runs["build", 1] = replace(left, left=False)
    it.look()
    assert it.status() is WayStatus.ABORTED


def test_a_repeatable_stage_that_is_cut_off_again_and_again_asks_a_person() -> None:
    it = Travel(a_way(replace(BUILD, repeatable=True)))
    it.look()
    for attempt in range(1, 5):
        it.look()
        it.ends("build", RunStatus.CUT_OFF, attempt=attempt)
        it.look()
    assert it.at(0) is StageStatus.CUT_OFF
    assert len(it.world.started) == 4


def test_unknown_results_are_neither_passed_nor_started_again() -> None:
    it = Travel(a_way(BUILD, STAGING))
    it.look()
    it.world.blind_runs = True
    assert it.look() == ()
    it.ends("build")
    assert it.look() == ()
    assert it.at(0) is StageStatus.RUNNING
    it.world.blind_runs = False
    it.world.blind_places = True
    it.look()
    assert it.state.stages[1].waiting == "unknown"
    assert it.world.rollouts == []


def test_a_run_without_a_result_is_given_up_after_its_timeout() -> None:
    it = Travel(a_way(replace(BUILD, timeout=60.0)))
    it.look()
    it.look()
    assert it.look(seconds=500.0) == (StopRun(stage="build", attempt=1),)
    it.look()
    assert it.status() is WayStatus.FAILED


def test_another_system_s_word_is_awaited_until_it_comes_or_its_time_is_over() -> None:
    awaits = AwaitStage(name="ci", section={"kind": "github"}, timeout=100.0)
    for word, status in ((WordStatus.PASSED, WayStatus.COMPLETED), (WordStatus.FAILED, WayStatus.FAILED)):
        it = Travel(a_way(awaits))
        it.look()
        it.says("ci", WordStatus.PENDING)
        it.look()
        assert it.status() is WayStatus.UNDER_WAY
        it.says("ci", word)
        it.look()
        assert it.status() is status
    silent = Travel(a_way(awaits))
    silent.look()
    silent.look(seconds=101.0)
    assert silent.status() is WayStatus.FAILED
    assert "no word within" in silent.state.reason


def test_an_approval_counts_of_somebody_else_with_the_role() -> None:
    lead = Actor(name="cleo", roles=("QA lead",))
    it = Travel(a_way(replace(PRODUCTION, entry=Entry(approvals=2, roles=("qa-lead",)))))
    it.look()
    assert it.state.stages[0].waiting == "approval"
    for actor in (ADA, Actor(name="dan", roles=("developer",)), Actor(name="ci", kind=ActorKind.MACHINE)):
        it.look(command(WayCommandKind.APPROVE, actor))
        assert it.answered[0][1].startswith("refused"), actor
    it.look(command(WayCommandKind.APPROVE, lead))
    it.look(command(WayCommandKind.APPROVE, lead))
    assert it.state.stages[0].approved == ("cleo",)
    assert it.look(command(WayCommandKind.APPROVE, BOB)) == (
        StartRollout(stage="production", environment="production", approved=("cleo", "bob")),
    )
    assert it.types().count("stage-waits") == 1


def test_the_author_is_known_by_every_name() -> None:
    it = Travel(a_way(replace(PRODUCTION, entry=Entry(approvals=1))))
    it.look(command(WayCommandKind.APPROVE, Actor(name="ada.l", aliases=("ada",))))
    assert "somebody else" in it.answered[0][1]


def test_entry_conditions_hold_one_after_the_other() -> None:
    entry = Entry(baked=60.0, begins=Begins.BY_A_PERSON, ready=True, window=True)
    it = Travel(a_way(STAGING, replace(PRODUCTION, entry=entry)))
    it.look()
    it.arrives("staging")
    waits = list[str]()
    seen = it.world.seen(it.way, it.state)
    for at, changes, asked in (
        (10.0, {}, ()),
        (100.0, {}, ()),
        (101.0, {}, (command(WayCommandKind.PROMOTE),)),
        (102.0, {"unready": {"production": "tests_passing: none"}}, ()),
        (103.0, {"unready": {"production": ""}, "closed": "it is Sunday"}, ()),
        (104.0, {"unready": {"production": ""}, "closed": "", "frozen": {"production": "a freeze"}}, ()),
    ):
        seen = replace(it.world.seen(it.way, it.state), **changes)
        it.state = decide(it.way, it.state, seen, asked, it.now + at).state
        waits.append(it.state.stages[1].waiting)
    assert waits == ["bake", "promotion", "unknown", "readiness", "window", "freeze"]


def test_an_entry_that_takes_too_long_fails() -> None:
    it = Travel(a_way(replace(PRODUCTION, entry=Entry(begins=Begins.BY_A_PERSON, timeout=3600.0))))
    it.look()
    it.look(seconds=3600.0)
    assert it.status() is WayStatus.FAILED
    assert "could not begin within 1h" in it.state.reason


def test_a_version_that_was_replaced_by_hand_is_not_tested() -> None:
    it = Travel(a_way(STAGING, replace(E2E, entry=Entry(begins=Begins.BY_A_PERSON))))
    it.look()
    it.arrives("staging")
    it.look()
    it.arrives("staging", PlaceStatus.REPLACED)
    it.look(command(WayCommandKind.PROMOTE))
    assert it.status() is WayStatus.FAILED
    assert "does not serve 2.5.0 any more" in it.state.reason


def test_nothing_begins_while_a_person_holds_or_in_a_freeze_and_what_runs_goes_on() -> None:
    it = Travel(a_way(BUILD, UNIT))
    it.look()
    it.look(command(WayCommandKind.HOLD))
    it.ends("build")
    it.look()
    assert it.at(0) is StageStatus.PASSED
    assert it.at(1) is StageStatus.WAITING
    it.world.frozen[""] = "the freeze 'winter' is active"
    it.look(command(WayCommandKind.RESUME))
    assert it.state.stages[1].waiting == "freeze"
    it.world.frozen.clear()
    it.look()
    assert it.at(1) is StageStatus.RUNNING


def test_an_abort_stops_what_runs_and_undoes_what_the_stage_touched() -> None:
    it = Travel(a_way(STAGING, E2E))
    it.look()
    it.arrives("staging")
    it.look()
    it.look()
    assert set(it.look(command(WayCommandKind.ABORT))) == {
        Undo(environment="staging", rollout="staging-1"), StopRun(stage="e2e", attempt=1),
    }  # fmt: skip
    it.arrives("staging", PlaceStatus.RETURNED)
    it.look()
    assert it.status() is WayStatus.ABORTED


def test_an_abort_between_stages_undoes_nothing() -> None:
    it = Travel(a_way(STAGING, replace(PRODUCTION, entry=Entry(approvals=1))))
    it.look()
    it.arrives("staging")
    it.look()
    it.look(command(WayCommandKind.ABORT))
    assert it.status() is WayStatus.ABORTED
    assert it.world.places["staging"].status is PlaceStatus.COMPLETE


def test_waves_keep_their_order_their_distance_and_their_number() -> None:
    it = Travel(a_way(regions(at_most=2, apart=(("eu", "us"),), bake=30.0)))
    it.look()
    assert it.world.rollouts == ["eu"], "us stays apart, and ap does not overtake it"
    it.arrives("eu")
    it.look(seconds=10.0)
    assert it.world.rollouts == ["eu"], "it bakes"
    assert it.state.stages[0].waiting == "bake"
    it.look(seconds=30.0)
    assert it.world.rollouts == ["eu", "us", "ap"]


def test_waves_stop_at_the_first_bad_one() -> None:
    for undo_all, undone in ((False, {"us"}), (True, {"eu", "us"})):
        it = Travel(a_way(regions(undo_all=undo_all)))
        it.look()
        it.arrives("eu")
        it.look()
        it.arrives("us", PlaceStatus.RETURNING)
        it.look()
        assert set(it.state.undoing) == undone
        assert "ap" not in it.world.rollouts
        it.arrives("us", PlaceStatus.RETURNED)
        it.arrives("eu", PlaceStatus.RETURNED if undo_all else PlaceStatus.COMPLETE)
        it.look()
        assert it.status() is WayStatus.FAILED
        assert it.world.places["eu"].status is (PlaceStatus.RETURNED if undo_all else PlaceStatus.COMPLETE)


def test_a_refused_rollout_is_asked_for_again_unless_it_is_refused_for_good() -> None:
    it = Travel(a_way(PRODUCTION))
    it.world.refused["production"] = Refused(sentence="2.4.0 is rolling out")
    it.look()
    it.look()
    assert it.state.stages[0].waiting == "refused"
    it.look()
    assert it.types().count("stage-waits") == 1
    it.world.refused.clear()
    it.look()
    assert it.world.rollouts == ["production"]

    other = Travel(a_way(PRODUCTION))
    other.world.refused["production"] = Refused(sentence="no such version", for_good=True)
    other.look()
    other.look()
    assert other.status() is WayStatus.FAILED


def test_a_stage_that_passed_with_the_same_files_does_not_run_again() -> None:
    first = Travel(a_way(BUILD, UNIT, STAGING))
    first.look()
    first.look()
    first.ends("build")
    first.look()
    prints = [stage.fingerprint for stage in first.state.stages]
    assert len({*prints[:2]}) == 2
    carried = {prints[0]: Carried(way="way-0", artifacts=BUILT)}
    again = Travel(a_way(BUILD, UNIT, STAGING))
    seen = replace(again.world.seen(again.way, again.state), carried=carried)
    state = decide(again.way, again.state, seen, (), 1001.0).state
    assert [stage.status for stage in state.stages[:2]] == [StageStatus.CARRIED, StageStatus.RUNNING]
    assert state.artifacts == BUILT
    changed = a_way(replace(BUILD, commands=(("make", "all"),)), UNIT, STAGING)
    state = decide(changed, again.state, seen, (), 1001.0).state
    assert state.stages[0].status is StageStatus.RUNNING


def test_a_way_waits_for_the_one_before_it() -> None:
    it = Travel(a_way(BUILD))
    seen = replace(it.world.seen(it.way, it.state), before="2.4.0")
    state = decide(it.way, it.state, seen, (), 1001.0).state
    assert state.stages[0].waiting == "turn"


def test_every_kind_of_stage_is_read_as_it_was_stored() -> None:
    from pilotage.model.stored_way import state_from_data, state_to_data, way_from_data, way_to_data

    way = whole_way()
    assert way_from_data(way_to_data(way)) == way
    it = Travel(way)
    it.look()
    assert state_from_data(state_to_data(it.state)) == it.state
