"""Who may approve a rollout, who has, and whose word would not count."""

from __future__ import annotations

from dataclasses import dataclass

from pilotage.app.permissions import Permission, Thing
from pilotage.app.project import Project
from pilotage.app.roles import Eyes
from pilotage.model.access import Grant, HolderKind, Identity, Proof
from pilotage.model.actor import ActorKind
from pilotage.model.plan import StepKind
from pilotage.model.record import Rollout
from pilotage.model.rollout import HoldCause, Mode, Status
from pilotage.model.schedule import hyphened

NAMED = 5
"""People whose names a page lists; of the others it says how many there are."""


@dataclass(frozen=True, kw_only=True)
class Approval:
    """What an approval takes. now: whether the rollout waits for it · given: who has approved · wanted: how many people
    · able: everybody else whose approval would count · role: that the plan demands, or empty."""

    now: bool
    given: tuple[str, ...]
    wanted: int
    able: tuple[str, ...]
    role: str

    @property
    def missing(self) -> int:
        return max(0, self.wanted - len(self.given))

    @property
    def named(self) -> str:
        """Those who may, in a sentence; it says where nobody can."""
        if not self.able:
            return "Nobody else has the role for it: an admin can give it."
        if len(self.able) > NAMED:
            return f"{', '.join(self.able[:NAMED])} and {len(self.able) - NAMED} more may approve."
        return f"{_listed(self.able)} may approve."


def approval_of(project: Project, rollout: Rollout) -> Approval | None:
    """The approval that the rollout waits for, or else the next one; None where none is to come."""
    state, steps = rollout.state, rollout.plan.steps
    if state.status.final or state.status is Status.ROLLING_BACK or state.mode is not Mode.FULL:
        return None
    here = steps[state.step].kind is StepKind.GATE
    now = here or (state.hold is not None and state.hold.cause is HoldCause.APPROVAL)
    if not now and not any(step.kind is StepKind.GATE for step in steps[state.step + 1 :]):
        return None
    given = state.approvals if now else ()
    return Approval(
        now=now and state.status is not Status.QUEUED, given=given, wanted=int(rollout.plan.number("approval.count")),
        able=tuple(name for name in _holders(project, rollout) if not in_vain(project, rollout, name)),
        role=str(rollout.plan.setting("approval.role").value),
    )  # fmt: skip


def who_may_approve(project: Project, rollout: Rollout) -> str:
    """People whose approval would count, in a sentence."""
    approval = approval_of(project, rollout)
    return approval.named if approval else ""


def in_vain(project: Project, rollout: Rollout, actor: str) -> str:
    """Why this person's approval would not count although their role would do, said to them; empty where it would."""
    me, plan = project.people.identify(actor), rollout.plan
    if me.name == rollout.state.author and not plan.setting("approval.allow_author").value:
        return "You started this rollout, so another person must approve it."
    role = str(plan.setting("approval.role").value)
    if role and me.roles is not None and role not in {hyphened(held) for held in me.roles}:
        return f"Approvals of this plan need the role {role}, which you do not have."
    if me.name in rollout.state.approvals:
        return "You have approved it; another person is needed."
    return ""


def _holders(project: Project, rollout: Rollout) -> tuple[str, ...]:
    """Accounts of people with a role that may approve there."""
    persons, custom = project.store.persons, project.store.persons.custom_roles()
    thing, held = Thing(service=rollout.service, environment=rollout.environment), persons.held()
    found = []
    for one in persons.all():
        groups = (grant for group in one.groups for grant in held.get((HolderKind.GROUP, group), ()))
        grants = (*held.get((HolderKind.PERSON, one.name), ()), *groups)
        if one.disabled_at is None and Eyes(identity=_as(one.name, grants), custom=custom).may(
            Permission.APPROVE, thing
        ):
            found.append(one.name)
    return tuple(found)


def _as(name: str, grants: tuple[Grant, ...]) -> Identity:
    return Identity(name=name, kind=ActorKind.PERSON, proof=Proof.ORDER, grants=grants)


def _listed(names: tuple[str, ...]) -> str:
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last
