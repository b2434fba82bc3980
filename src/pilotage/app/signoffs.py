"""Sign-offs and waivers: statements for one release, by people who may give them (R6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pilotage.app.database import requirement_of
from pilotage.app.permissions import Permission, role_called
from pilotage.app.project import Project
from pilotage.app.readiness.assessment import artifact_digest, is_small, proofs_of, section_of
from pilotage.app.requests import SignOffRequest, WaiverRequest
from pilotage.app.snapshot import channels_of
from pilotage.engine.records import followups
from pilotage.engine.records.signatures import sign, signatures_of
from pilotage.model.clock import day_of
from pilotage.model.errors import Forbidden, Invalid
from pilotage.model.followup import FollowUp
from pilotage.model.plan import Plan
from pilotage.model.readiness import Evidence, Readiness, Signature, SignatureKind
from pilotage.model.schedule import Requirement, Role
from pilotage.model.wording import counted
from pilotage.plan.checks import required_checks
from pilotage.readiness.gates import by_word, subject_of

EMERGENCY = "emergency_change_record"
_REVIEWED_WITHIN = 48 * 3600.0
"""Seconds from an emergency to its review."""


class TooManyWaivers(Forbidden):
    """One person waives more items of a release than `readiness.waivers.per_person` allows."""


class NothingToSign(Invalid):
    """The plan requires no sign-off of this role. The message lists what it requires."""


@dataclass(frozen=True, kw_only=True)
class SignedOff:
    """signed: items that count now · refused: items that could not be signed yet, each with the reason."""

    signed: tuple[Requirement, ...]
    refused: tuple[tuple[Requirement, str], ...]


def items_for(plan: Plan, role: Role) -> tuple[Requirement, ...]:
    """What the plan wants a role to sign off, in its order. Raises NothingToSign."""
    theirs = [item for item in plan.readiness if item.blocking and by_word(item.id)]
    mine = tuple(item for item in theirs if item.owner == role)
    if not mine:
        owners = sorted({str(item.owner) for item in theirs})
        raise NothingToSign(
            f"{plan.version} needs no sign-off by a {role}; it needs one by each of {', '.join(owners)}"
        )
    return mine


def sign_off(project: Project, actor: str, request: SignOffRequest) -> SignedOff:
    """Sign off items of a role; what else the item wants must be there. The sign-off is valid for it alone.

    Raises NothingToSign, Forbidden, UnknownRole, and BadEvidence when the artifact cannot be read.
    """
    role, plan = role_called(request.role), request.plan
    mine = _chosen(plan, role, request.items)
    person = project.require(actor, Permission.SIGN_OFF, plan.environment, role)
    artifact, now = artifact_digest(project.loaded), project.clock.now()
    proofs = proofs_of(project, plan, mine)
    signed, refused = list[Requirement](), list[tuple[Requirement, str]]()
    for item in mine:
        if why := _why_not(item, proofs[item.id], request.comment):
            refused.append((item, why))
            continue
        signature = Signature(
            SignatureKind.SIGN_OFF, item.id, role, person.name, request.comment, now, None, plan.hash, artifact,
            subject_of(proofs[item.id]),
        )  # fmt: skip
        sign(project.store.engine, plan.service, plan.environment, plan.version, signature)
        signed.append(item)
        if item.id == EMERGENCY:
            owe_review(project, actor, plan, "the emergency release", str(item.owner))
    return SignedOff(signed=tuple(signed), refused=tuple(refused))


def _chosen(plan: Plan, role: Role, wanted: Sequence[str]) -> tuple[Requirement, ...]:
    """The items of that name; all of them where none is named. Raises NothingToSign."""
    mine = {item.id: item for item in items_for(plan, role)}
    for name in wanted:
        if name not in mine:
            raise NothingToSign(f"{name} is not for the {role} to sign off; {plan.version} has {', '.join(mine)}")
    return tuple(mine[name] for name in dict.fromkeys(wanted)) if wanted else tuple(mine.values())


def _why_not(item: Requirement, proofs: Sequence[Evidence], comment: str) -> str:
    """Empty where it can be signed."""
    if item.id == EMERGENCY and not comment.strip():
        return "say with --reason what is broken, for whom, and since when"
    return "; ".join(proof.sentence for proof in proofs if not proof.ready)


def approved_alone(plan: Plan, found: Readiness) -> bool:
    """Whether nobody but the person who asks for the release approved it, as a small team may (C18)."""
    by = {
        one.by for one in found.signatures
        if (one.kind, one.item) == (SignatureKind.SIGN_OFF, "production_approval")
        and (one.plan, one.artifact) == (found.plan, found.artifact)
    }  # fmt: skip
    return is_small(plan) and bool(by) and by <= set(found.asker)


def owe_review(project: Project, actor: str, plan: Plan, what: str, owner: str) -> None:
    """A review within 48 hours becomes a follow-up, once for each release."""
    description = f"Review {what} {plan.service} {plan.version} in {plan.environment}"
    service, engine = plan.service, project.store.engine
    if any(known.description == description for known in followups.actions_of(engine, service)):
        return
    now = project.clock.now()
    due = day_of(now + _REVIEWED_WITHIN, project.loaded.configuration.calendar.timezone).isoformat()
    criterion = "somebody other than the author has looked at it, and what they found is recorded"
    review = FollowUp(0, description, owner, due, criterion, "high", plan.version)
    followups.add(engine, service, review, channels_of(project.loaded), actor, now)


def waive(project: Project, actor: str, request: WaiverRequest) -> tuple[Signature, ...]:
    """Continue without some items until a given time, by decision of their owner or the release manager. All or
    none."""
    role, plan = role_called(request.role), request.plan
    beside = requirement_of(project.loaded, plan.environment)
    items = [_waivable(plan, item, role, beside) for item in dict.fromkeys(request.items)]
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


def _waivable(plan: Plan, item: str, role: Role, beside: Sequence[Requirement]) -> str:
    """The item. beside: items that are in no plan. Raises NothingToSign and Forbidden."""
    wanted = {one.id: one for one in (*plan.readiness, *required_checks(plan), *beside)}
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
            f"{before}One person can waive {counted(limits.per_person, 'item')} of a release: ask someone else for "
            f"{', '.join(sorted(set(items) - own))}. An item that never applies belongs in readiness.not_for_us; "
            "readiness.waivers.per_person is the limit"
        )
