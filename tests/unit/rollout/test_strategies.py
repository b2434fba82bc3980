"""What is particular to a strategy stands in its file alone, and is asked of it: what it requires, compares, awaits."""

from __future__ import annotations

import ast
import dataclasses
from pathlib import Path

import msgspec
import pytest

from pilotage.model import step_ids
from pilotage.model.action import Apply
from pilotage.model.answers import DeploymentStrategy as S
from pilotage.model.flag import OFF, Ramp
from pilotage.model.observation import CheckResult, CheckStatus, Health, Instance
from pilotage.model.plan import StepKind
from pilotage.model.progress import BigBangProgress, WayBack
from pilotage.model.rollout import CommandKind, Mode, Observed, RolloutState, Status
from pilotage.model.step_title import happens, title_of
from pilotage.model.stored_state import from_data, to_data
from pilotage.model.traffic import WHOLE, Split
from pilotage.rollout.machine import decide
from pilotage.rollout.strategies import STRATEGIES
from pilotage.rollout.turn import Comparison, Configured
from tests.unit.rollout.test_strategies_model import SHORT, Strategies, a_plan
from tests.unit.rollout.world import GOOD

SOURCE = Path(__file__).parents[3] / "src" / "pilotage"
OF_A_STRATEGY = SOURCE / "rollout" / "strategies"


def test_no_module_but_its_own_names_a_strategy() -> None:
    """A sixth strategy is one file and one line of the table, as far as execution goes."""
    named = [
        f"{path.relative_to(SOURCE)}:{node.lineno}"
        for part in ("rollout", "engine", "app")
        for path in sorted((SOURCE / part).rglob("*.py"))
        if OF_A_STRATEGY not in path.parents
        for node in ast.walk(ast.parse(path.read_text()))
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "DeploymentStrategy"
        )
        or (
            isinstance(node, ast.Compare)
            and any(isinstance(c, ast.Constant) and c.value in set(S) for c in node.comparators)
        )
    ]
    assert named == []


def test_every_id_that_is_acted_upon_is_written_by_the_planner() -> None:
    known = {value for name, value in vars(step_ids).items() if name.isupper() and isinstance(value, str)}
    written = {step.id for strategy in SHORT for step in a_plan(strategy, "low", 4, False, prepares=True).steps}
    named = {name for strategy in STRATEGIES.values() for name in (*strategy.more_checks, *strategy.inner_checks)}
    assert known <= written | named | {step_ids.APPROVE_PRODUCTION, step_ids.APPROVE_SWITCH}


@pytest.mark.parametrize(
    ("strategy", "configured", "words"),
    [
        (S.FEATURE_TOGGLE, Configured(checks=frozenset()), "needs a flag"),
        (
            S.FEATURE_TOGGLE,
            Configured(checks=frozenset(), flag="new", ramp=Ramp((), 250)),
            "is already on for 25 % of users",
        ),
        (S.FEATURE_TOGGLE, Configured(checks=frozenset(), flag="new", ramp=OFF), ""),
        (S.BIG_BANG, Configured(checks=frozenset({"restore"})), "needs backups"),
        (S.BIG_BANG, Configured(checks=frozenset({"check-backup", "restore"})), ""),
        (S.CANARY, Configured(checks=frozenset()), ""),
    ],
)
def test_a_strategy_says_what_its_target_lacks(strategy: S, configured: Configured, words: str) -> None:
    lacks = STRATEGIES[strategy].requires(configured)
    assert words in "".join(lacks)
    assert bool(lacks) == bool(words)


def test_r16_a_toggle_compares_its_code_while_dark_and_its_flag_after_that() -> None:
    dark, ramped = RolloutState(new="2", old="1"), RolloutState(new="2", old="1", step=1)
    toggle, plan = STRATEGIES[S.FEATURE_TOGGLE], a_plan("feature-toggle", "low", 4, False)
    assert [toggle.comparison(plan, state) for state in (dark, ramped)] == [
        Comparison.SIDE_BY_SIDE, Comparison.VARIANTS,
    ]  # fmt: skip
    assert STRATEGIES[S.BIG_BANG].comparison(plan, dark) is Comparison.BEFORE_AFTER


def test_the_plan_of_a_way_back_speaks_of_the_past_where_nothing_runs_beside_the_new_version() -> None:
    begun = RolloutState(new="2", old="1")
    plans = {name: a_plan(name, "low", 4, False) for name in STRATEGIES}
    alone = {name for name, one in STRATEGIES.items() if one.comparison(plans[name], begun) is Comparison.BEFORE_AFTER}
    told = {S(name) for name in SHORT if " in the past: " in " ".join(a_plan(name, "low", 4, False).rollback.triggers)}
    assert told == alone


def test_a_check_that_nobody_is_asked_is_told_once_also_when_a_freeze_holds_it() -> None:
    machine = Strategies()
    machine.start("blue-green", "low", Mode.FULL, 1, False)
    machine.world.hooks = frozenset({"check-smoke"})
    plan, state, told = machine.plan, machine.state, list[str]()
    last = next(i for i, step in enumerate(plan.steps) if step.id == "check-functions")
    for look in range(60):
        machine.world.mend()
        machine.world.pass_time(1.0)
        seen = machine.world.seen(GOOD, "the end of the year" if look < 30 else "")
        decision = decide(plan, state, seen, (), 1000.0 + look)
        assert look >= 30 or decision.state.step <= last
        state = decision.state
        told += [str(event.data["step"]) for event in decision.events if event.type == "check-skipped"]
        for action in decision.actions:
            machine.world.act(action)
    assert state.step > last
    assert told.count("check-functions") == 1


def test_r15_a_big_bang_comes_back_part_by_part_in_order() -> None:
    machine = Strategies()
    machine.start("big-bang", "low", Mode.FULL, 2, False)
    plan, parts = machine.plan, list[WayBack]()
    while plan.steps[machine.state.step].id != step_ids.VERIFY:
        machine.all_goes_well(1)
    machine.command(CommandKind.ABORT, False)
    while not machine.state.status.final:
        machine.world.mend()
        machine.look(1.0, None)
        parts.append(getattr(machine.state.progress, "came_to", WayBack.BEGUN))
    assert machine.state.status is Status.ROLLED_BACK
    assert list(dict.fromkeys(parts)) == list(WayBack)


def test_r15_a_restore_that_fails_without_a_word_leaves_the_service_closed_and_calls_a_person() -> None:
    plan = a_plan("big-bang", "low", 2, False)
    replaced = next(i for i, step in enumerate(plan.steps) if step.id == step_ids.VERIFY)
    state = RolloutState(
        new="new",
        old="old",
        status=Status.ROLLING_BACK,
        step=replaced,
        progress=BigBangProgress(came_to=WayBack.STOPPED),
    )
    failed = CheckResult(step_ids.RESTORE, 1, CheckStatus.FAILED, "")
    seen = Observed(Split((("new", WHOLE),), closed=True), (), hooks=frozenset({step_ids.RESTORE}), checks=(failed,))
    decision = decide(plan, state, seen, (), 1.0)
    assert decision.state.status is Status.FAILED
    assert "the restore failed" in decision.state.reason
    assert next(a.split.closed for a in decision.actions if isinstance(a, Apply))


def test_a_way_back_is_stored_as_the_number_that_earlier_versions_wrote() -> None:
    """A worker of an earlier version that takes the rollout over goes on with the same part."""
    state = RolloutState(new="2", old="1", progress=BigBangProgress(came_to=WayBack.RESTORED))
    assert to_data(state)["progress"] == {"strategy": "big-bang", "undone": 3}


def test_a_way_back_with_more_parts_than_there_are_is_no_state() -> None:
    with pytest.raises(msgspec.ValidationError):
        from_data({"new": "2", "old": "1", "status": "rolling-back", "moves": 9}, S.BIG_BANG)


@pytest.mark.parametrize("strategy", SHORT)
def test_a_first_deployment_speaks_of_no_canary_preview_or_stable(strategy: str) -> None:
    """Everyone gets the version at once, so the words of a comparison would mislead."""
    plan = a_plan(strategy, "low", 4, False)
    first = STRATEGIES[plan.answers.deployment_strategy].first_step(plan, Mode.INITIAL)
    told = {title_of(step, "1.0", Mode.INITIAL) for step in plan.steps[first:] if happens(step, Mode.INITIAL)}
    assert not [title for title in told for word in ("canary", "preview", "stable", "old version") if word in title]


@pytest.mark.parametrize("strategy", SHORT)
def test_a_fast_return_speaks_of_no_canary_and_no_analysis_of_its_own(strategy: str) -> None:
    """It brings back a version that was in production, and analyses nothing: its steps say so."""
    plan = a_plan(strategy, "low", 4, False)
    first = STRATEGIES[plan.answers.deployment_strategy].first_step(plan, Mode.FAST_RETURN)
    titles = {
        step.kind: title_of(step, "1.0", Mode.FAST_RETURN)
        for step in plan.steps[first:]
        if step.kind is not StepKind.CHECK
    }
    assert not [title for title in titles.values() for word in ("canary", "preview", "watch", "bake") if word in title]
    assert titles[StepKind.BAKE] == "no analysis: 1.0 was in production before"


@pytest.mark.parametrize("strategy", [S.CANARY, S.BLUE_GREEN, S.ROLLING, S.BIG_BANG, S.FEATURE_TOGGLE])
def test_an_instance_whose_health_path_does_not_exist_ends_the_rollout_at_once(strategy: S) -> None:
    """R15: no deadline is waited for where waiting changes nothing, and the reason is what the instance answered."""
    machine = Strategies()
    machine.start(strategy, "low", Mode.FULL, 2, False)
    plan, state = machine.plan, machine.state
    for look in range(200):
        machine.world.mend()
        machine.world.pass_time(1.0)
        seen = machine.world.seen(GOOD, "")
        wrong = Instance("2-1", state.new, "127.0.0.1", 1, Health.UNHEALTHY, None, "/healthz returns 404", refuses=True)
        others = [i for i in seen.instances or () if i.version != state.new]
        if len(others) < len(seen.instances or ()):
            seen = dataclasses.replace(seen, instances=(*others, wrong))
        decision = decide(plan, state, seen, (), 1000.0 + look)
        state = decision.state
        if state.status is Status.ROLLING_BACK:
            break
        for action in decision.actions:
            machine.world.act(action)
    assert "/healthz returns 404" in state.reason
    assert "timed out" not in state.reason
