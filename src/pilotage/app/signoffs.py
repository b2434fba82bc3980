"""Sign-offs and waivers: statements for one release, by people who may give them (R6)."""

from __future__ import annotations

from collections.abc import Sequence

from pilotage.app.permissions import Permission, role_called
from pilotage.app.project import Project
from pilotage.app.readiness.assessment import artifact_digest, section_of
from pilotage.app.requests import SignOffRequest, WaiverRequest
from pilotage.engine.records.signatures import sign, signatures_of
from pilotage.model.errors import Forbidden, Invalid
from pilotage.model.plan import Plan
from pilotage.model.readiness import Signature, SignatureKind
from pilotage.model.schedule import Requirement, Role
from pilotage.readiness.gates import BY_EVIDENCE, BY_OURSELVES


class TooManyWaivers(Forbidden):
    """One person waives more items of a release than `readiness.waivers.per_person` allows."""


class NothingToSign(Invalid):
    """The plan requires no sign-off of this role. The message lists what it requires."""


def sign_off(project: Project, actor: str, request: SignOffRequest) -> tuple[Requirement, ...]:
    """Sign off everything that the plan wants of a role; returns it.

    Raises NothingToSign, Forbidden, UnknownRole, and BadEvidence when the artifact cannot be read.
    """
    role, plan = role_called(request.role), request.plan
    theirs = [item for item in plan.readiness if item.blocking and item.id not in BY_EVIDENCE | BY_OURSELVES]
    mine = tuple(item for item in theirs if item.owner == role)
    if not mine:
        owners = sorted({str(item.owner) for item in theirs})
        raise NothingToSign(
            f"{plan.version} needs no sign-off by a {role}; it needs one by each of {', '.join(owners)}"
        )
    person = project.require(actor, Permission.SIGN_OFF, plan.environment, role)
    artifact, now = artifact_digest(project.loaded), project.clock.now()
    for item in mine:
        signed = Signature(
            SignatureKind.SIGN_OFF, item.id, role, person.name, request.comment, now, None, plan.hash, artifact
        )
        sign(project.store.engine, plan.service, plan.environment, plan.version, signed)
    return mine


def waive(project: Project, actor: str, request: WaiverRequest) -> tuple[Signature, ...]:
    """Continue without some items until a given time, by decision of their owner or the release manager. All or
    none."""
    role, plan = role_called(request.role), request.plan
    items = [_waivable(plan, item, role) for item in dict.fromkeys(request.items)]
    person = project.require(actor, Permission.WAIVE, plan.environment, role)
    artifact, now = artifact_digest(project.loaded), project.clock.now()
    given = signatures_of(project.store.engine, plan.service, plan.environment, plan.version)
    for item in items:
        if by := _signed_off(given, item, plan, artifact):
            raise NothingToSign(f"{item} needs no waiver: {by} signed it off")
    _within_limits(project, person.name, items, given, now)
    made = tuple(
        Signature(
            SignatureKind.WAIVER, item, role, person.name, request.reason, now, request.until, plan.hash, artifact
        )
        for item in items
    )
    for signed in made:
        sign(project.store.engine, plan.service, plan.environment, plan.version, signed)
    return made


def _waivable(plan: Plan, item: str, role: Role) -> str:
    """The item. Raises NothingToSign and Forbidden."""
    wanted = {one.id: one for one in plan.readiness}
    if item not in wanted:
        raise NothingToSign(f"{plan.version} has no item {item!r}; it has {', '.join(wanted)}")
    if not wanted[item].blocking:
        raise NothingToSign(f"{item} needs no waiver: {wanted[item].note}")
    if role not in (wanted[item].owner, Role.RELEASE_MANAGER):
        raise Forbidden(
            f"{item} may be waived by the {wanted[item].owner} or the {Role.RELEASE_MANAGER}, not by a {role}"
        )
    return item


def _signed_off(given: Sequence[Signature], item: str, plan: Plan, artifact: str) -> str:
    """Who signed it off for this plan and artifact."""
    valid = [
        one for one in given
        if (one.kind, one.item, one.plan, one.artifact) == (SignatureKind.SIGN_OFF, item, plan.hash, artifact)
    ]  # fmt: skip
    return valid[-1].by if valid else ""


def _within_limits(project: Project, name: str, items: Sequence[str], given: Sequence[Signature], now: float) -> None:
    """Raises TooManyWaivers, and Forbidden for an item that cannot be waived."""
    limits = section_of(project.loaded).waivers
    place = project.loaded.place("readiness")
    if barred := [item for item in items if item in limits.never]:
        raise Forbidden(f"{barred[0]} cannot be waived: {place} lists it under waivers.never")
    own = {
        one.item for one in given
        if one.kind is SignatureKind.WAIVER and one.by == name and (one.until or 0) > now
    }  # fmt: skip
    if len(own.union(items)) > limits.per_person:
        before = f"{name} has waived {', '.join(sorted(own))} for this release. " if own else ""
        raise TooManyWaivers(
            f"{before}One person can waive {limits.per_person} items of a release: ask someone else for "
            f"{', '.join(sorted(set(items) - own))}. An item that never applies belongs in readiness.not_for_us; "
            "readiness.waivers.per_person is the limit"
        )
