"""Readiness as the JSON that `ready` prints."""

from __future__ import annotations

from pilotage.model.output.readiness import EvidenceOutput, FileOutput, GateOutput, ReadinessOutput, SignatureOutput
from pilotage.model.readiness import Document, Evidence, Gate, Readiness, Signature
from pilotage.model.timestamp import timestamp


def readiness_output(found: Readiness) -> ReadinessOutput:
    """All gates, their evidence, and who signed."""
    return ReadinessOutput(
        ready=found.ready,
        service=found.service,
        environment=found.environment,
        version=found.version,
        plan_hash=found.plan,
        artifact=found.artifact,
        requested_by=found.asker,
        checked_at=timestamp(found.at),
        gates=tuple(_gate(gate) for gate in found.gates),
        signatures=tuple(_signature(signature) for signature in found.signatures),
    )


def _gate(gate: Gate) -> GateOutput:
    return GateOutput(
        item=gate.item,
        title=gate.title,
        owner=gate.owner,
        requirement=gate.wants,
        status=gate.standing.value.replace(" ", "-"),
        evidence=tuple(_evidence(proof) for proof in gate.proofs),
        reason=gate.reason,
        next_step=gate.next,
    )


def _evidence(proof: Evidence) -> EvidenceOutput:
    files = tuple(_file(document) for document in proof.documents)
    return EvidenceOutput(kind=proof.kind, ready=proof.ready, sentence=proof.sentence, files=files)


def _file(document: Document) -> FileOutput:
    return FileOutput(
        path=document.path,
        sha256=document.sha256,
        size_bytes=document.size,
        modified_at=timestamp(document.modified),
    )


def _signature(signature: Signature) -> SignatureOutput:
    return SignatureOutput(
        kind=signature.kind.value,
        item=signature.item,
        role=signature.role,
        actor=signature.by,
        reason=signature.comment,
        signed_at=timestamp(signature.at),
        expires_at=timestamp(signature.until),
        plan_hash=signature.plan,
        artifact=signature.artifact,
    )
