"""What the trace of a version is with `--format json`."""

from __future__ import annotations

from pilotage.model.output.base import Output, Part


class ArtifactOutput(Part, frozen=True, kw_only=True):
    """Something that a way built."""

    name: str
    """Its path in the checkout, or the image's reference."""
    sha256: str
    """Digest, hexadecimal."""
    size: int
    """Bytes; 0 of an image."""
    image: bool
    """Whether it is a container image."""


class EvidenceOutput(Part, frozen=True, kw_only=True):
    """Something that shows what a stage did."""

    kind: str
    """Such as `log`, `report` or `check`."""
    where: str
    """A path, an address or an id."""
    sentence: str
    """What it says."""
    sha256: str
    """Empty where it is no file."""


class TracedStageOutput(Part, frozen=True, kw_only=True):
    """A stage of a way."""

    name: str
    status: str
    began_at: str | None
    """Null before it began."""
    duration_seconds: float | None
    """Null while it is not over."""
    detail: str
    """What it said."""
    approved_by: tuple[str, ...]
    """Who approved it, or promoted the release to it."""
    evidence: tuple[EvidenceOutput, ...]
    """What shows that it did it."""


class TracedWayOutput(Part, frozen=True, kw_only=True):
    """A way that the version travelled."""

    id: str
    commit: str
    """Empty where no stage needed one."""
    author: str
    """Who started it."""
    status: str
    started_at: str
    reason: str
    """Why it is held, failed or was undone; empty otherwise."""
    intact: bool
    """Whether its events are as they were written."""
    stages: tuple[TracedStageOutput, ...]
    """In order."""
    artifacts: tuple[ArtifactOutput, ...]
    """What it built."""


class TracedRolloutOutput(Part, frozen=True, kw_only=True):
    """A rollout of the version."""

    id: str
    environment: str
    status: str
    started_at: str
    duration_seconds: float | None
    """Null while it is in progress."""
    actor: str
    promoted_from: str
    """Environment that the version was taken from; empty for none."""
    sha256: tuple[str, ...]
    """What it started, as its own record names it."""
    requests: int | None
    """Requests of users to this version; null where nobody counted."""
    reached_percent: float
    """Largest share of users that had it."""
    reason: str
    """Why it is held, failed or was undone; empty otherwise."""
    intact: bool
    """Whether its events are as they were written."""


class TraceOutput(Output, frozen=True, kw_only=True):
    """`trace VERSION --format json`."""

    service: str
    version: str
    proof: str
    """`proven`, `unproven` or `broken`: whether all environments had the bytes that the way built and tested."""
    sentence: str
    """The same for people."""
    serves: tuple[str, ...]
    """Environments that it serves now."""
    ways: tuple[TracedWayOutput, ...]
    """Oldest first."""
    rollouts: tuple[TracedRolloutOutput, ...]
    """Oldest first."""
    changed: tuple[str, ...]
    """Artifacts whose stored bytes are gone or changed."""
