"""From evidence and statements to the state of a gate: ready only if something says so (R5–R7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from pilotage.model.readiness import Evidence, Gate, GateStatus, Signature, SignatureKind
from pilotage.model.schedule import Requirement
from pilotage.model.step_ids import REQUIRED_CHECKS

BY_EVIDENCE = frozenset((
    "unit_test_coverage", "integration_test_coverage", "code_review_completion", "static_analysis_passing",
    "security_scan_passing", "performance_benchmarks", "backup_procedures", "runbook_documentation",
    "alerting_configuration",
))  # fmt: skip
"""Items that automatic evidence decides; `readiness.evidence` says where it is."""

BY_OURSELVES = frozenset((
    "environment_parity", "deployment_automation", "monitoring_instrumentation", "rollback_mechanism",
    "maintenance_window_scheduled", "flag_registered",
))  # fmt: skip
"""Items that Pilotage finds in its own records, its configuration, or the target itself."""

BY_CHECKS = frozenset(REQUIRED_CHECKS)
"""Checks of the rollout that the plan requires; the configuration decides whether there is one."""

DATABASE = "database_state"
"""What the environment's database says; only where `database:` names it."""

BY_STATES = frozenset(("feature_announcements", "tenant_notices"))
"""Items that the state of announcements decides. Bundles of earlier versions have a person's sign-off instead."""

WAVES = "waves"
"""Kind of the evidence that an environment's waves of tenants give; it needs nobody's signature."""

FOLLOW_UP = "followup_"
"""Starts the item of each follow-up of a retrospective."""

FOLLOW_UPS = (FOLLOW_UP, "action_")
"""The same, and as bundles of earlier versions have it."""

PHASE = "phase_"
"""Starts the item of each activity or milestone that is overdue, or without which nothing is released."""

BESIDE_PLAN = (*FOLLOW_UPS, PHASE, DATABASE)
"""Starts of items that are in no plan, so that what people do about them voids no sign-off."""

BY_OTHER_THAN_THE_ASKER = frozenset(("production_approval",))


def subject_of(proofs: Sequence[Evidence]) -> str:
    """The digest of everything that a person signs with an item; empty where that is nothing."""
    digests = sorted(proof.digest for proof in proofs if proof.digest)
    if len(digests) < 2:
        return "".join(digests)
    return sha256("\n".join(digests).encode()).hexdigest()


def by_proof(item: str) -> bool:
    """Whether something seen decides it, and not someone's signature."""
    return item in BY_EVIDENCE | BY_OURSELVES | BY_CHECKS or item.startswith(BESIDE_PLAN)


def by_word(item: str) -> bool:
    """Whether a person signs it off."""
    return not by_proof(item) and item not in BY_STATES


@dataclass(frozen=True)
class ReleaseContext:
    """plan: hash · artifact: SHA-256 or empty · now: Unix seconds · asker: every name of the person who asks · small:
    members of a small team may approve their own release, with a review afterwards (C18)."""

    plan: str
    artifact: str
    now: float
    asker: frozenset[str]
    small: bool


def gate(
    item: Requirement, proofs: Sequence[Evidence], signatures: Sequence[Signature], told: str, where: ReleaseContext
) -> Gate:
    """told: the command or setting that provides this item's evidence."""
    mine = [s for s in signatures if s.item == item.id]
    waiver = _last([s for s in mine if s.kind is SignatureKind.WAIVER and _may_waive(s, where)], where)
    seen = tuple(proofs)
    if not item.blocking:
        return _gate(item, GateStatus.NOT_REQUIRED, (), item.note, "")
    if seen and not any(proof.required for proof in seen):
        return _gate(item, GateStatus.NOT_REQUIRED, seen, "; ".join(proof.sentence for proof in seen), "")
    reason = _why_not(item, seen, mine, where)
    if not reason:
        return _gate(item, GateStatus.READY, _with_sign_off(item, seen, mine, where), "", "")
    if waiver is not None:
        return _gate(item, GateStatus.WAIVED, seen, f"{_said(waiver)}; without it: {reason}", "")
    return _gate(item, GateStatus.NOT_READY, seen, reason, told)


def _gate(item: Requirement, standing: GateStatus, proofs: tuple[Evidence, ...], reason: str, told: str) -> Gate:
    return Gate(item.id, item.title, item.owner, item.requirement, standing, proofs, reason, told)


def _why_not(item: Requirement, proofs: tuple[Evidence, ...], mine: Sequence[Signature], where: ReleaseContext) -> str:
    """Empty when nothing is missing."""
    bad = [proof.sentence for proof in proofs if not proof.ready]
    if bad:
        return "; ".join(bad)
    if by_proof(item.id):
        return "" if proofs else "no evidence"
    if proofs and (item.id in BY_STATES or all(proof.kind == WAVES for proof in proofs)):
        return ""
    given = [s for s in mine if s.kind is SignatureKind.SIGN_OFF]
    if not given:
        return f"not signed off by the {item.owner}"
    subject = subject_of(proofs)
    valid = [s for s in given if _valid(s, where, subject)]
    if not valid:
        return _void(given[-1], where)
    if item.id in BY_OTHER_THAN_THE_ASKER and not where.small and all(s.by in where.asker for s in valid):
        return f"{valid[-1].by} requested this release and cannot also approve it"
    return ""


def _valid(signature: Signature, where: ReleaseContext, subject: str) -> bool:
    of = (signature.plan, signature.artifact, signature.subject)
    return of == (where.plan, where.artifact, subject)


def _void(signature: Signature, where: ReleaseContext) -> str:
    if signature.plan != where.plan:
        return f"{signature.by} signed off plan {signature.plan[:12]}; the plan has changed to {where.plan[:12]} since"
    if signature.artifact == where.artifact:
        return f"what {signature.by} signed off has changed since"
    return f"{signature.by} signed off artifact {_short(signature.artifact)}; this is artifact {_short(where.artifact)}"


def _short(digest: str) -> str:
    return digest[:12] or "none"


def _may_waive(waiver: Signature, where: ReleaseContext) -> bool:
    """Who may not approve for themselves may not do without the approval either."""
    return waiver.item not in BY_OTHER_THAN_THE_ASKER or where.small or waiver.by not in where.asker


def _last(waivers: Sequence[Signature], where: ReleaseContext) -> Signature | None:
    """A waiver holds for its release, for any hash of the plan, until it ends."""
    live = [w for w in waivers if w.until is not None and w.until > where.now]
    return live[-1] if live else None


def _said(waiver: Signature) -> str:
    from datetime import UTC, datetime

    until = datetime.fromtimestamp(waiver.until or 0, UTC)
    return f"waived by {waiver.by} ({waiver.role}) until {until:%Y-%m-%d %H:%M} UTC: {waiver.comment}"


def _with_sign_off(
    item: Requirement, proofs: tuple[Evidence, ...], mine: Sequence[Signature], where: ReleaseContext
) -> tuple[Evidence, ...]:
    subject = subject_of(proofs)
    valid = [s for s in mine if s.kind is SignatureKind.SIGN_OFF and _valid(s, where, subject)]
    if by_proof(item.id) or not valid:
        return proofs
    last = valid[-1]
    comment = f": {last.comment}" if last.comment else ""
    return (*proofs, Evidence("sign-off", True, f"{last.by} ({last.role}){comment}"))
