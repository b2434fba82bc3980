"""What was measured: instances of a fleet, and counts, histograms and gauges of versions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pilotage.model.json import JsonObject, each, number_at, whole_at

REST = "rest"
"""The route of what is on none of those that were named."""


class Health(StrEnum):
    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    STOPPING = "stopping"
    EXITED = "exited"


@dataclass(frozen=True)
class Instance:
    """One running copy of a version.

    memory: resident bytes · cpu: seconds of processor time since its start; both where the fleet can tell.
    """

    id: str
    version: str
    host: str
    port: int
    health: Health
    memory: int | None = None
    detail: str = ""
    cpu: float | None = None
    refuses: bool = False
    """Whether its health check fails in a way that waiting does not change, such as a path that does not exist."""
    pid: int | None = None
    """Its process, if that runs on this machine."""


class CheckStatus(StrEnum):
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"


@dataclass(frozen=True)
class CheckResult:
    """The state of a step's configured check. `name` is the step's id; `detail` is for people."""

    name: str
    attempt: int
    status: CheckStatus
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """How far a fleet is with bringing a version to where it runs. detail: for people, such as
    `2 of 5 hosts have it`, or why it failed."""

    status: CheckStatus
    detail: str = ""


@dataclass(frozen=True)
class ProbeResult:
    """How one try of a probe ended at one instance. instance: `host:port` · detail: what came instead of what was
    wanted, such as `/cart returned 404 instead of 200`; empty when it passed · at: Unix seconds."""

    probe: str
    version: str
    instance: str
    passed: bool
    detail: str
    at: float


@dataclass(frozen=True)
class Histogram:
    """Counts of requests by duration: `counts[i]` took at most `bounds[i]` seconds and more than the bound
    before; one count more than bounds, the last one unbounded."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.counts) != len(self.bounds) + 1:
            raise ValueError("a histogram needs one more count than bounds")

    @property
    def total(self) -> int:
        return sum(self.counts)

    def above(self, bound: float) -> int:
        """Requests slower than `bound` seconds, which must be one of `bounds`."""
        return sum(self.counts[self.bounds.index(bound) + 1 :])

    def quantile_bound(self, share: float) -> float | None:
        """The upper bound of the bucket that holds the quantile; None when empty or unbounded.

        The true quantile lies between the previous bound and this one; the bucket does not say where.
        """
        index = self.quantile_index(share)
        return None if index is None or index == len(self.bounds) else self.bounds[index]

    def quantile_index(self, share: float) -> int | None:
        """Which bucket holds the quantile; None when empty."""
        wanted, seen = share * self.total, 0
        if self.total == 0:
            return None
        for index, count in enumerate(self.counts):
            seen += count
            if seen >= wanted:
                return index
        return len(self.bounds)

    @staticmethod
    def of(saved: object, /, *path: str | int) -> Histogram:
        """The histogram whose `vars()` are at `path` of a JSON document."""
        return Histogram(tuple(each(number_at, saved, *path, "bounds")), tuple(each(whole_at, saved, *path, "counts")))

    def plus(self, other: Histogram) -> Histogram:
        if not self.bounds:
            return other
        if not other.bounds:
            return self
        if self.bounds != other.bounds:
            raise ValueError("histograms with different buckets cannot be added")
        return Histogram(self.bounds, tuple(a + b for a, b in zip(self.counts, other.counts, strict=True)))


EMPTY = Histogram((), (0,))


@dataclass(frozen=True)
class RouteCounts:
    """What one version did on one route: requests answered, those that failed, and how long they took."""

    route: str
    requests: int
    errors: int
    durations: Histogram = EMPTY


@dataclass(frozen=True)
class InstanceCounts:
    """What one instance did: requests answered and those that failed. instance: `host:port`."""

    instance: str
    requests: int
    errors: int


@dataclass(frozen=True)
class Failure:
    """One failed request of a user, from the router's log.

    user: a 64-bit hash of what identifies users; without a cookie or header, of the request alone · route: one of the
    reading's routes · status: such as `500` or `UNAVAILABLE` · instance: `host:port`, empty when none was reached ·
    path: without its query, bounded · at: Unix seconds.
    """

    version: str
    user: int
    route: str
    status: str
    instance: str = ""
    method: str = ""
    path: str = ""
    at: float = 0.0


@dataclass(frozen=True)
class Observation:
    """What one version did for users in an interval: requests answered, those that failed, and how long they took.

    routes: the same by route, where the source counts them; their sums are the figures above · instances: by
    instance, where the source counts them · synthetic: Pilotage's own requests, which the other figures leave out ·
    refused: requests answered with 4xx, errors or not; None where the source does not count them.
    """

    version: str
    requests: int
    errors: int
    durations: Histogram = EMPTY
    routes: tuple[RouteCounts, ...] = ()
    instances: tuple[InstanceCounts, ...] = ()
    synthetic: RouteCounts | None = None
    refused: int | None = None


@dataclass(frozen=True)
class Reading:
    """Observations since the previous cursor. `at` is the source's own time of the reading, Unix seconds.

    The cursor is plain JSON. If it is stored together with the resulting sums, nothing counts twice after a crash.
    failures: every failed request of users in the interval; None if the source keeps no log of them.
    """

    observations: tuple[Observation, ...]
    cursor: JsonObject
    at: float
    note: str = ""
    failures: tuple[Failure, ...] | None = None

    def of(self, version: str) -> Observation:
        found = next((o for o in self.observations if o.version == version), None)
        return found or Observation(version, 0, 0)


class VerdictKind(StrEnum):
    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    INSUFFICIENT_DATA = "insufficient-data"
    SOURCE_ERROR = "source-error"


class Excuse(StrEnum):
    """Why harm may be bad luck and not the release. Below the critical limit it earns one second try."""

    WARM_UP = "warm-up"
    """The errors are those of instances younger than `analysis.warmup_duration`."""
    INSTANCE = "instance"
    """The errors are those of one instance; the other instances are not harmful without it."""


class Remedy(StrEnum):
    """What a verdict asks for where its kind alone would ask for something else."""

    HOLD = "hold"
    """The release stays where it is: something is wrong with the service, and nobody says that it is the release."""
    DECIDE = "decide"
    """The release stays where it is, and a person is called to decide: users complain."""
    PAUSE = "pause"
    """The release is paused until a person decides."""
    NOTHING = "nothing"
    """People hear of it; the release goes on."""


@dataclass(frozen=True)
class Verdict:
    """The judge's answer on one metric, with its reasons.

    ratio: canary's rate over stable's, None when unknown · interval: anytime-valid bounds of it · evidence: natural
    logarithm of the strongest e-value for harm · samples: requests of the canary · critical: an absolute limit is
    exceeded, which is rolled back at every risk tolerance (C1) · canary, stable: the compared figures, in the metric's
    unit, ready to print · excuse: why a failure may not be the release's fault · instance: `host:port` of the one that
    fails, with `Excuse.INSTANCE` · past: compared with the past alone, because no stable version runs next to the new
    one; such a verdict can hold a release, never roll it back · detail: routes, statuses and examples behind the
    sentence, one per line · since: Unix seconds at which the new version got worse, as far as is known · unit: what
    ratio and interval count, such as `users with errors`; empty for the metric itself · asks: what the rollout should
    do, if verdicts of this kind usually lead to something else.
    """

    metric: str
    kind: VerdictKind
    sentence: str
    ratio: float | None = None
    interval: tuple[float, float] | None = None
    evidence: float = 0.0
    samples: int = 0
    critical: bool = False
    canary: str = ""
    stable: str = ""
    excuse: Excuse | None = None
    instance: str = ""
    past: bool = False
    detail: tuple[str, ...] = ()
    since: float | None = None
    unit: str = ""
    asks: Remedy | None = None
