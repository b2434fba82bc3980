"""Every event of a way, one class a type. The machine of ways makes them, and the store chains them.

They are beside the events of rollouts: a rollout that a stage started tells its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from pilotage.model.events.occurrence import Occurrence, by_whom
from pilotage.model.message import Severity
from pilotage.model.quantity import format_duration


def _returning(environments: tuple[str, ...]) -> str:
    """Which environments go back, as the end of a sentence."""
    verb = "return" if len(environments) > 1 else "returns"
    return f"; {', '.join(environments)} {verb} to the version before" if environments else ""


@dataclass(frozen=True, kw_only=True)
class WayStarted(Occurrence, tag="way-started", severity=Severity.INFO):
    """A version began to travel its stages."""

    version: str
    actor: str
    commit: str = ""
    stages: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        of = f", commit {self.commit[:12]}" if self.commit else ""
        return f"{self.version}{of} starts on its way through {', '.join(self.stages)}, requested by {self.actor}"


@dataclass(frozen=True, kw_only=True)
class StageStarted(Occurrence, tag="stage-started", severity=Severity.PROGRESS):
    """A stage began, because all before it have passed and its entry conditions hold."""

    stage: str

    @property
    def sentence(self) -> str:
        return f"{self.stage} starts"


@dataclass(frozen=True, kw_only=True)
class StageWaits(Occurrence, tag="stage-waits", severity=Severity.INFO):
    """A stage cannot begin, or continue, yet. Once for each thing it waits for; a warning where a person must act."""

    stage: str
    wait: str
    """What for: approval, promotion, bake, readiness, window, freeze, refused or unknown."""
    reason: str
    asks: bool = False
    """It waits for a person."""

    @property
    def severity(self) -> Severity:
        return Severity.WARNING if self.asks else self.usual_severity

    @property
    def sentence(self) -> str:
        return f"{self.stage} waits: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class StageApproved(Occurrence, tag="stage-approved", severity=Severity.INFO):
    """A person approved a stage."""

    stage: str
    actor: str
    approvals: int
    approvals_required: int
    reason: str = ""

    @property
    def sentence(self) -> str:
        count = f"{self.approvals} of {self.approvals_required}"
        return f"{self.stage} approved {by_whom(self.actor, self.reason)} ({count})"


@dataclass(frozen=True, kw_only=True)
class StagePromoted(Occurrence, tag="stage-promoted", severity=Severity.INFO):
    """A person promoted the version to a stage that does not begin by itself."""

    stage: str
    actor: str
    reason: str = ""

    @property
    def sentence(self) -> str:
        return f"promoted to {self.stage} {by_whom(self.actor, self.reason)}"


@dataclass(frozen=True, kw_only=True)
class StageRetried(Occurrence, tag="stage-retried", severity=Severity.WARNING):
    """A stage runs again: after a failure, or because it was cut off and may be repeated or a person said so."""

    stage: str
    attempt: int
    reason: str
    actor: str = ""

    @property
    def sentence(self) -> str:
        by = f", requested by {self.actor}" if self.actor else ""
        return f"{self.stage} runs again (attempt {self.attempt}){by}: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class StageCutOff(Occurrence, tag="stage-cut-off", severity=Severity.WARNING):
    """A stage ended without a result, and nobody knows how far it came. A person decides whether it runs again."""

    stage: str
    attempt: int
    reason: str = ""

    @property
    def sentence(self) -> str:
        why = f" ({self.reason})" if self.reason else ""
        return f"{self.stage} was cut off{why}: run it again with `pilotage way retry`, or end the way with `abort`"


@dataclass(frozen=True, kw_only=True)
class RolloutRequested(Occurrence, tag="rollout-requested", severity=Severity.PROGRESS):
    """A stage is about to roll the version out to an environment."""

    stage: str
    environment: str

    @property
    def sentence(self) -> str:
        return f"{self.stage} rolls out to {self.environment}"


@dataclass(frozen=True, kw_only=True)
class StagePassed(Occurrence, tag="stage-passed", severity=Severity.INFO):
    """A stage passed. seconds: since it began."""

    stage: str
    seconds: float = 0.0
    artifacts: tuple[str, ...] = ()
    """Digests of what it built."""
    carried_from: str = ""
    """The earlier way in which it passed with the same files and definition; it did not run again."""

    @property
    def sentence(self) -> str:
        if self.carried_from:
            return f"{self.stage} passed in {self.carried_from} with the same files: it does not run again"
        return f"{self.stage} passed after {format_duration(round(self.seconds))}"


@dataclass(frozen=True, kw_only=True)
class StageFailed(Occurrence, tag="stage-failed", severity=Severity.CRITICAL):
    """A stage failed, so the way ends. What it touched is undone."""

    stage: str
    reason: str
    undone: tuple[str, ...] = ()
    """Environments that return to what they served before."""

    @property
    def sentence(self) -> str:
        return f"{self.stage} failed: {self.reason}{_returning(self.undone)}"


@dataclass(frozen=True, kw_only=True)
class WayHeld(Occurrence, tag="way-held", severity=Severity.WARNING):
    """A person holds the way: what runs goes on, nothing begins."""

    actor: str
    reason: str = ""

    @property
    def sentence(self) -> str:
        return f"held {by_whom(self.actor, self.reason)}; no stage begins"


@dataclass(frozen=True, kw_only=True)
class WayResumed(Occurrence, tag="way-resumed", severity=Severity.INFO):
    """A person ended a hold."""

    actor: str
    reason: str = ""

    @property
    def sentence(self) -> str:
        return f"resumed {by_whom(self.actor, self.reason)}"


@dataclass(frozen=True, kw_only=True)
class WayCommandRefused(Occurrence, tag="way-command-refused", severity=Severity.INFO):
    """A command could not be executed."""

    command: str
    actor: str
    reason: str

    @property
    def sentence(self) -> str:
        return f"{self.command} by {self.actor} refused: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class AbortRequested(Occurrence, tag="abort-requested", severity=Severity.WARNING):
    """A person ends the way; what the current stage touched is undone."""

    actor: str
    reason: str = ""
    stage: str = ""
    undone: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        undone = _returning(self.undone)
        at = f" at {self.stage}" if self.stage else ""
        return f"aborted{at} {by_whom(self.actor, self.reason)}{undone}"


@dataclass(frozen=True, kw_only=True)
class WayCompleted(Occurrence, tag="way-completed", severity=Severity.INFO):
    """Every stage passed."""

    version: str
    seconds: float = 0.0

    @property
    def sentence(self) -> str:
        return f"{self.version} completed its way after {format_duration(round(self.seconds))}"


@dataclass(frozen=True, kw_only=True)
class WayFailed(Occurrence, tag="way-failed", severity=Severity.WARNING):
    """The way ended after a failed stage, and everything is undone. Critical where that could not be done."""

    version: str
    reason: str
    left: tuple[str, ...] = ()
    """What could not be undone: sentences."""

    @property
    def severity(self) -> Severity:
        return Severity.CRITICAL if self.left else self.usual_severity

    @property
    def sentence(self) -> str:
        left = f"; not undone: {'; '.join(self.left)}" if self.left else ""
        return f"the way of {self.version} ended: {self.reason}{left}"


@dataclass(frozen=True, kw_only=True)
class WayAborted(Occurrence, tag="way-aborted", severity=Severity.INFO):
    """The way ended because a person aborted it. Critical where something could not be undone."""

    version: str
    reason: str
    left: tuple[str, ...] = ()

    @property
    def severity(self) -> Severity:
        return Severity.CRITICAL if self.left else self.usual_severity

    @property
    def sentence(self) -> str:
        left = f"; not undone: {'; '.join(self.left)}" if self.left else ""
        return f"the way of {self.version} ended: {self.reason}{left}"


WAY_EVENTS: tuple[type[Occurrence], ...] = (
    WayStarted, StageStarted, StageWaits, StageApproved, StagePromoted, RolloutRequested, StageRetried, StageCutOff,
    StagePassed, StageFailed, WayHeld, WayResumed, WayCommandRefused, AbortRequested, WayCompleted, WayFailed,
    WayAborted,
)  # fmt: skip
"""In the order of the story."""

WAY_ENDS = frozenset((WayCompleted.type, WayFailed.type, WayAborted.type))
