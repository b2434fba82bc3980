"""What went wrong, and what was done about it: verdicts, holds, traffic taken back, rollbacks."""

from __future__ import annotations

from dataclasses import dataclass

from pilotage.model.events.occurrence import Occurrence
from pilotage.model.message import Severity
from pilotage.model.observation import VerdictKind
from pilotage.model.quantity import format_duration, format_share
from pilotage.model.rollout import HoldCause
from pilotage.model.traffic import WHOLE


def _share(weight: int) -> str:
    return format_share(weight / WHOLE)


@dataclass(frozen=True, kw_only=True)
class VerdictChanged(Occurrence, tag="verdict", severity=Severity.WARNING):
    """A metric starts or stops to fail, or its source does. Where it stops, the severity is progress."""

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
    """The rollout waits at its weight. Critical with the cause `degraded`, which is harm that cannot be withdrawn."""

    cause: HoldCause
    share: int
    """Per mille of users of the step that holds."""
    reason: str
    then: str
    """What ends the hold: `rollback`, `pause`, `goes on unwatched`, `its end`."""
    limit: float | None = None
    """Seconds after which that happens; left out where the wait has no deadline of its own."""
    detail: tuple[str, ...] = ()
    """Routes, statuses and lines of logs behind it."""

    @property
    def severity(self) -> Severity:
        # Harm that cannot be withdrawn: nobody but a person ends it well.
        return Severity.CRITICAL if self.cause is HoldCause.DEGRADED else self.usual_severity

    @property
    def sentence(self) -> str:
        after = "" if self.limit is None else f"; {self.then} after {format_duration(self.limit)}"
        return f"holding at {_share(self.share)}: {self.reason}{after}"


@dataclass(frozen=True, kw_only=True)
class HoldEnded(Occurrence, tag="hold-ended", severity=Severity.INFO):
    """The reason to hold is gone. Health must have been good for as long as it was bad."""

    cause: HoldCause | None = None
    """The last reason."""
    earlier: tuple[HoldCause, ...] = ()
    """Other reasons of the same hold."""

    @property
    def causes(self) -> tuple[HoldCause, ...]:
        return (*self.earlier, *((self.cause,) if self.cause else ()))

    @property
    def sentence(self) -> str:
        return "the reason to hold is gone"


@dataclass(frozen=True, kw_only=True)
class InstanceDied(Occurrence, tag="instance-died", severity=Severity.WARNING):
    """An instance of the new version ended by itself. The rollout is undone."""

    instance: str
    last: str = ""
    """The last lines of its log."""

    @property
    def sentence(self) -> str:
        return f"canary instance {self.instance} died" + (f": {self.last}" if self.last else "")


@dataclass(frozen=True, kw_only=True)
class TrafficDiverted(Occurrence, tag="traffic-diverted", severity=Severity.WARNING):
    """No instance of the new version is healthy: stable serves its users until one is. The rollout is not undone."""

    version: str
    share: int
    """Per mille of users that stable serves for it."""

    @property
    def sentence(self) -> str:
        return f"no instance of {self.version} is healthy: stable serves its {_share(self.share)} until they are"


@dataclass(frozen=True, kw_only=True)
class TrafficResumed(Occurrence, tag="traffic-resumed", severity=Severity.INFO):
    """The new version is healthy again and gets its users back."""

    version: str
    share: int
    """Per mille of users that it gets back."""

    @property
    def sentence(self) -> str:
        return f"{self.version} is healthy again and gets its {_share(self.share)} back"


@dataclass(frozen=True, kw_only=True)
class TrafficWithdrawn(Occurrence, tag="traffic-withdrawn", severity=Severity.CRITICAL):
    """Harm is sure: the users go back to stable, the new version keeps running without them. Only a warning where it
    may be bad luck, because it is tried once more by itself."""

    cause: str
    """The metric that failed."""
    step: str
    version: str
    reason: str
    limit: float
    """Seconds until it is rolled back if nobody answers."""
    excuse: str = ""
    """Why it may be bad luck (`warm-up`, `instance`): it is tried once more by itself."""
    awaited: str = ""
    """What happens before that second try."""
    detail: tuple[str, ...] = ()
    """Routes, statuses and lines of logs behind it."""

    @property
    def severity(self) -> Severity:
        # Users are with stable, and it is tried once more by itself: nobody needs to get up.
        return Severity.WARNING if self.excuse else self.usual_severity

    @property
    def sentence(self) -> str:
        if self.excuse:
            luck = f"it may be bad luck: {self.awaited}, then tried once more"
            return f"all requests go back to stable: {self.reason}; {luck}"
        return (
            f"{self.version} loses its users: {self.reason}; `pilotage promote` gives them back, `pilotage abort` ends "
            f"the release, `pilotage retry` tries once more; rolled back after {format_duration(self.limit)} without "
            "an answer"
        )


@dataclass(frozen=True, kw_only=True)
class InstanceReplaced(Occurrence, tag="instance-replaced", severity=Severity.WARNING):
    """One instance alone fails: a fresh one takes its place."""

    instance: str
    """`host:port`."""
    reason: str

    @property
    def sentence(self) -> str:
        return f"{self.instance} alone is ill and makes way for a fresh one: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class SecondTry(Occurrence, tag="second-try", severity=Severity.WARNING):
    """The users come back for the one second try; watch and evidence start again."""

    tries: int
    """Fresh starts of the evidence so far."""
    step: str
    title: str
    after: str
    """The metrics that failed."""

    @property
    def sentence(self) -> str:
        return f"{self.title}: tried once more after {self.after}; a failure now is harm"


@dataclass(frozen=True, kw_only=True)
class Unwatched(Occurrence, tag="unwatched", severity=Severity.WARNING):
    """Everything that could be seen passed, and the rest could not be watched: the rollout goes on."""

    step: str
    title: str
    reason: str

    @property
    def sentence(self) -> str:
        return f"{self.title}: not watched, and nothing failed: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class WorseThanThePast(Occurrence, tag="worse-than-the-past", severity=Severity.WARNING):
    """Nobody ended a pause that asked whether the version may go on although it looks worse than the past: it does."""

    worse: str = ""
    """In what; empty when nothing is worse any more."""

    @property
    def sentence(self) -> str:
        how = f"although worse than the past: {self.worse}" if self.worse else ""
        return f"nobody ended the pause: goes on{' ' + how if how else ', nothing is worse any more'}"


@dataclass(frozen=True, kw_only=True)
class RollbackStarted(Occurrence, tag="rollback-started", severity=Severity.CRITICAL):
    """The rollout goes back to the old version: traffic first."""

    cause: str
    """`command`, `deadline`, `check`, `instance`, or the metric that failed."""
    step: str
    reason: str
    detail: tuple[str, ...] = ()
    """Routes, statuses and lines of logs behind it."""

    @property
    def sentence(self) -> str:
        return f"rolling back: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class TrafficReturned(Occurrence, tag="traffic-returned", severity=Severity.INFO):
    """No user has the new version any more, read back."""

    how: str

    @property
    def sentence(self) -> str:
        return self.how
