"""`pilotage trace`: what the records of ways and rollouts say of one version, and whether its bytes are as built."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from pilotage.adapters.port_errors import AdapterError
from pilotage.adapters.stages.blobs import Blobs
from pilotage.app.periods import Report
from pilotage.app.project import Project, Unclear
from pilotage.engine.records import ways
from pilotage.engine.records.store import Store
from pilotage.engine.records.ways import StoredWay
from pilotage.model.events import ArtifactsNamed, PromotedFrom
from pilotage.model.record import Recorded, RolloutSummary
from pilotage.model.traffic import percent
from pilotage.model.way import Artifact, Evidence, StageState, StageStatus, WayStage
from pilotage.render.trace_outputs import trace_output
from pilotage.report.trace import Trace, TracedRollout, TracedStage, TracedWay, trace_document

_MOST = 200
"""Rollouts of each environment, and ways, that are looked through, newest first."""


def trace(project: Project, version: str) -> Report:
    """Everything on record about a version of the service. Raises Unclear where nothing is."""
    found = _trace(project, version)
    if not found.ways and not found.rollouts:
        raise Unclear(f"no way and no rollout of {version} is on record; list them with `pilotage way` and `history`")
    document = trace_document(found)
    return Report(document=document, output=trace_output(found))


def _trace(project: Project, version: str) -> Trace:
    store, service = project.store, project.loaded.configuration.service
    known = tuple(environment for one, environment in store.places() if one == service)
    rollouts = [r for name in known for r in store.history(service, name, _MOST) if r.version == version]
    rollouts.sort(key=lambda one: one.started_at or one.created_at)
    stored = tuple(reversed(ways.listed(store.engine, service, _MOST, version)))
    made = tuple(_way(project, one) for one in stored)
    artifacts = tuple({one.digest: one for way in made for one in way.artifacts}.values())
    return Trace(
        service=service, version=version, ways=made,
        rollouts=tuple(_rollout(store, one) for one in rollouts),
        changed=tuple(_changed(project, artifacts)),
        zone=project.loaded.configuration.calendar.timezone,
        serving=tuple(name for name in known if store.serving(service, name)[:1] == (version,)),
    )  # fmt: skip


def _way(project: Project, stored: StoredWay) -> TracedWay:
    way, state = stored.way, stored.state
    return TracedWay(
        id=way.id, commit=way.commit, author=way.author, status=state.status.value,
        begun=stored.created_at, reason=state.reason, artifacts=state.artifacts,
        stages=tuple(_stage(project, stage, at) for stage, at in zip(way.stages, state.stages, strict=True)),
        intact=ways.broken(project.store.engine, way.id) is None,
    )  # fmt: skip


def _stage(project: Project, stage: WayStage, at: StageState) -> TracedStage:
    promoted = (at.promoted,) if at.promoted and at.promoted not in at.approved else ()
    carried = f"from the way {at.carried_from}" if at.status is StageStatus.CARRIED else ""
    return TracedStage(
        name=stage.name, status=at.status.value, began=at.began or None,
        took=at.ended - at.began if at.began and at.ended else None,
        detail="; ".join(part for part in (at.detail, carried) if part),
        approved=(*at.approved, *promoted), evidence=tuple(_from_here(project, one) for one in at.evidence),
    )  # fmt: skip


def _from_here(project: Project, evidence: Evidence) -> Evidence:
    """With its path as seen from the folder of pilotage.yaml."""
    return replace(evidence, where=evidence.where.removeprefix(f"{project.folder}/"))


def _rollout(store: Store, one: RolloutSummary) -> TracedRollout:
    events = store.events(one.id)
    requests = store.live_views([one.id])[one.id].requests
    return TracedRollout(
        id=one.id, environment=one.environment, status=one.status.value,
        begun=one.started_at or one.created_at, took=one.took, actor=one.actor,
        source=_source(events), digests=_digests(events), requests=requests.get(one.version),
        reached_percent=percent(one.reached), reason=one.reason,
        intact=store.broken_link(one.id) is None,
    )  # fmt: skip


def _source(events: Sequence[Recorded]) -> str:
    return next((what.source for event in events if isinstance(what := event.what, PromotedFrom)), "")


def _digests(events: Sequence[Recorded]) -> tuple[str, ...]:
    named = (what for event in events if isinstance(what := event.what, ArtifactsNamed))
    return tuple(dict.fromkeys(digest for one in named for digest in one.digests.values()))


def _changed(project: Project, artifacts: Sequence[Artifact]) -> Iterator[str]:
    """Files whose stored bytes are no longer those that were built. Images lie in a registry, by their digest."""
    blobs = Blobs(project.directory / "artifacts")
    for artifact in artifacts:
        if not artifact.image:
            try:
                blobs.verified(artifact.digest, artifact.name)
            except AdapterError:
                yield artifact.name
