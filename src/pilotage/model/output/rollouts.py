"""What `status`, `history`, `events`, `explain`, `watch` and `deploy` print with `--json`."""

from __future__ import annotations

from collections.abc import Mapping

from pilotage.model.json import JsonObject
from pilotage.model.output.base import Output, Part


class WeightPercent(Part, frozen=True, kw_only=True):
    """Share of requests to the new version, in percent."""

    desired: float | None
    """As Pilotage wants it; null before the first observation."""
    actual: float | None
    """As the router reports it; null if nobody could read it."""
    observed: float | None
    """As the last requests were split; null without requests."""


class VerdictOutput(Part, frozen=True, kw_only=True):
    """What the judge says of one metric."""

    metric: str
    verdict: str
    """`pass`, `fail`, `inconclusive`, `insufficient-data` or `source-error`."""
    reason: str
    canary: str
    """The new version's value."""
    stable: str
    """The value it was compared with."""
    samples: int
    details: tuple[str, ...]
    """Routes, status codes and log lines behind it."""
    compared_with_past: bool
    """Compared with earlier rollouts, because no stable version ran next to it."""
    ratio: float | None
    """New version to stable version."""
    confidence_interval: tuple[float | None, float | None] | None
    """Bounds of the ratio; null is an open end."""
    unit: str
    """What ratio and interval count, such as `users with errors`; empty for the metric itself."""


class RolloutOutput(Part, frozen=True, kw_only=True):
    """One rollout."""

    id: str
    service: str
    environment: str
    version: str
    stable_version: str | None
    """The version to roll back to; null for a first deployment."""
    status: str
    reason: str
    mode: str
    """`full`, `initial`, `fast-return` or `emergency`."""
    strategy: str
    step: str
    """The id of the current step."""
    weight_percent: WeightPercent
    verdicts: tuple[VerdictOutput, ...]
    """As of the last observation."""
    actor: str
    group_id: str | None
    """The release of several services that it belongs to."""
    sequence: int | None
    """Its number among the rollouts of its environment; null until it starts."""
    created_at: str
    started_at: str | None
    finished_at: str | None
    plan_hash: str


class OutageOutput(Part, frozen=True, kw_only=True):
    """That nothing serves users of an environment, or that nobody has looked lately."""

    presence: str
    """`offline` or `unknown`."""
    since: str | None
    """The last moment at which something served, or at which somebody looked; null if that is not known."""
    reason: str
    action: str
    """What to type, or who is at work."""


class HomeOutput(Part, frozen=True, kw_only=True):
    """Where an environment runs, if not here."""

    name: str
    heard_seconds_ago: float | None
    """Time since its worker was last heard of; null if it never was."""


class EnvironmentOutput(Output, frozen=True, kw_only=True):
    """`status` of one environment."""

    service: str
    environment: str
    serving: str | None
    """The stable version."""
    kept_environment: str | None
    """The version of a failed environment that was kept for debugging."""
    warm_version: str | None
    """The version that stays ready, so that a rollback to it starts nothing (`rollback.keep_warm`)."""
    warm_until: str | None
    """When that version stops."""
    queued: tuple[str, ...]
    """Queued versions, in order."""
    worker: int | None
    """Process id of the worker on this machine; null if none is running."""
    healthy_instances: int | None
    """Healthy instances of the versions that get requests; null if that is unknown."""
    down_since: str | None
    """The last moment at which something served; null if something serves now, or if it is not known."""
    last_seen_at: str | None
    """When a worker last looked at what serves; null if none did."""
    home: HomeOutput | None
    """Where the environment runs; null if it is here."""
    outage: OutageOutput | None
    """That nothing serves users, or that nobody has looked lately; null while users are served."""
    rollout: RolloutOutput | None
    """The rollout that started last."""


class StatusOutput(Output, frozen=True, kw_only=True):
    """`status` of several environments."""

    environments: tuple[EnvironmentOutput, ...]


class HistoryOutput(Output, frozen=True, kw_only=True):
    """`history`: rollouts, newest first."""

    rollouts: tuple[RolloutOutput, ...]


class EventOutput(Part, frozen=True, kw_only=True, omit_defaults=True):
    """One line of `events`, `deploy` and `watch`."""

    rollout: str
    number: int
    timestamp: str
    type: str
    """See [events](events.md)."""
    sentence: str
    data: JsonObject
    previous_hash: str
    """Hash of the previous event; for the first event, hash of the plan."""
    hash: str
    """Hash of the stored event, with the names that types and fields had then."""
    service: str | None = None
    """Only of a release of several services."""


class CheckOutput(Part, frozen=True, kw_only=True):
    """One check of the current step."""

    name: str
    status: str
    detail: str


class InstanceOutput(Part, frozen=True, kw_only=True):
    """One running instance."""

    id: str
    version: str
    health: str
    port: int


class FlagReach(Part, frozen=True, kw_only=True):
    """Which users have a flag."""

    groups: tuple[str, ...]
    weight_percent: float
    """Share of the users outside the groups."""


class TickOutput(Part, frozen=True, kw_only=True):
    """One line of `watch --ticks`: what one pass over the rollout observed."""

    type: str = "tick"
    """Always `tick`."""
    timestamp: str
    status: str
    step: str
    title: str
    analysed_seconds: float
    """Time of this step that was analysed."""
    duration_seconds: float
    """Time that the step requires."""
    weight_percent: WeightPercent
    maintenance: bool
    """Users get the maintenance page."""
    flag: FlagReach | None
    requests: Mapping[str, int]
    """Requests of each version since the rollout began."""
    verdicts: tuple[VerdictOutput, ...]
    forecast: str
    health_score: float | None
    """0 is certain harm, 1 is healthy."""
    checks: tuple[CheckOutput, ...]
    instances: tuple[InstanceOutput, ...]
    error: str
    """What could not be read or done."""


class RemedyOutput(Part, frozen=True, kw_only=True):
    """What to do about one metric that fails."""

    metric: str
    changed: tuple[str, ...]
    """Figures of both versions, and files that this version changed."""
    where_to_look: tuple[str, ...]
    """Where such causes are found."""
    commands: tuple[str, ...]
    """Commands to type."""


class ExplanationOutput(Output, frozen=True, kw_only=True):
    """`explain`."""

    rollout: str
    explanation: tuple[str, ...]
    """Lines of text."""
    remedies: tuple[RemedyOutput, ...] = ()
    """For each metric that fails; the one that decided comes first."""


class DetachedOutput(Output, frozen=True, kw_only=True):
    """`deploy --detach`."""

    rollout: str | None = None
    group_id: str | None = None
    """Instead of a rollout, for a release of several services."""
