"""The trace of a version: from its commit over what built and tested it to environments and users (R33).

It says what the records prove and no more: that production runs the bytes that were tested is shown only where each
rollout names their digest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from pilotage.model.document import Document, Section
from pilotage.model.quantity import about, format_size
from pilotage.model.way import Artifact, Evidence

_SHORT = 12
"""Characters of a digest or a commit that people compare."""
_MOST_EVIDENCE = 50


class Proof(StrEnum):
    """Whether all environments had the bytes that the way built and tested."""

    PROVEN = "proven"
    UNPROVEN = "unproven"
    """Something names no digest."""
    BROKEN = "broken"
    """Something names another digest, or a record was changed."""


@dataclass(frozen=True, kw_only=True)
class TracedStage:
    """status: of the stage, in a word · began: Unix seconds, None before · took: seconds, None while it is not over ·
    detail: what it said · approved: who approved it or promoted the release to it."""

    name: str
    status: str
    began: float | None
    took: float | None
    detail: str
    approved: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TracedWay:
    """intact: whether its chain of events is as it was written · begun: Unix seconds."""

    id: str
    commit: str
    author: str
    status: str
    begun: float
    reason: str
    stages: tuple[TracedStage, ...]
    artifacts: tuple[Artifact, ...]
    intact: bool = True


@dataclass(frozen=True, kw_only=True)
class TracedRollout:
    """One rollout of the version. source: the environment that it was promoted from, empty for none · digests: of what
    it started, as its own record names them · requests: of users to this version, None where nobody counted ·
    reached_percent: the largest share of users that it had · intact: as of a way."""

    id: str
    environment: str
    status: str
    begun: float
    took: float | None
    actor: str
    source: str
    digests: tuple[str, ...]
    requests: int | None
    reached_percent: float
    reason: str
    intact: bool = True


@dataclass(frozen=True, kw_only=True)
class Trace:
    """ways, rollouts: oldest first · changed: artifacts whose stored bytes have another digest, or are gone, by name ·
    serving: environments that this version serves now · zone: of the clock by which times are shown."""

    service: str
    version: str
    ways: tuple[TracedWay, ...]
    rollouts: tuple[TracedRollout, ...]
    changed: tuple[str, ...] = ()
    serving: tuple[str, ...] = ()
    zone: str = "UTC"

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        """Those of the newest way that built any."""
        return next((way.artifacts for way in reversed(self.ways) if way.artifacts), ())


def proof_of(trace: Trace) -> tuple[Proof, str]:
    """What the records prove about the bytes, in a sentence."""
    if edited := [*(w.id for w in trace.ways if not w.intact), *(r.id for r in trace.rollouts if not r.intact)]:
        return Proof.BROKEN, f"The events of {_some(edited)} were changed after they were written: nothing is proven"
    built = {artifact.digest for artifact in trace.artifacts}
    others = [r for r in trace.rollouts if built and r.digests and not set(r.digests) <= built]
    if others:
        return Proof.BROKEN, f"{_some([_place(r) for r in others])} had other bytes than the way built"
    if trace.changed:
        return (
            Proof.BROKEN,
            f"The stored bytes of {_some(trace.changed)} are gone or have changed since they were built",
        )
    if not trace.rollouts:
        return Proof.UNPROVEN, "No environment has had this version"
    if not built:
        return Proof.UNPROVEN, "No way built an artifact of this version, so no digest ties tests to environments"
    if silent := [r for r in trace.rollouts if not r.digests]:
        return Proof.UNPROVEN, f"The rollout to {_some([_place(r) for r in silent])} names no digest"
    named = dict.fromkeys(r.environment for r in trace.rollouts)
    what = "the artifact" if len(built) == 1 else f"the {len(built)} artifacts"
    return Proof.PROVEN, f"{_some(tuple(named)).capitalize()} had {what} that the way built once, by digest"


def trace_document(trace: Trace) -> Document:
    """The trace for people."""
    _, proven = proof_of(trace)
    serves = f"Serves {_some(trace.serving)}" if trace.serving else "Serves no environment now"
    sections = (*_ways(trace), *_artifacts(trace), *_rollouts(trace), *_evidence(trace))
    return Document(f"Trace of {trace.service} {trace.version}", (serves, proven), sections)


def _ways(trace: Trace) -> Iterator[Section]:
    for way in trace.ways:
        why = f": {way.reason}" if way.reason else ""
        commit = f"commit {way.commit[:_SHORT]}" if way.commit else "no commit"
        yield Section(
            f"way-{way.id}", f"Way {way.id}",
            sentences=(f"{commit}, started by {way.author} at {_clock(way.begun, trace.zone)}, {way.status}{why}",),
            headers=("Stage", "State", "Began", "Took", "What it said"),
            rows=tuple(_row(stage, trace.zone) for stage in way.stages), numbers=("Took",),
        )  # fmt: skip


def _row(stage: TracedStage, zone: str) -> tuple[str, ...]:
    approved = f"approved by {', '.join(stage.approved)}" if stage.approved else ""
    said = "; ".join(part for part in (stage.detail, approved) if part)
    return (
        stage.name,
        stage.status,
        _clock(stage.began, zone) if stage.began is not None else "–",
        _took(stage.took),
        said,
    )


def _artifacts(trace: Trace) -> Iterator[Section]:
    if not trace.artifacts:
        return
    rows = tuple(
        (one.name, "image" if one.image else format_size(one.size), f"sha256:{one.digest}") for one in trace.artifacts
    )
    yield Section("artifacts", "Artifacts", headers=("Name", "Size", "Digest"), rows=rows, numbers=("Size",))


def _rollouts(trace: Trace) -> Iterator[Section]:
    if not trace.rollouts:
        return
    headers = ("Environment", "State", "Began", "Took", "By", "Bytes", "Users", "Requests")
    rows = tuple(
        (
            r.environment, r.status, _clock(r.begun, trace.zone), _took(r.took),
            f"{r.actor}{f', from {r.source}' if r.source else ''}",
            ", ".join(digest[:_SHORT] for digest in r.digests) or "–", f"{r.reached_percent:g} %",
            "–" if r.requests is None else f"{r.requests:,}",
        )
        for r in trace.rollouts
    )  # fmt: skip
    told = tuple(f"{r.environment}: {r.reason}" for r in trace.rollouts if r.reason)
    yield Section(
        "environments", "Environments and users", headers=headers, rows=rows, bullets=told,
        numbers=("Took", "Users", "Requests"),
    )  # fmt: skip


def _evidence(trace: Trace) -> Iterator[Section]:
    found = [
        f"{stage.name}: {one.sentence.strip() or one.kind} ({one.where})"
        + (f", sha256:{one.digest[:_SHORT]}" if one.digest else "")
        for way in trace.ways
        for stage in way.stages
        for one in stage.evidence
    ]
    if found:
        more = (f"and {len(found) - _MOST_EVIDENCE} more",) if len(found) > _MOST_EVIDENCE else ()
        yield Section("evidence", "Evidence", bullets=(*found[:_MOST_EVIDENCE], *more))


def _clock(at: float, zone: str) -> str:
    return f"{datetime.fromtimestamp(at, ZoneInfo(zone)):%Y-%m-%d %H:%M}"


def _took(seconds: float | None) -> str:
    return "–" if seconds is None else about(seconds)


def _place(rollout: TracedRollout) -> str:
    return f"{rollout.environment} ({rollout.id})"


def _some(names: Sequence[str]) -> str:
    shown = list(names[:3])
    if len(names) > len(shown):
        shown[-1:] = [f"{len(names) - 2} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
