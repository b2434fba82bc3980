"""Sign-offs and waivers: a person's word, for one release, by those who may give it (R6)."""

from __future__ import annotations

from pilotage.app.permissions import Permission, role_called
from pilotage.app.project import Project
from pilotage.app.readiness.assessment import artifact_digest
from pilotage.app.requests import SignOffRequest, WaiverRequest
from pilotage.engine.records.signatures import sign
from pilotage.model.errors import Forbidden, Invalid
from pilotage.model.readiness import Signature, SignatureKind
from pilotage.model.schedule import Requirement, Role
from pilotage.readiness.gates import BY_EVIDENCE, BY_OURSELVES


class NothingToSign(Invalid):
    """The plan requires no sign-off of this role. The message lists what it requires."""


def sign_off(project: Project, actor: str, request: SignOffRequest) -> tuple[Requirement, ...]:
    """Sign off everything that the plan wants of a role; returns it.

    Raises NothingToSign, Forbidden, UnknownRole, and BadEvidence when the artifact cannot be read.
    """
    role, plan = role_called(request.role), request.plan
    theirs = [item for item in plan.readiness if item.id not in BY_EVIDENCE | BY_OURSELVES]
    mine = tuple(item for item in theirs if item.owner == role)
    if not mine:
        owners = sorted({str(item.owner) for item in theirs})
        raise NothingToSign(f"{plan.version} wants no sign-off of a {role}; it wants those of {', '.join(owners)}")
    person = project.require(actor, Permission.SIGN_OFF, plan.environment, role)
    artifact, now = artifact_digest(project.loaded), project.clock.now()
    for item in mine:
        signed = Signature(
            SignatureKind.SIGN_OFF, item.id, role, person.name, request.comment, now, None, plan.hash, artifact
        )
        sign(project.store.engine, plan.service, plan.environment, plan.version, signed)
    return mine


def waive(project: Project, actor: str, request: WaiverRequest) -> Signature:
    """Go on without one item until a moment: a word of its owner's or the release manager's.

    Raises NothingToSign for an item that the plan does not have, Forbidden, UnknownRole.
    """
    role, plan, item = role_called(request.role), request.plan, request.item
    wanted = {one.id: one for one in plan.readiness}
    if item not in wanted:
        raise NothingToSign(f"{plan.version} wants no {item!r}; it wants {', '.join(wanted)}")
    owner = wanted[item].owner
    if role not in (owner, Role.RELEASE_MANAGER):
        raise Forbidden(f"{item} may be waived by the {owner} or the {Role.RELEASE_MANAGER}, not by a {role}")
    person = project.require(actor, Permission.WAIVE, plan.environment, role)
    signed = Signature(
        SignatureKind.WAIVER, item, role, person.name, request.reason, project.clock.now(), request.until, plan.hash,
        artifact_digest(project.loaded),
    )  # fmt: skip
    sign(project.store.engine, plan.service, plan.environment, plan.version, signed)
    return signed
