"""C17, C18: a rollout waits for an approval before any user has it, reminds people, pages, and ends without it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from pilotage.model.events import ApprovalReminded, Approved, HoldEnded, HoldStarted, Occurrence, RollbackStarted, parse
from pilotage.model.message import Incident, Severity
from pilotage.model.plan import StepKind
from pilotage.model.rollout import Command, CommandKind, Hold, HoldCause, Mode, RolloutState, Status
from pilotage.model.traffic import Split
from pilotage.report.telling import Happened, Subject, message_of
from pilotage.rollout.machine import begin, decide
from tests.plans import NO_NUMBERS, a_plan

from .test_strategies_model import SHORT, Strategies

GATED = {"approval.required": True, "approval.timeout": "20s", "approval.remind_after": "4s"}


class Waiting:
    """A rollout of 2.0 by ada that waits for its approval."""

    def __init__(
        self, strategy: str = "canary", numbers: Mapping[str, object] = NO_NUMBERS, signed: tuple[str, ...] = ()
    ) -> None:
        self.machine = Strategies()
        self.machine.start(strategy, "low", Mode.FULL, 4, False, 0)
        plan = a_plan({**SHORT[strategy], **GATED, **numbers}, strategy=strategy, instances=4)
        self.machine.plan, self.told = plan, list[Occurrence]()
        self.machine.state = begin(plan, "old", Mode.FULL, "ada", signed)
        for _ in range(100):
            if plan.steps[self.machine.state.step].kind is StepKind.GATE:
                return
            self.looks(1)
        raise AssertionError(self.state)

    @property
    def state(self) -> RolloutState:
        return self.machine.state

    def looks(self, number: int, *commands: Command) -> tuple[tuple[int, str], ...]:
        answered: tuple[tuple[int, str], ...] = ()
        for _ in range(number):
            world, machine = self.machine.world, self.machine
            machine.now += 1
            world.pass_time(1)
            world.mend()
            decision = decide(machine.plan, machine.state, world.seen(machine.verdicts, ""), commands, machine.now)
            machine.state, answered, commands = decision.state, (*answered, *decision.answered), ()
            self.told += [parse(event.type, event.data) for event in decision.events]
            for action in decision.actions:
                world.act(action)
        return answered

    def of(self, kind: type[Occurrence]) -> list[Occurrence]:
        return [one for one in self.told if isinstance(one, kind)]


@pytest.mark.parametrize("strategy", SHORT)
def test_c17_no_user_has_it_before_the_approval_and_everybody_after_it(strategy: str) -> None:
    it = Waiting(strategy)
    it.looks(10)
    assert it.state.hold == Hold(HoldCause.APPROVAL, "waiting for approval to go to production", 9)
    assert it.machine.world.split == Split((("old", 1000),))
    it.looks(1, Command(1, CommandKind.APPROVE, "grace"))
    it.looks(200)
    assert it.state.status is Status.COMPLETED


@pytest.mark.parametrize("strategy", SHORT)
def test_nobody_answers_people_are_reminded_then_an_operator_is_paged_and_it_rolls_back(strategy: str) -> None:
    it = Waiting(strategy, {"approval.escalate_after": "10s"})
    it.looks(60)
    reminders = [one for one in it.of(ApprovalReminded) if isinstance(one, ApprovalReminded)]
    assert [(round(one.waited_seconds), one.escalated) for one in reminders] == [
        (4, False), (8, False), (10, True), (12, False), (16, False),
    ]  # fmt: skip
    assert [one.severity for one in reminders[1:3]] == [Severity.WARNING, Severity.CRITICAL]
    assert reminders[2].sentence == "waiting for approval to go to production for 10s; rolls back in 10s without it"
    (back,) = it.of(RollbackStarted)
    assert "waiting for approval to go to production" in back.sentence
    assert it.state.status is Status.ROLLED_BACK
    assert it.state.reached == 0


def test_c18_who_started_it_cannot_approve_it_and_a_role_is_asked_for() -> None:
    it = Waiting(numbers={"approval.role": "business-stakeholder"})
    ((_, own),) = it.looks(1, Command(1, CommandKind.APPROVE, "ada", roles=("business stakeholder",)))
    assert "another person must approve it" in own
    ((_, other),) = it.looks(1, Command(2, CommandKind.APPROVE, "grace", roles=("QA lead",)))
    assert "grace does not have the role business-stakeholder" in other
    ((_, done),) = it.looks(1, Command(3, CommandKind.APPROVE, "grace", roles=("Business stakeholder",)))
    assert done == "done"


def test_without_people_in_the_configuration_anybody_has_every_role() -> None:
    it = Waiting(numbers={"approval.role": "business-stakeholder"})
    assert it.looks(1, Command(1, CommandKind.APPROVE, "grace")) == ((1, "done"),)


def test_who_signed_off_before_the_start_is_not_asked_again() -> None:
    it = Waiting(signed=("grace",))
    it.looks(2)
    (approved,) = it.of(Approved)
    assert approved.sentence == (
        "approval to go to production: approved by grace: signed off before the start (1 of 1)"
    )
    assert not it.of(HoldStarted)
    two = Waiting(numbers={"approval.count": 2}, signed=("grace",))
    two.looks(3)
    assert two.state.reason == "waiting for approval to go to production (1 of 2)"
    assert two.looks(1, Command(1, CommandKind.APPROVE, "grace")) == ((1, "approved; 1 more needed"),)
    assert two.looks(1, Command(2, CommandKind.APPROVE, "linus")) == ((2, "done"),)


@pytest.mark.parametrize("mode", [Mode.EMERGENCY, Mode.FAST_RETURN])
def test_the_way_back_and_an_emergency_wait_for_nobody(mode: Mode) -> None:
    for strategy in SHORT:
        machine = Strategies()
        machine.start(strategy, "low", mode, 4, False, 0)
        machine.plan = a_plan({**SHORT[strategy], **GATED}, strategy=strategy, instances=4)
        machine.state = begin(machine.plan, "old", mode, "ada")
        machine.all_goes_well(150)
        assert machine.state.status is Status.COMPLETED, (strategy, machine.state)


def test_the_page_of_an_escalation_asks_and_is_resolved_by_the_approval() -> None:
    subject = Subject("r1", "shop", "production", "2.0", "1.0", "ada", "0" * 64)

    def message(occurrence: Occurrence, *, paged: bool) -> tuple[Incident, tuple[str, ...]]:
        event = occurrence.record()
        told = message_of(replace(subject, paged=paged), Happened(3, 1.0, event.type, event.sentence, event.data))
        return told.incident, told.asks

    asked = ApprovalReminded(
        title="approval", approvals=0, approvals_required=1, waited_seconds=9.0, timeout_seconds=20.0, escalated=True
    )  # fmt: skip
    given = Approved(plan_hash="0" * 64, actor="grace", title="approval", approvals=1, approvals_required=1)
    assert message(asked, paged=False) == (Incident.TRIGGER, ("approve", "reject"))
    assert message(given, paged=True) == (Incident.RESOLVE, ())
    assert message(replace(asked, escalated=False), paged=False) == (Incident.NONE, ("approve", "reject"))
    elsewhere = replace(asked, at_provider=True)
    assert message(elsewhere, paged=False) == (Incident.TRIGGER, ("abort",)), "it cannot be given here"
    ended = HoldEnded(cause=HoldCause.PROVIDER_APPROVAL)
    assert message(ended, paged=True) == (Incident.RESOLVE, ())
