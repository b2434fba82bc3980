"""The course of a rollout: queue, start, steps, end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pilotage.model.events.occurrence import Occurrence
from pilotage.model.message import Severity
from pilotage.model.rollout import Pace


@dataclass(frozen=True, kw_only=True)
class RolloutQueued(Occurrence, tag="rollout-queued", severity=Severity.INFO):
    """The rollout waits for the one under way in its environment."""

    version: str
    environment: str
    actor: str

    @property
    def sentence(self) -> str:
        return f"{self.version} waits its turn in {self.environment}, asked by {self.actor}"


@dataclass(frozen=True, kw_only=True)
class RolloutStarted(Occurrence, tag="rollout-started", severity=Severity.INFO):
    """The rollout starts."""

    plan: str
    """SHA-256 of the plan."""
    pace: Pace
    version: str
    old: str
    """The version that serves so far; empty for the first one."""
    environment: str
    actor: str
    glass: str = ""
    """Why the glass was broken; only with the pace `urgent`."""

    @property
    def sentence(self) -> str:
        back = self.pace is Pace.FAST
        way = f"{self.environment} goes back to {self.version}" if back else self._onwards
        before = f"{self.old} is stable" if self.old else "nothing was there before"
        glass = f" with the glass broken: {self.glass}" if self.pace is Pace.URGENT else ""
        return f"{way}, started by {self.actor}{glass}; {before}"

    @property
    def _onwards(self) -> str:
        return f"{self.version} rolls out to {self.environment}"


@dataclass(frozen=True, kw_only=True)
class ReadinessChecked(Occurrence, tag="readiness-checked", severity=Severity.PROGRESS):
    """The gates of the release were checked before it started. Told only where readiness is enforced."""

    waived: Mapping[str, str]
    """Gates that were waived, each with the reason."""
    artifact: str
    """What was checked, such as a commit."""
    gates: int
    """How many gates there are."""

    @property
    def sentence(self) -> str:
        ready = f"{self.gates - len(self.waived)} of {self.gates} gates are ready"
        return "; ".join((ready, *(f"{item} {reason}" for item, reason in self.waived.items())))


@dataclass(frozen=True, kw_only=True)
class StepStarted(Occurrence, tag="step-started", severity=Severity.PROGRESS):
    """A step of the plan is done and the next one starts."""

    step: str
    done: str
    """The step that is done."""
    weight: int
    """Per mille of users that have the new version in this step."""
    title: str

    @property
    def sentence(self) -> str:
        return self.title


@dataclass(frozen=True, kw_only=True)
class CheckSkipped(Occurrence, tag="check-skipped", severity=Severity.PROGRESS):
    """A check of the plan has nothing to run: the configuration names no command for it."""

    step: str
    title: str

    @property
    def sentence(self) -> str:
        return f"{self.title}: not checked, nothing is configured for {self.step}"


@dataclass(frozen=True, kw_only=True)
class BatchRestored(Occurrence, tag="batch-restored", severity=Severity.PROGRESS):
    """Rolling: a batch runs the new version, is healthy and serves."""

    step: str
    where: str
    """Every instance, by version."""

    @property
    def sentence(self) -> str:
        return f"{self.step} is healthy and serves; {self.where}"


@dataclass(frozen=True, kw_only=True)
class BatchReturned(Occurrence, tag="batch-returned", severity=Severity.PROGRESS):
    """Rolling: a batch runs the old version again."""

    where: str
    """Every instance, by version."""

    @property
    def sentence(self) -> str:
        return f"a batch is back; {self.where}"


@dataclass(frozen=True, kw_only=True)
class MoveDone(Occurrence, tag="move-done", severity=Severity.PROGRESS):
    """Big-bang: one part of the way back is done."""

    move: int
    """1 to 5."""
    what: str

    @property
    def sentence(self) -> str:
        return self.what


@dataclass(frozen=True, kw_only=True)
class Completed(Occurrence, tag="completed", severity=Severity.INFO):
    """The new version serves all requests. The last event of the rollout."""

    step: str
    version: str
    how: str = ""
    """What was not watched, or looked worse than the past."""

    @property
    def sentence(self) -> str:
        return "; ".join(part for part in (self.how, f"{self.version} serves all requests") if part)


@dataclass(frozen=True, kw_only=True)
class RolledBack(Occurrence, tag="rolled-back", severity=Severity.WARNING):
    """The old version serves all requests again. The last event of the rollout."""

    version: str
    """The version that was undone."""
    outcome: str
    """What is so now, read back."""
    reason: str
    """Why it was undone."""

    @property
    def sentence(self) -> str:
        return f"{self.outcome}: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class Failed(Occurrence, tag="failed", severity=Severity.CRITICAL):
    """The rollout cannot go forward, and the way back is not complete: a person must look. Pilotage goes on trying."""

    version: str
    reason: str
    trouble: str = ""
    """What could not be read or done in the last look."""

    @property
    def sentence(self) -> str:
        return f"a person is needed: {self.reason}. {self.trouble}".strip()


@dataclass(frozen=True, kw_only=True)
class Preserved(Occurrence, tag="preserved", severity=Severity.INFO):
    """Blue-green: the failed environment keeps running for debugging."""

    version: str

    @property
    def sentence(self) -> str:
        return f"the failed environment with {self.version} is kept for study: `pilotage clean` ends it"
