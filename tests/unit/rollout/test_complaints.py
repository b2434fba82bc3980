"""R12's and R13's complaints: they hold and page, take nobody back by themselves, and a person confirms them."""

from __future__ import annotations

from dataclasses import replace

import hypothesis.strategies as st
import pytest
from hypothesis import given

from pilotage.model.events import HoldStarted, RollbackStarted, parse
from pilotage.model.message import Severity
from pilotage.model.observation import Remedy, Verdict, VerdictKind
from pilotage.model.plan import StepKind
from pilotage.model.rollout import Command, CommandKind, Event, HoldCause, Status
from pilotage.rollout.machine import decide

from .test_alerts import WELL, a_plan, at, looks, said, seen, watch

MANY = Verdict("complaints", VerdictKind.FAIL, "20 users report a problem", asks=Remedy.DECIDE)
SIGNED = replace(MANY, asks=None, since=1.0)


def told(events: tuple[Event, ...], type_: str) -> Event:
    return next(event for event in events if event.type == type_)


@given(step=st.integers(0, 40))
def test_complaints_hold_every_watch_page_somebody_and_take_nobody_back(step: int) -> None:
    plan = a_plan()
    step %= len(plan.steps)
    decision = decide(plan, at(plan, step), seen(plan, step, WELL, MANY), (), 2.0)
    assert decision.state.status not in (Status.WITHDRAWN, Status.ROLLING_BACK)
    assert not decision.state.harm_since, "a usual rate is a past and no control"
    if plan.steps[step].kind is StepKind.ANALYSE:
        hold = decision.state.hold
        assert hold is not None
        assert hold.cause is HoldCause.COMPLAINTS
        assert "pilotage harm list" in hold.sentence
        event = told(decision.events, "hold-started")
        what = parse(event.type, event.data)
        assert isinstance(what, HoldStarted)
        assert (what.severity, what.on_timeout) == (Severity.CRITICAL, "pause")


def test_nobody_decides_so_the_rollout_pauses_and_in_the_end_rolls_back() -> None:
    plan = a_plan({"hold.decision_timeout": "20s", "pause.timeout": "40s"})
    step = watch(plan)
    paused = looks(plan, at(plan, step), seen(plan, step, WELL, MANY), 8).state
    assert paused.status is Status.PAUSED
    assert looks(plan, paused, seen(plan, step, WELL, MANY), 12).state.status is Status.ROLLING_BACK


def test_dismissed_reports_end_the_hold() -> None:
    plan = a_plan({"canary.phase_duration": "10s"})
    step = watch(plan)
    held = looks(plan, at(plan, step), seen(plan, step, WELL, MANY), 3).state
    assert looks(plan, held, seen(plan, step, WELL), 4).state.step > step


@pytest.mark.parametrize("looked", [2, 8])
def test_who_resumes_has_read_them_whether_it_holds_or_is_paused(looked: int) -> None:
    plan = a_plan({"canary.phase_duration": "10s", "hold.decision_timeout": "20s"})
    step = watch(plan)
    held = looks(plan, at(plan, step), seen(plan, step, WELL, MANY), looked).state
    on = said(held, seen(plan, step, WELL, MANY), plan, CommandKind.RESUME)
    assert looks(plan, on, seen(plan, step, WELL, MANY), 4).state.step > step


@given(step=st.integers(0, 40), paused=st.booleans())
def test_a_confirmed_report_rolls_back_at_any_step_with_its_cause(step: int, paused: bool) -> None:
    plan = a_plan()
    step %= len(plan.steps)
    state = at(plan, step, status=Status.PAUSED) if paused else at(plan, step)
    commands = (Command(1, CommandKind.PROMOTE, "bob"), Command(2, CommandKind.CONFIRM, "ada", "report 7"))
    decision = decide(plan, state, seen(plan, step, WELL), commands, 2.0)
    assert decision.state.status is Status.ROLLING_BACK
    event = told(decision.events, "rollback-started")
    what = parse(event.type, event.data)
    assert isinstance(what, RollbackStarted)
    assert (what.cause, what.reason) == ("reported", "a problem that users reported is confirmed by ada: report 7")
    assert dict(decision.answered)[1].startswith("refused"), "undoing comes first"


@pytest.mark.parametrize("kind", [StepKind.BAKE, StepKind.KEEP])
def test_blue_green_is_held_while_the_old_environment_is_kept_and_confirmed_it_switches_back(kind: StepKind) -> None:
    """R12: users report a problem days after the switch, and an operator confirms it."""
    plan = a_plan(strategy="blue-green", tolerance="low")
    step = next(i for i, s in enumerate(plan.steps) if s.kind is kind)
    held = looks(plan, at(plan, step), seen(plan, step, WELL, MANY), 3).state
    assert held.hold is not None
    assert (held.status, held.hold.cause) == (Status.HOLDING, HoldCause.COMPLAINTS)
    back = said(held, seen(plan, step, WELL, MANY), plan, CommandKind.CONFIRM)
    assert back.status is Status.ROLLING_BACK
    assert not plan.setting("complaints.withdraw").value, "nothing runs beside it that would be a control"


def test_signed_reports_that_name_the_version_are_harm_by_the_tolerance() -> None:
    for tolerance, then in (("medium", Status.WITHDRAWN), ("low", Status.ROLLING_BACK)):
        plan = a_plan(tolerance=tolerance)
        step = watch(plan)
        found = decide(plan, at(plan, step), seen(plan, step, WELL, SIGNED), (), 2.0)
        assert found.state.status is then
        assert found.state.harm_since == 1.0
