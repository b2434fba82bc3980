"""What people did, such as pauses, approvals and promotions, and when a rollout needs a decision by an operator."""

from __future__ import annotations

from dataclasses import dataclass

from pilotage.model.events.occurrence import Occurrence, by_whom
from pilotage.model.message import Severity
from pilotage.model.quantity import format_duration
from pilotage.model.rollout import CommandKind, HoldCause


@dataclass(frozen=True, kw_only=True)
class Paused(Occurrence, tag="paused", severity=Severity.WARNING):
    """A person paused the rollout, a hold timed out, or too few requests succeed: it needs a decision. Critical with
    the cause `regression`."""

    cause: HoldCause | None = None
    """The hold that timed out, or `low-success-rate`; none if a person paused."""
    actor: str = ""
    reason: str = ""

    @property
    def severity(self) -> Severity:
        # Nothing runs next to the new version to compare it with, so a person must decide.
        return Severity.CRITICAL if self.cause is HoldCause.REGRESSION else self.usual_severity

    @property
    def sentence(self) -> str:
        if self.cause is None:
            return f"paused {by_whom(self.actor, self.reason)}; rollback limits stay active"
        return f"paused, needs a decision by an operator: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class Resumed(Occurrence, tag="resumed", severity=Severity.INFO):
    """A person ended a pause or a hold."""

    actor: str
    reason: str = ""

    @property
    def sentence(self) -> str:
        return f"resumed {by_whom(self.actor, self.reason)}"


@dataclass(frozen=True, kw_only=True)
class StepRestarted(Occurrence, tag="step-restarted", severity=Severity.PROGRESS):
    """A person restarted this step's checks and analysis, with fresh evidence."""

    actor: str
    reason: str = ""
    traffic_restored: bool = False
    """Traffic was withdrawn and returns."""

    @property
    def sentence(self) -> str:
        what = "traffic returns for one retry" if self.traffic_restored else "this step's checks and analysis restart"
        return f"{what}, requested {by_whom(self.actor, self.reason)}"


@dataclass(frozen=True, kw_only=True)
class Promoted(Occurrence, tag="promoted", severity=Severity.INFO):
    """A person advanced the rollout."""

    actor: str
    reason: str = ""
    full: bool = False
    """Without the remaining analysis."""
    step: str = ""
    """The step whose traffic returns; only after a withdrawal."""
    title: str = ""
    withdrawal_reason: str = ""
    """Why the traffic was withdrawn."""

    @property
    def sentence(self) -> str:
        if self.step:
            return f"{self.title}: promoted {by_whom(self.actor, self.reason)}, despite {self.withdrawal_reason}"
        return f"promoted {by_whom(self.actor, self.reason)}" + (" without the remaining analysis" if self.full else "")


@dataclass(frozen=True, kw_only=True)
class Approved(Occurrence, tag="approved", severity=Severity.INFO):
    """A person approved the step that waits for an approval."""

    plan_hash: str
    """SHA-256 of the plan that was approved."""
    actor: str
    title: str
    approvals: int
    approvals_required: int
    reason: str = ""

    @property
    def sentence(self) -> str:
        return (
            f"{self.title}: approved {by_whom(self.actor, self.reason)} ({self.approvals} of {self.approvals_required})"
        )


@dataclass(frozen=True, kw_only=True)
class ApprovalReminded(Occurrence, tag="approval-reminded", severity=Severity.WARNING):
    """An approval is still missing. Critical once nobody has approved for `approval.escalate_after`."""

    title: str
    approvals: int
    approvals_required: int
    waited_seconds: float
    """How long the rollout has waited."""
    timeout_seconds: float
    """How long it waits in all before it rolls back."""
    escalated: bool = False
    """Nobody has approved for `approval.escalate_after`."""
    at_provider: bool = False
    """The flag's provider waits for it, and nobody can give it here."""

    @property
    def severity(self) -> Severity:
        return Severity.CRITICAL if self.escalated else self.usual_severity

    @property
    def sentence(self) -> str:
        waited, left = format_duration(self.waited_seconds), format_duration(self.timeout_seconds - self.waited_seconds)
        given = f" ({self.approvals} of {self.approvals_required})" if self.approvals else ""
        return f"waiting for {self.title}{given} for {waited}; rolls back in {left} without it"


@dataclass(frozen=True, kw_only=True)
class CommandRefused(Occurrence, tag="command-refused", severity=Severity.PROGRESS):
    """Pilotage refused a command."""

    command: CommandKind
    actor: str
    reason: str

    @property
    def sentence(self) -> str:
        return f"{self.command} by {self.actor} refused: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class InterventionRequired(Occurrence, tag="intervention-required", severity=Severity.CRITICAL):
    """Pilotage needs a decision by an operator: the release cannot be rolled back (`rollback.enabled`), the store lost
    data, or Pilotage cannot observe the rollout."""

    cause: str
    """`timeout`, `check`, `instance`, or the metric that failed; `store`, `stuck`."""
    step: str
    """Empty if it concerns the whole rollout."""
    reason: str
    harm_started_at: str = ""
    """When the new version began to harm users, as far as is known; ISO 8601. Left out if no harm is known."""
    stable_version: str = ""
    """The version that was found serving, though the store recorded none. Pilotage rolls back to it from now on."""

    @property
    def sentence(self) -> str:
        return f"needs a decision by an operator: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class RolloutCancelled(Occurrence, tag="cancelled", severity=Severity.INFO):
    """A person cancelled a queued rollout. The last event of the rollout."""

    version: str
    actor: str

    @property
    def sentence(self) -> str:
        return f"{self.version} is cancelled by {self.actor} before its rollout started"


@dataclass(frozen=True, kw_only=True)
class EnvironmentRemoved(Occurrence, tag="environment-removed", severity=Severity.PROGRESS):
    """A person released the failed environment for deletion (`pilotage cleanup`)."""

    version: str
    actor: str

    @property
    def sentence(self) -> str:
        return f"{self.actor} released the failed environment with {self.version} for deletion"


@dataclass(frozen=True, kw_only=True)
class CommandRun(Occurrence, tag="command-run", severity=Severity.INFO):
    """A person runs a command on a host or in an instance (`pilotage exec`). Recorded before it starts, with the newest
    rollout of the environment."""

    actor: str
    host: str
    """As pilotage.yaml calls it; empty for the machine of Pilotage."""
    instance: str = ""
    """The instance in which it runs; empty for the host itself."""
    command: str
    """Its arguments in one line; values of secrets are left out."""

    @property
    def sentence(self) -> str:
        host = self.host or "this machine"
        where = f"in {self.instance} on {host}" if self.instance else f"on {host}"
        return f"{self.actor} runs a command {where}: {self.command}"
