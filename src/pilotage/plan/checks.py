"""The checks of a plan that somebody must configure or waive before its release starts (R12, R14)."""

from __future__ import annotations

from collections.abc import Mapping

from pilotage.model import step_ids as ids
from pilotage.model.plan import Plan, Step
from pilotage.model.schedule import Requirement, Role

_OWNERS: Mapping[str, Role] = {
    ids.CHECK_DATA: Role.DEVOPS_ENGINEER,
    ids.CHECK_CACHES: Role.DEVOPS_ENGINEER,
    ids.CHECK_PACKAGE: Role.DEVOPS_ENGINEER,
    ids.CHECK_SMOKE: Role.QA_LEAD,
    ids.CHECK_FUNCTIONS: Role.QA_LEAD,
}


def required_checks(plan: Plan) -> tuple[Requirement, ...]:
    """A readiness item for each required check of the plan's steps, in their order."""
    return tuple(_item(step) for step in plan.steps if step.required)


def _item(step: Step) -> Requirement:
    evidence = f"a check under checks: {step.id}"
    return Requirement(
        step.id, "rollout checks", step.title, _OWNERS[step.id], evidence, "a configured check", blocking=True,
        phase="", due=None, source=step.source,
    )  # fmt: skip
