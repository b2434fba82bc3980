"""From evidence and statements to the state of a gate: ready only if something says so (R5–R7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pilotage.model.readiness import Evidence, Gate, GateStatus, Signature, SignatureKind
from pilotage.model.schedule import Requirement

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

FOLLOW_UP = "followup_"
"""Starts the item of each follow-up of a retrospective."""

FOLLOW_UPS = (FOLLOW_UP, "action_")
"""The same, and as bundles of earlier versions have it."""

BY_OTHER_THAN_THE_ASKER = frozenset(("production_approval",))


def by_proof(item: str) -> bool:
    """Whether something seen decides it, and not someone's signature."""
    return item in BY_EVIDENCE | BY_OURSELVES or item.startswith(FOLLOW_UPS)


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
    given = [s for s in mine if s.kind is SignatureKind.SIGN_OFF]
    if not given:
        return f"not signed off by the {item.owner}"
    valid = [s for s in given if _valid(s, where)]
    if not valid:
        return _void(given[-1], where)
    if item.id in BY_OTHER_THAN_THE_ASKER and not where.small and all(s.by in where.asker for s in valid):
        return f"{valid[-1].by} requested this release and cannot also approve it"
    return ""


def _valid(signature: Signature, where: ReleaseContext) -> bool:
    return signature.plan == where.plan and signature.artifact == where.artifact


def _void(signature: Signature, where: ReleaseContext) -> str:
    if signature.plan != where.plan:
        return f"{signature.by} signed off plan {signature.plan[:12]}; the plan has changed to {where.plan[:12]} since"
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
    valid = [s for s in mine if s.kind is SignatureKind.SIGN_OFF and _valid(s, where)]
    if by_proof(item.id) or not valid:
        return proofs
    last = valid[-1]
    comment = f": {last.comment}" if last.comment else ""
    return (*proofs, Evidence("sign-off", True, f"{last.by} ({last.role}){comment}"))
