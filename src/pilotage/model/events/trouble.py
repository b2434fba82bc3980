"""What went wrong and how Pilotage reacted: verdicts, holds, withdrawals, rollbacks."""

from __future__ import annotations

from dataclasses import dataclass

from pilotage.model.events.occurrence import Occurrence
from pilotage.model.message import Severity
from pilotage.model.observation import VerdictKind
from pilotage.model.quantity import format_duration, format_share
from pilotage.model.rollout import HoldCause

_AT_DEADLINE = {
    "rollback": "rolls back",
    "pause": "pauses",
    "continue": "continues without analysis",
}


def _share(weight_percent: float) -> str:
    return format_share(weight_percent / 100)


@dataclass(frozen=True, kw_only=True)
class VerdictChanged(Occurrence, tag="verdict-changed", severity=Severity.WARNING):
    """A metric or its source starts or stops failing. When it stops, the severity is progress."""

    metric: str
    verdict: VerdictKind
    reason: str
    harm_started_at: str = ""
    """When the new version began to harm users, as far as is known; ISO 8601. Left out if no harm is known."""

    @property
    def severity(self) -> Severity:
        bad = self.verdict in (VerdictKind.FAIL, VerdictKind.SOURCE_ERROR)
        return self.usual_severity if bad else Severity.PROGRESS

    @property
    def sentence(self) -> str:
        return f"{self.metric}: {self.verdict}: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class HoldStarted(Occurrence, tag="hold-started", severity=Severity.WARNING):
    """The rollout holds its weight. Critical with the cause `degraded`: the release does harm, and its traffic
    cannot be withdrawn; and with `complaints`: users report problems, and an operator has to decide."""

    cause: HoldCause
    weight_percent: float
    """Users on the new version during the hold."""
    reason: str
    on_timeout: str
    """What happens then: `rollback`, `pause`, `continue`; `none` if the hold ends on its own."""
    timeout_seconds: float | None = None
    """Longest time that the hold lasts; left out if it has no limit of its own."""
    details: tuple[str, ...] = ()
    """Routes, status codes and log lines behind it."""
    harm_started_at: str = ""
    """When the new version began to harm users, as far as is known; ISO 8601. Left out if no harm is known."""

    audience: str = ""
    """Who has the new version, if that is a group and no share, such as `internal users`."""

    @property
    def severity(self) -> Severity:
        # Harm that cannot be withdrawn, and what users say, need an operator.
        paging = (HoldCause.DEGRADED, HoldCause.COMPLAINTS)
        return Severity.CRITICAL if self.cause in paging else self.usual_severity

    @property
    def sentence(self) -> str:
        then, limit = _AT_DEADLINE.get(self.on_timeout, self.on_timeout), self.timeout_seconds
        after = "" if limit is None else f"; {then} after {format_duration(limit)}"
        return f"holding at {self.audience or _share(self.weight_percent)}: {self.reason}{after}"


@dataclass(frozen=True, kw_only=True)
class HoldEnded(Occurrence, tag="hold-ended", severity=Severity.INFO):
    """The cause of a hold is gone. After a hold for bad health, instances must first stay healthy for as long as
    they were not."""

    cause: HoldCause | None = None
    """The last cause."""
    earlier_causes: tuple[HoldCause, ...] = ()
    """Earlier causes of the same hold."""

    @property
    def causes(self) -> tuple[HoldCause, ...]:
        return (*self.earlier_causes, *((self.cause,) if self.cause else ()))

    @property
    def sentence(self) -> str:
        return "the hold ended; the rollout continues"


@dataclass(frozen=True, kw_only=True)
class InstanceExited(Occurrence, tag="instance-exited", severity=Severity.WARNING):
    """An instance of the new version exited. The rollout rolls back."""

    instance: str
    log_tail: str = ""
    """The last lines of its log."""

    @property
    def sentence(self) -> str:
        return f"instance {self.instance} of the new version exited" + (f": {self.log_tail}" if self.log_tail else "")


@dataclass(frozen=True, kw_only=True)
class TrafficDiverted(Occurrence, tag="traffic-diverted", severity=Severity.WARNING):
    """No instance of the new version is healthy, so stable serves its traffic until one is. No rollback follows."""

    version: str
    weight_percent: float
    """Traffic that stable takes over."""

    @property
    def sentence(self) -> str:
        share = _share(self.weight_percent)
        return f"no instance of {self.version} is healthy; stable serves its {share} of traffic until one is"


@dataclass(frozen=True, kw_only=True)
class TrafficResumed(Occurrence, tag="traffic-resumed", severity=Severity.INFO):
    """The new version is healthy again and receives its traffic."""

    version: str
    weight_percent: float
    """Traffic that it receives."""

    @property
    def sentence(self) -> str:
        return f"{self.version} is healthy again and receives its {_share(self.weight_percent)} of traffic"


@dataclass(frozen=True, kw_only=True)
class TrafficWithdrawn(Occurrence, tag="traffic-withdrawn", severity=Severity.CRITICAL):
    """The release does harm: all traffic returns to stable, and the new version keeps running without it. Only a
    warning if the cause may be transient, because Pilotage then retries once."""

    cause: str
    """The metric that failed."""
    step: str
    version: str
    reason: str
    timeout_seconds: float
    """Seconds until Pilotage rolls back if nobody decides."""
    retry_reason: str = ""
    """Why the cause may be transient (`warm-up`, `instance`): Pilotage retries once."""
    retry_after: str = ""
    """What happens before that retry."""
    details: tuple[str, ...] = ()
    """Routes, status codes and log lines behind it."""
    harm_started_at: str = ""
    """When the new version began to harm users, as far as is known; ISO 8601. Left out if no harm is known."""

    flag: bool = False
    """The flag is turned off for everyone; the code stays where it is."""
    waves: tuple[str, ...] = ()
    """The waves of tenants that go back, where earlier ones keep the new version."""
    kept_waves: tuple[str, ...] = ()
    """The waves that keep it."""

    @property
    def severity(self) -> Severity:
        # Users are on stable, and Pilotage retries by itself, so nobody is paged.
        return Severity.WARNING if self.retry_reason else self.usual_severity

    @property
    def sentence(self) -> str:
        if self.retry_reason:
            what = "the flag is off for everyone" if self.flag else "all traffic returns to stable"
            return f"{what}: {self.reason}; possibly transient: one retry after {self.retry_after}"
        return (
            f"{self._what}: {self.reason}. It needs a decision by an operator within "
            f"{format_duration(self.timeout_seconds)}, or it rolls back. `pilotage promote` restores its traffic, "
            "`pilotage retry` restores it and judges fresh evidence, `pilotage abort` rolls back"
        )

    @property
    def _what(self) -> str:
        if self.kept_waves:
            gone, stay = " and ".join(self.waves), " and ".join(self.kept_waves)
            keep = "keeps" if len(self.kept_waves) == 1 else "keep"
            return f"{self.version} is withdrawn from {gone}, and {stay} {keep} it"
        gone = "has its flag turned off for everyone" if self.flag else "is withdrawn from traffic"
        return f"{self.version} {gone}"


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
class RetryStarted(Occurrence, tag="retry-started", severity=Severity.WARNING):
    """Traffic returns for the one retry; the analysis restarts with fresh evidence."""

    restarts: int
    """Number of retries so far."""
    step: str
    title: str
    failed_metrics: str
    """The metrics that failed."""

    @property
    def sentence(self) -> str:
        return f"{self.title}: retried after {self.failed_metrics} failed; another failure counts as harm"


@dataclass(frozen=True, kw_only=True)
class AnalysisIncomplete(Occurrence, tag="analysis-incomplete", severity=Severity.WARNING):
    """Everything measured passed, and the rest could not be analysed: the rollout continues."""

    step: str
    title: str
    reason: str

    @property
    def sentence(self) -> str:
        return f"{self.title}: not analysed ({self.reason}); nothing that was measured failed"


@dataclass(frozen=True, kw_only=True)
class RegressionAccepted(Occurrence, tag="regression-accepted", severity=Severity.WARNING):
    """A pause asked whether to continue although the version is worse than the past. Nobody decided: it continues."""

    regressions: str = ""
    """What is worse; empty if nothing is any more."""

    @property
    def sentence(self) -> str:
        now = (
            f"although it is worse than the past: {self.regressions}"
            if self.regressions
            else "because nothing is worse any more"
        )
        return f"nobody decided before the pause timed out, so the rollout continues {now}"


@dataclass(frozen=True, kw_only=True)
class RollbackStarted(Occurrence, tag="rollback-started", severity=Severity.CRITICAL):
    """The rollout rolls back to the old version, traffic first."""

    cause: str
    """`command`, `reported` by users and confirmed, `timeout`, `check`, `instance`, or the metric that failed."""
    step: str
    reason: str
    details: tuple[str, ...] = ()
    """Routes, status codes and log lines behind it."""
    harm_started_at: str = ""
    """When the new version began to harm users, as far as is known; ISO 8601. Left out if no harm is known."""

    @property
    def sentence(self) -> str:
        return f"rolling back: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class TrafficRestored(Occurrence, tag="traffic-restored", severity=Severity.INFO):
    """No user reaches the new version any more; the router confirms it."""

    outcome: str
    partly: bool = False
    """Only the users of a wave that failed are back on stable; those of earlier waves keep the new version."""

    @property
    def sentence(self) -> str:
        return self.outcome
