"""What was measured: instances of a fleet, and counts, histograms and gauges of versions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


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


class CheckStatus(StrEnum):
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"


@dataclass(frozen=True)
class CheckResult:
    """How a configured check of a step stands. `name` is the step's id; `detail` is what a person reads."""

    name: str
    attempt: int
    status: CheckStatus
    detail: str = ""


@dataclass(frozen=True)
class Histogram:
    """Counts of requests by duration: `counts[i]` took at most `bounds[i]` seconds and more than the bound
    before; one count more than bounds, the last one unbounded."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.counts) != len(self.bounds) + 1:
            raise ValueError("a histogram has one count more than bounds")

    @property
    def total(self) -> int:
        return sum(self.counts)

    def above(self, bound: float) -> int:
        """Requests slower than `bound` seconds, which must be one of `bounds`."""
        return sum(self.counts[self.bounds.index(bound) + 1 :])

    def quantile_bound(self, share: float) -> float | None:
        """The upper bound of the bucket that holds the quantile; None when empty or unbounded.

        The true quantile lies between the bound before and this one: the bucket hides the rest.
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
    def of(saved: dict[str, Any]) -> Histogram:
        """The histogram whose `vars()` went through JSON."""
        return Histogram(tuple(saved["bounds"]), tuple(saved["counts"]))

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
class Observation:
    """What one version did in an interval: requests answered, those that failed (5xx), and how long they took."""

    version: str
    requests: int
    errors: int
    durations: Histogram = EMPTY


@dataclass(frozen=True)
class Reading:
    """Observations since `cursor`'s predecessor. `at` is the source's own time of the reading, Unix seconds.

    The cursor is plain JSON; whoever keeps it beside the sums it led to counts nothing twice after a crash.
    """

    observations: tuple[Observation, ...]
    cursor: dict[str, Any]
    at: float
    note: str = ""

    def of(self, version: str) -> Observation:
        found = next((o for o in self.observations if o.version == version), None)
        return found or Observation(version, 0, 0)


class VerdictKind(StrEnum):
    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    INSUFFICIENT_DATA = "insufficient-data"
    SOURCE_ERROR = "source-error"


@dataclass(frozen=True)
class Verdict:
    """The judge's answer on one metric, with its reasons.

    ratio: canary's rate over stable's, None when unknown · interval: anytime-valid bounds of it ·
    evidence: natural logarithm of the strongest e-value for harm · samples: requests of the canary seen ·
    critical: an absolute limit is breached, which is undone whatever the risk tolerance (C1) ·
    canary, stable: the figures compared, in the metric's unit, ready to print.
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
