"""Critical functions: of dark code, of a canary without users, and of what serves again after a rollback (R16, R21)."""

from __future__ import annotations

import pytest

from pilotage.model.action import Check
from pilotage.model.observation import CheckResult, CheckStatus, Verdict, VerdictKind
from pilotage.model.plan import StepKind
from pilotage.model.rollout import CommandKind, Mode, Status
from pilotage.model.step_ids import CHECK_RESTORED, DEPLOY_DARK
from pilotage.rollout.machine import decide, wants_probes, wants_traffic

from .test_strategies_model import Strategies
from .world import GOOD

GONE = (Verdict("probe /", VerdictKind.FAIL, "/ returned 404", critical=True), *GOOD)


def toggled(until: StepKind) -> Strategies:
    """A feature toggle up to its first step of a kind."""
    machine = Strategies()
    machine.start("feature-toggle", "medium", Mode.FULL, 4, False)
    while machine.plan.steps[machine.state.step].kind is not until:
        machine.all_goes_well(1)
    return machine


def back(machine: Strategies, verdicts: tuple[Verdict, ...]) -> None:
    machine.verdicts = verdicts
    while not machine.state.status.final:
        machine.world.mend()
        machine.look(1.0, None)
        machine.verdicts = GOOD


def test_r16_probes_watch_dark_code_from_its_deployment_on() -> None:
    machine = toggled(StepKind.SCALE)
    assert machine.plan.steps[machine.state.step].id == DEPLOY_DARK
    assert wants_probes(machine.plan, machine.state)
    assert not wants_traffic(machine.plan, machine.state), "nobody has the flag"


@pytest.mark.parametrize("until", [StepKind.SCALE, StepKind.FLAG_RAMP, StepKind.ANALYSE, StepKind.BAKE])
def test_r16_code_that_fails_a_probe_goes_back_with_its_flag(until: StepKind) -> None:
    machine = toggled(until)
    back(machine, GONE)
    assert machine.state.status is Status.ROLLED_BACK
    assert not machine.state.dark
    assert {version for version, group in machine.world.fleet.items() if group} == {"old"}


def test_r16_harm_of_the_flag_leaves_the_code() -> None:
    machine = toggled(StepKind.ANALYSE)
    back(machine, (Verdict("error rate", VerdictKind.FAIL, "limit", critical=True), *GOOD[1:]))
    assert machine.state.dark


def test_r16_dark_code_that_fails_a_check_goes_back() -> None:
    machine = toggled(StepKind.CHECK)
    machine.world.failing = True
    machine.look(1.0, None)
    machine.look(1.0, None)
    machine.world.failing = False
    back(machine, GOOD)
    assert "check failed" in machine.state.reason
    assert {version for version, group in machine.world.fleet.items() if group} == {"old"}


@pytest.mark.parametrize("strategy", ["canary", "blue-green", "big-bang"])
@pytest.mark.parametrize("passes", [True, False])
def test_r21_what_serves_again_is_checked_before_the_rollback_is_called_complete(strategy: str, passes: bool) -> None:
    machine = Strategies()
    machine.start(strategy, "low", Mode.FULL, 2, False)
    while machine.state.reached == 0:
        machine.all_goes_well(1)
    machine.command(CommandKind.ABORT, False)
    asked = False
    for _ in range(100):
        machine.world.mend()
        machine.world.failing = not passes and asked
        machine.look(1.0, None)
        asked = asked or (CHECK_RESTORED, 1) in machine.world.asked
        if machine.state.status.final:
            break
    assert asked
    assert machine.state.status is Status.ROLLED_BACK


def test_r21_old_functions_that_fail_page_an_operator() -> None:
    machine = Strategies()
    machine.start("canary", "low", Mode.FULL, 2, False)
    while machine.state.reached == 0:
        machine.all_goes_well(1)
    machine.command(CommandKind.ABORT, False)
    while not any(name == CHECK_RESTORED for name, _ in machine.world.asked):
        machine.world.mend()
        machine.look(1.0, None)
    seen = machine.world.seen(GOOD)
    failed = CheckResult(CHECK_RESTORED, 1, CheckStatus.FAILED, "/cart returned 404")
    decision = decide(
        machine.plan, machine.state, seen.__class__(**{**vars(seen), "checks": (failed,)}), (), machine.now + 1
    )
    (told,) = [event for event in decision.events if event.type == "rolled-back"]
    assert "/cart returned 404" in str(told.data["failing_functions"])
    assert not any(isinstance(action, Check) for action in decision.actions)
