"""The checks of a plan's steps: which are configured, which are required and missing, and what is told of that."""

from __future__ import annotations

from collections.abc import Sequence

from pilotage.app.configured_checks import configured_checks
from pilotage.app.project import Project
from pilotage.config.loading import Loaded
from pilotage.engine.records.signatures import signatures_of
from pilotage.model.errors import NotReady
from pilotage.model.events import ChecksLeftOut
from pilotage.model.plan import Plan, StepKind
from pilotage.model.readiness import BadEvidence, Evidence, Gate, GateStatus, Signature
from pilotage.model.rollout import Event
from pilotage.model.step_ids import OWN_CHECKS
from pilotage.plan.checks import required_checks
from pilotage.readiness.gates import ReleaseContext, gate


class Unchecked(NotReady):
    """The plan requires checks that nobody configured or waived."""


def check_gates(
    loaded: Loaded, plan: Plan, given: Sequence[Signature], where: ReleaseContext
) -> tuple[Gate, ...]:  # fmt: skip
    """A gate for each required check of the plan. given: sign-offs and waivers of the version."""
    configured = configured_checks(loaded, plan.environment)
    gates = []
    for item in required_checks(plan):
        there = item.id in configured
        said = "configured" if there else f"no check is configured under checks: {item.id}"
        told = f"configure it, or {_waiver(item.id, plan)}"
        gates.append(gate(item, (Evidence("checks", there, said),), given, told, where))
    return tuple(gates)


def refuse_unchecked(project: Project, actor: str, plan: Plan) -> None:
    """Raises Unchecked with every required check that is neither configured nor waived."""
    missing = [one for one in _gates(project, actor, plan) if one.standing is GateStatus.NOT_READY]
    if missing:
        names = " ".join(one.item for one in missing)
        listed = ", ".join(f"{one.title} ({one.item})" for one in missing)
        place = project.loaded.place("environments", plan.environment)
        required = plan.setting("checks.required").source
        raise Unchecked(
            f"{plan.version} is not deployed: nobody checks {listed}. Configure them under checks at {place}, or run "
            f"`{_waiver(names, plan)}`. They are required by {required} (checks.required)"
        )


def _waiver(items: str, plan: Plan) -> str:
    who = "--role release-manager --until 1d"
    return f'pilotage waive {items} {plan.version} -e {plan.environment} {who} --reason "…"'


def left_out(project: Project, actor: str, plan: Plan) -> tuple[Event, ...]:
    """The warning of a rollout whose plan has checks that will be skipped; none where all are configured."""
    configured = configured_checks(project.loaded, plan.environment)
    waived = {
        one.item: one.reason for one in _gates(project, actor, plan) if one.standing is GateStatus.WAIVED
    }  # fmt: skip
    skipped = tuple(
        step.id for step in plan.steps
        if step.kind is StepKind.CHECK and step.id not in configured | OWN_CHECKS and step.id not in waived
    )  # fmt: skip
    return (ChecksLeftOut(unconfigured=skipped, waived=waived).record(),) if skipped or waived else ()


def _gates(project: Project, actor: str, plan: Plan) -> tuple[Gate, ...]:
    from pilotage.app.readiness.assessment import artifact_digest, is_small

    if not any(step.required for step in plan.steps):
        return ()
    given = signatures_of(project.store.engine, plan.service, plan.environment, plan.version)
    names = frozenset(project.people.identify(actor).names)
    try:
        artifact = artifact_digest(project.loaded)
    except BadEvidence:
        artifact = ""
    where = ReleaseContext(plan.hash, artifact, project.clock.now(), names, is_small(plan))
    return check_gates(project.loaded, plan, given, where)
