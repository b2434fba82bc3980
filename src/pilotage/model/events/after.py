"""What happens after a rollout has ended: what was seen of the version that serves, and of the records themselves."""

from __future__ import annotations

from dataclasses import dataclass

from pilotage.model.events.occurrence import Occurrence, by_whom
from pilotage.model.message import Severity
from pilotage.model.quantity import format_duration


@dataclass(frozen=True, kw_only=True)
class StabilityConfirmed(Occurrence, tag="stability-confirmed", severity=Severity.INFO):
    """The version that serves after a rollback was watched, and nothing was found."""

    version: str
    """The version that serves."""
    seconds: float
    """How long it was watched."""
    requests: int
    """Requests that it answered."""
    errors: int
    """Requests that failed."""
    probes: int
    """Tries of probes that passed."""

    @property
    def sentence(self) -> str:
        counted = f"{self.errors} of {self.requests:,} requests failed" if self.requests else "no requests"
        probed = f", {self.probes:,} probes passed" if self.probes else ""
        span = format_duration(round(self.seconds))
        return f"{self.version} was stable for {span} after the rollback: {counted}{probed}"


@dataclass(frozen=True, kw_only=True)
class StabilityLost(Occurrence, tag="stability-lost", severity=Severity.CRITICAL):
    """The version that serves after a rollback fails, too."""

    version: str
    """The version that serves."""
    reason: str

    @property
    def sentence(self) -> str:
        return f"{self.version} serves after the rollback, and fails: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class RecordsWentBack(Occurrence, tag="records-went-back", severity=Severity.CRITICAL):
    """The store is older than the journal next to the target, as after a restore. Pilotage starts, stops and moves
    nothing there until somebody says that the records are right as they are."""

    rollout: str
    """The rollout that was recorded last."""
    head: str
    """Hash of its last event, which the store does not have."""
    reason: str

    @property
    def sentence(self) -> str:
        return f"{self.reason}; Pilotage starts and stops nothing here until you run `pilotage store accept`"


@dataclass(frozen=True, kw_only=True)
class RecordsAccepted(Occurrence, tag="records-accepted", severity=Severity.INFO):
    """Somebody says that Pilotage shall go on from the records as they are."""

    head: str
    """Hash of the event that is given up."""
    actor: str
    reason: str = ""

    @property
    def sentence(self) -> str:
        return f"Pilotage goes on from these records, accepted {by_whom(self.actor, self.reason)}"
