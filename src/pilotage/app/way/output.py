"""Ways as JSON for machines."""

from __future__ import annotations

from pilotage.app.way.viewing import PlaceView, StageView, WayView
from pilotage.model.output.ways import (
    WayArtifactOutput,
    WayEventOutput,
    WayEvidenceOutput,
    WayOutput,
    WayPlaceOutput,
    WayStageOutput,
    WaySummaryOutput,
)
from pilotage.model.record import Recorded
from pilotage.model.stored_way import kind_of
from pilotage.model.timestamp import timestamp


def summary_output(view: WayView) -> WaySummaryOutput:
    """One way in a list."""
    stored, current = view.stored, view.current
    return WaySummaryOutput(
        id=stored.way.id, service=stored.way.service, version=stored.way.version, commit=stored.way.commit or None,
        author=stored.way.author, status=stored.state.status.value, stage=current.stage.name if current else None,
        started=timestamp(stored.created_at), ended=timestamp(stored.finished_at), next=view.next or None,
    )  # fmt: skip


def place_output(place: PlaceView) -> WayPlaceOutput:
    """What one environment has."""
    return WayPlaceOutput(
        environment=place.environment, serving=place.serving or None, arriving=place.arriving or None,
        status=place.status or None, weight_percent=place.percent if place.arriving else None,
    )  # fmt: skip


def way_output(view: WayView) -> WayOutput:
    """All of one."""
    stored = view.stored
    return WayOutput(
        way=summary_output(view),
        reason=stored.state.reason,
        stages=tuple(_stage(one) for one in view.stages),
        left_out=dict(stored.way.left_out),
        artifacts=tuple(
            WayArtifactOutput(name=one.name, digest=one.digest, size=None if one.image else one.size)
            for one in stored.state.artifacts
        ),
    )


def _stage(view: StageView) -> WayStageOutput:
    stage, state = view.stage, view.state
    return WayStageOutput(
        name=stage.name, kind=kind_of(stage), environments=view.environments, status=state.status.value,
        waits_for=state.waiting or None, detail=state.detail, attempt=state.attempt,
        started=timestamp(state.began or None), ended=timestamp(state.ended or None), seconds=view.took,
        usual_seconds=(view.least, view.most), approvals=state.approved,
        approvals_required=stage.entry.approvals, approval_roles=stage.entry.roles,
        promoted_by=state.promoted or None, carried_from=state.carried_from or None, rollouts=dict(state.rollouts),
        evidence=tuple(
            WayEvidenceOutput(kind=one.kind, where=one.where, sentence=one.sentence, digest=one.digest or None)
            for one in state.evidence
        ),
    )  # fmt: skip


def event_output(event: Recorded) -> WayEventOutput:
    """One line."""
    return WayEventOutput(
        way=event.rollout, number=event.number, timestamp=timestamp(event.at), type=event.type,
        sentence=event.sentence, data=event.data, previous_hash=event.before, hash=event.hash,
    )  # fmt: skip
