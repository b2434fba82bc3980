"""The trace of a version as programs read it."""

from __future__ import annotations

from pilotage.model.output.trace import (
    ArtifactOutput,
    EvidenceOutput,
    TracedRolloutOutput,
    TracedStageOutput,
    TracedWayOutput,
    TraceOutput,
)
from pilotage.model.timestamp import timestamp
from pilotage.report.trace import Trace, TracedRollout, TracedStage, TracedWay, proof_of


def trace_output(trace: Trace) -> TraceOutput:
    """The same as `trace_document`."""
    proof, sentence = proof_of(trace)
    return TraceOutput(
        service=trace.service, version=trace.version, proof=proof.value, sentence=sentence, serves=trace.serving,
        ways=tuple(map(_way, trace.ways)), rollouts=tuple(map(_rollout, trace.rollouts)), changed=trace.changed,
    )  # fmt: skip


def _way(way: TracedWay) -> TracedWayOutput:
    return TracedWayOutput(
        id=way.id, commit=way.commit, author=way.author, status=way.status, started_at=timestamp(way.begun),
        reason=way.reason, intact=way.intact, stages=tuple(map(_stage, way.stages)),
        artifacts=tuple(
            ArtifactOutput(name=one.name, sha256=one.digest, size=one.size, image=one.image) for one in way.artifacts
        ),
    )  # fmt: skip


def _stage(stage: TracedStage) -> TracedStageOutput:
    return TracedStageOutput(
        name=stage.name, status=stage.status, began_at=timestamp(stage.began), duration_seconds=stage.took,
        detail=stage.detail, approved_by=stage.approved,
        evidence=tuple(
            EvidenceOutput(kind=one.kind, where=one.where, sentence=one.sentence, sha256=one.digest)
            for one in stage.evidence
        ),
    )  # fmt: skip


def _rollout(one: TracedRollout) -> TracedRolloutOutput:
    return TracedRolloutOutput(
        id=one.id, environment=one.environment, status=one.status, started_at=timestamp(one.begun),
        duration_seconds=one.took, actor=one.actor, promoted_from=one.source, sha256=one.digests,
        requests=one.requests, reached_percent=one.reached_percent, reason=one.reason, intact=one.intact,
    )  # fmt: skip
