"""What `way` prints as JSON."""

from __future__ import annotations

from collections.abc import Mapping

from pilotage.model.json import JsonObject
from pilotage.model.output.base import Output, Part


class WayEvidenceOutput(Part, frozen=True, kw_only=True):
    """Something that shows what a stage did."""

    kind: str
    """`log`, `report`, `check`, `provenance`, `signature` or `rollout`."""
    where: str
    """Path, URL or id."""
    sentence: str
    digest: str | None
    """SHA-256 of the file."""


class WayArtifactOutput(Part, frozen=True, kw_only=True):
    """Something that the way built once."""

    name: str
    """Path in the checkout, or reference of an image."""
    digest: str
    """SHA-256."""
    size: int | None
    """Bytes; null for an image."""


class WayStageOutput(Part, frozen=True, kw_only=True):
    """A stage, and how far it is."""

    name: str
    kind: str
    """`run`, `await` or `environment`."""
    environments: tuple[str, ...]
    """Environments that it rolls out to, or tests."""
    status: str
    """`waiting`, `running`, `cut-off`, `passed`, `carried` or `failed`."""
    waits_for: str | None
    """What keeps it from beginning or continuing: `approval`, `promotion`, `bake`, `readiness`, `window`, `freeze`,
    `refused`, `turn`, `cut-off` or `unknown`."""
    detail: str
    """Why it waits or failed."""
    attempt: int
    """Number of the current or last attempt, from 1."""
    started: str | None
    """When it began; null before."""
    ended: str | None
    """When it ended; null before."""
    seconds: float | None
    """From its start to its end, or to now."""
    usual_seconds: tuple[float, float]
    """How long such a stage usually takes: from, to."""
    approvals: tuple[str, ...]
    """Who approved it."""
    approvals_required: int
    """Number of approvals that it needs."""
    approval_roles: tuple[str, ...]
    """Roles whose approval counts; empty for anyone's."""
    promoted_by: str | None
    """Who began it, where a person has to."""
    carried_from: str | None
    """Id of the earlier way in which it passed with the same files."""
    rollouts: Mapping[str, str]
    """Ids of its rollouts, by environment."""
    evidence: tuple[WayEvidenceOutput, ...]


class WaySummaryOutput(Part, frozen=True, kw_only=True):
    """One way in a list."""

    id: str
    service: str
    version: str
    commit: str | None
    """Full id in git; null where no stage needs one."""
    author: str
    """Who started it."""
    status: str
    """`under way`, `held`, `failing`, `failed`, `aborted` or `completed`."""
    stage: str | None
    """The current one; null once all have passed."""
    started: str
    """When it was started."""
    ended: str | None
    """When it ended; null before."""
    next: str | None
    """Command that a person gives next; null where nobody is waited for."""


class WayPlaceOutput(Part, frozen=True, kw_only=True):
    """What one environment has."""

    environment: str
    serving: str | None
    """Version that all users have; null for none."""
    arriving: str | None
    """Version that rolls out or goes back; null where nothing does."""
    status: str | None
    """Status of that rollout."""
    weight_percent: float | None
    """Users who have that version."""


class WaysOutput(Output, frozen=True, kw_only=True):
    """`way`."""

    ways: tuple[WaySummaryOutput, ...]
    """Newest first."""
    environments: tuple[WayPlaceOutput, ...] = ()
    """Those of the way first, in its order."""


class WayOutput(Output, frozen=True, kw_only=True):
    """`way VERSION`."""

    way: WaySummaryOutput
    reason: str
    """Why it is held, failed or was aborted."""
    stages: tuple[WayStageOutput, ...]
    left_out: Mapping[str, str]
    """Stages that are not for this release, by name, each with why."""
    artifacts: tuple[WayArtifactOutput, ...]


class WayStartedOutput(Output, frozen=True, kw_only=True):
    """`way start --detach`."""

    way: str
    """Its id."""


class WayEventOutput(Part, frozen=True, kw_only=True):
    """One line of `way events` and `way start --follow`."""

    way: str
    """Id of the way."""
    number: int
    """Its place among the events of the way, from 1."""
    timestamp: str
    type: str
    """See [events](events.md)."""
    sentence: str
    data: JsonObject
    """Its fields."""
    previous_hash: str
    """Hash of the previous event; for the first event, hash of the way."""
    hash: str
    """Hash of this event."""
