"""What went wrong and how Pilotage reacted: verdicts, holds, withdrawals, rollbacks."""

from __future__ import annotations

from dataclasses import dataclass

from pilotage.model.events.occurrence import Occurrence
from pilotage.model.message import Severity
from pilotage.model.observation import VerdictKind
from pilotage.model.quantity import format_duration, format_share
from pilotage.model.rollout import HoldCause
from pilotage.model.traffic import WHOLE

_AT_DEADLINE = {
    "rollback": "rolls back",
    "pause": "pauses",
    "goes on unwatched": "continues without analysis",
}


def _share(weight: int) -> str:
    return format_share(weight / WHOLE)


@dataclass(frozen=True, kw_only=True)
class VerdictChanged(Occurrence, tag="verdict", severity=Severity.WARNING):
    """A metric or its source starts or stops failing. When it stops, the severity is progress."""

    metric: str
    kind: VerdictKind
    reason: str

    @property
    def severity(self) -> Severity:
        bad = self.kind in (VerdictKind.FAIL, VerdictKind.SOURCE_ERROR)
        return self.usual_severity if bad else Severity.PROGRESS

    @property
    def sentence(self) -> str:
        return f"{self.metric}: {self.kind}: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class HoldStarted(Occurrence, tag="hold-started", severity=Severity.WARNING):
    """The rollout holds its weight. Critical with the cause `degraded`: harm that cannot be withdrawn."""

    cause: HoldCause
    share: int
    """Per mille of users on the new version during the hold."""
    reason: str
    then: str
    """What happens at the deadline: `rollback`, `pause`, `goes on unwatched`, `its end`."""
    limit: float | None = None
    """The deadline in seconds; left out if the hold has none of its own."""
    detail: tuple[str, ...] = ()
    """Routes, status codes and log lines behind it."""

    @property
    def severity(self) -> Severity:
        # Harm that cannot be withdrawn: only a person can end it well.
        return Severity.CRITICAL if self.cause is HoldCause.DEGRADED else self.usual_severity

    @property
    def sentence(self) -> str:
        after = (
            ""
            if self.limit is None
            else f"; {_AT_DEADLINE.get(self.then, self.then)} after {format_duration(self.limit)}"
        )
        return f"holding at {_share(self.share)}: {self.reason}{after}"


@dataclass(frozen=True, kw_only=True)
class HoldEnded(Occurrence, tag="hold-ended", severity=Severity.INFO):
    """The cause of a hold is gone. Health must have been good for as long as it was bad."""

    cause: HoldCause | None = None
    """The last cause."""
    earlier: tuple[HoldCause, ...] = ()
    """Earlier causes of the same hold."""

    @property
    def causes(self) -> tuple[HoldCause, ...]:
        return (*self.earlier, *((self.cause,) if self.cause else ()))

    @property
    def sentence(self) -> str:
        return "the hold ended; the rollout continues"


@dataclass(frozen=True, kw_only=True)
class InstanceDied(Occurrence, tag="instance-died", severity=Severity.WARNING):
    """An instance of the new version exited. The rollout rolls back."""

    instance: str
    last: str = ""
    """The last lines of its log."""

    @property
    def sentence(self) -> str:
        return f"instance {self.instance} of the new version exited" + (f": {self.last}" if self.last else "")


@dataclass(frozen=True, kw_only=True)
class TrafficDiverted(Occurrence, tag="traffic-diverted", severity=Severity.WARNING):
    """No instance of the new version is healthy, so stable serves its traffic until one is. No rollback follows."""

    version: str
    share: int
    """Per mille of traffic that stable takes over."""

    @property
    def sentence(self) -> str:
        return (
            f"no instance of {self.version} is healthy; stable serves its {_share(self.share)} of traffic until one is"
        )


@dataclass(frozen=True, kw_only=True)
class TrafficResumed(Occurrence, tag="traffic-resumed", severity=Severity.INFO):
    """The new version is healthy again and receives its traffic."""

    version: str
    share: int
    """Per mille of traffic that it receives."""

    @property
    def sentence(self) -> str:
        return f"{self.version} is healthy again and receives its {_share(self.share)} of traffic"


@dataclass(frozen=True, kw_only=True)
class TrafficWithdrawn(Occurrence, tag="traffic-withdrawn", severity=Severity.CRITICAL):
    """The release does harm: all traffic returns to stable, and the new version keeps running without it. Only a
    warning if the cause may be transient, because Pilotage then retries once."""

    cause: str
    """The metric that failed."""
    step: str
    version: str
    reason: str
    limit: float
    """Seconds until Pilotage rolls back if nobody decides."""
    excuse: str = ""
    """Why the cause may be transient (`warm-up`, `instance`): Pilotage retries once."""
    awaited: str = ""
    """What happens before that retry."""
    detail: tuple[str, ...] = ()
    """Routes, status codes and log lines behind it."""

    @property
    def severity(self) -> Severity:
        # Users are on stable, and Pilotage retries by itself: nobody needs to get up.
        return Severity.WARNING if self.excuse else self.usual_severity

    @property
    def sentence(self) -> str:
        if self.excuse:
            return f"all traffic returns to stable: {self.reason}; possibly transient: one retry after {self.awaited}"
        return (
            f"{self.version} is withdrawn from traffic: {self.reason}. It needs a decision by an operator within "
            f"{format_duration(self.limit)}, or it rolls back. `pilotage promote` restores its traffic, "
            "`pilotage retry` restores it and judges fresh evidence, `pilotage abort` rolls back"
        )


@dataclass(frozen=True, kw_only=True)
class InstanceReplaced(Occurrence, tag="instance-replaced", severity=Severity.WARNING):
    """A single instance fails, and Pilotage replaces it."""

    instance: str
    """`host:port`."""
    reason: str

    @property
    def sentence(self) -> str:
        return f"{self.instance} alone fails and is replaced: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class SecondTry(Occurrence, tag="second-try", severity=Severity.WARNING):
    """Traffic returns for the one retry; the analysis restarts with fresh evidence."""

    tries: int
    """Number of retries so far."""
    step: str
    title: str
    after: str
    """The metrics that failed."""

    @property
    def sentence(self) -> str:
        return f"{self.title}: retried after {self.after} failed; another failure counts as harm"


@dataclass(frozen=True, kw_only=True)
class Unwatched(Occurrence, tag="unwatched", severity=Severity.WARNING):
    """Everything measured passed, and the rest could not be analysed: the rollout continues."""

    step: str
    title: str
    reason: str

    @property
    def sentence(self) -> str:
        return f"{self.title}: not analysed ({self.reason}); nothing that was measured failed"


@dataclass(frozen=True, kw_only=True)
class WorseThanThePast(Occurrence, tag="worse-than-the-past", severity=Severity.WARNING):
    """A pause asked whether to continue although the version is worse than the past. Nobody decided: it continues."""

    worse: str = ""
    """What is worse; empty if nothing is any more."""

    @property
    def sentence(self) -> str:
        now = f"although it is worse than the past: {self.worse}" if self.worse else "because nothing is worse any more"
        return f"nobody decided before the pause's deadline: the rollout continues {now}"


@dataclass(frozen=True, kw_only=True)
class RollbackStarted(Occurrence, tag="rollback-started", severity=Severity.CRITICAL):
    """The rollout rolls back to the old version, traffic first."""

    cause: str
    """`command`, `deadline`, `check`, `instance`, or the metric that failed."""
    step: str
    reason: str
    detail: tuple[str, ...] = ()
    """Routes, status codes and log lines behind it."""

    @property
    def sentence(self) -> str:
        return f"rolling back: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class TrafficReturned(Occurrence, tag="traffic-returned", severity=Severity.INFO):
    """No user reaches the new version any more; the router confirms it."""

    how: str

    @property
    def sentence(self) -> str:
        return self.how
