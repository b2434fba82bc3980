"""Who has approved a release for production before it starts, and whether anybody can approve it then (C17, C18)."""

from __future__ import annotations

from collections.abc import Sequence

from pilotage.app.project import Project
from pilotage.app.readiness.assessment import artifact_digest
from pilotage.engine.records.signatures import signatures_of
from pilotage.model.plan import Plan
from pilotage.model.readiness import BadEvidence, SignatureKind
from pilotage.model.schedule import hyphened
from pilotage.model.step_ids import APPROVE_PRODUCTION

_ITEM = "production_approval"


def asks(plan: Plan) -> bool:
    """Whether a person must approve before any user has the release."""
    return any(step.id == APPROVE_PRODUCTION for step in plan.steps)


def approved_already(project: Project, actor: str, plan: Plan, before: Sequence[str] = ()) -> tuple[str, ...]:
    """Persons whose sign-off counts as an approval: of this plan and artifact, in the role that the plan demands, and
    not by whoever starts the rollout, unless `approval.allow_author` lets them. actor: who starts it · before: who
    approved the release on its way; those with the role that the plan demands count, too."""
    if not asks(plan):
        return ()
    role = str(plan.setting("approval.role").value)
    people = project.people
    counted = (
        one for one in map(people.identify, before)
        if not role or one.roles is None or role in {hyphened(held) for held in one.roles}
    )  # fmt: skip
    return tuple(dict.fromkeys((*(one.name for one in counted), *_signed(project, actor, plan))))


def _signed(project: Project, actor: str, plan: Plan) -> tuple[str, ...]:
    """Whose sign-off counts."""
    try:
        artifact = artifact_digest(project.loaded)
    except BadEvidence:
        return ()
    author, role = project.people.identify(actor).name, str(plan.setting("approval.role").value)
    own = bool(plan.setting("approval.allow_author").value)
    given = signatures_of(project.store.engine, plan.service, plan.environment, plan.version)
    valid = (
        one for one in given
        if (one.kind, one.plan, one.artifact) == (SignatureKind.SIGN_OFF, plan.hash, artifact)
        and (hyphened(one.role) == role if role else one.item == _ITEM)
        and (own or project.people.identify(one.by).name != author)
    )  # fmt: skip
    return tuple(dict.fromkeys(project.people.identify(one.by).name for one in valid))


def nobody_can(project: Project, actor: str, plan: Plan) -> str:
    """Why an approval would be waited for in vain, with what to do; empty where it would not."""
    people, role = project.people, str(plan.setting("approval.role").value)
    if not asks(plan) or not people.by_name:
        return ""
    author, own = people.identify(actor).name, bool(plan.setting("approval.allow_author").value)
    able = {
        name for name, (roles, _) in people.by_name.items()
        if (not role or role in {hyphened(held) for held in roles}) and (own or name != author)
    }  # fmt: skip
    count = int(plan.number("approval.count"))
    if len(able) >= count:
        return ""
    who = f"{count} people{f' with the role {role}' if role else ''}"
    who = who if count > 1 else f"a person with the role {role}" if role else "a person"
    there = f"{people.where} has {len(able)}" if able else f"{people.where} has none"
    return (
        f"{plan.version} must be approved by {who} other than {author}, and {there}. Add them, or override "
        "approval.role, approval.count or approval.allow_author"
    )
