"""Sign-offs and waivers: a person's word, for one release, by those who may give it (R6)."""

from __future__ import annotations

from dataclasses import dataclass

from pilotage.app.permissions import check_role, person_of, role_called
from pilotage.app.readiness.assessment import artifact_digest
from pilotage.config.loading import Loaded
from pilotage.engine.signatures import sign
from pilotage.engine.store import Store
from pilotage.model.errors import Forbidden, Invalid
from pilotage.model.plan import Plan
from pilotage.model.readiness import Signature, SignatureKind
from pilotage.model.schedule import Requirement, Role
from pilotage.readiness.gates import BY_EVIDENCE, BY_OURSELVES


class NothingToSign(Invalid):
    """The plan wants no word of that kind; says what it wants."""


@dataclass(frozen=True)
class Word:
    """What somebody says. role: such as qa-lead · comment: why · now: Unix seconds."""

    actor: str
    role: str
    comment: str
    now: float


def sign_off(loaded: Loaded, plan: Plan, store: Store, word: Word) -> tuple[Requirement, ...]:
    """Sign off everything that the plan wants of this role; returns it.

    Raises NothingToSign, Forbidden, UnknownRole, and BadEvidence when the artifact cannot be read.
    """
    role = role_called(word.role)
    theirs = [item for item in plan.readiness if item.id not in BY_EVIDENCE | BY_OURSELVES]
    mine = tuple(item for item in theirs if item.owner == role)
    if not mine:
        owners = sorted({str(item.owner) for item in theirs})
        raise NothingToSign(f"{plan.version} wants no sign-off of a {role}; it wants those of {', '.join(owners)}")
    person = person_of(loaded, word.actor)
    check_role(loaded, person, role)
    artifact = artifact_digest(loaded)
    for item in mine:
        signed = Signature(
            SignatureKind.SIGN_OFF, item.id, role, person.name, word.comment, word.now, None, plan.hash, artifact
        )
        sign(store.engine, plan.service, plan.environment, plan.version, signed)
    return mine


def waive(loaded: Loaded, plan: Plan, store: Store, item: str, until: float, word: Word) -> Signature:
    """Go on without one item until a moment (Unix seconds): a word of its owner's or the release manager's.

    Raises NothingToSign for an item that the plan does not have, Forbidden, UnknownRole.
    """
    role = role_called(word.role)
    wanted = {one.id: one for one in plan.readiness}
    if item not in wanted:
        raise NothingToSign(f"{plan.version} wants no {item!r}; it wants {', '.join(wanted)}")
    owner = wanted[item].owner
    if role not in (owner, Role.RELEASE_MANAGER):
        raise Forbidden(f"{item} may be waived by the {owner} or the {Role.RELEASE_MANAGER}, not by a {role}")
    person = person_of(loaded, word.actor)
    check_role(loaded, person, role)
    signed = Signature(
        SignatureKind.WAIVER, item, role, person.name, word.comment, word.now, until, plan.hash, artifact_digest(loaded)
    )
    sign(store.engine, plan.service, plan.environment, plan.version, signed)
    return signed
