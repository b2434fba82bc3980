"""The course of a rollout: queue, start, steps, end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pilotage.model.events.occurrence import Occurrence
from pilotage.model.message import Severity
from pilotage.model.rollout import Mode
from pilotage.model.wording import counted, within


@dataclass(frozen=True, kw_only=True)
class RolloutQueued(Occurrence, tag="rollout-queued", severity=Severity.INFO):
    """The rollout waits in the queue until the current one in its environment ends."""

    version: str
    environment: str
    actor: str

    @property
    def sentence(self) -> str:
        return f"{self.version} is queued for {self.environment}, requested by {self.actor}"


@dataclass(frozen=True, kw_only=True)
class RolloutStarted(Occurrence, tag="rollout-started", severity=Severity.INFO):
    """The rollout starts."""

    plan_hash: str
    """SHA-256 of the plan."""
    mode: Mode
    version: str
    stable_version: str
    """The version in production until now; empty for a first deployment."""
    environment: str
    actor: str
    emergency_reason: str = ""
    """Why it is an emergency; only with the mode `emergency`."""

    @property
    def sentence(self) -> str:
        back = self.mode is Mode.FAST_RETURN
        way = f"{self.environment} returns to {self.version}" if back else self._onwards
        before = f"{self.stable_version} is stable" if self.stable_version else "this is the first deployment"
        glass = f" as an emergency: {self.emergency_reason}" if self.mode is Mode.EMERGENCY else ""
        return f"{way}, started by {self.actor}{glass}; {before}"

    @property
    def _onwards(self) -> str:
        return f"{self.version} rolls out to {self.environment}"


@dataclass(frozen=True, kw_only=True)
class PromotedFrom(Occurrence, tag="promoted-from", severity=Severity.PROGRESS):
    """The version was taken from another environment, where it had proven itself."""

    version: str
    source: str
    """The other environment."""
    rollout: str
    """Id of the rollout that brought the version there."""
    completed: str
    """When that rollout completed, in UTC."""

    @property
    def sentence(self) -> str:
        return f"{self.version} comes from {self.source}, where its rollout completed at {self.completed}"


@dataclass(frozen=True, kw_only=True)
class ArtifactsNamed(Occurrence, tag="artifacts-named", severity=Severity.PROGRESS):
    """The version is made of files or images that a way built. The fleet starts nothing else."""

    version: str
    digests: Mapping[str, str]
    """SHA-256 of each, by the name that the way gave it."""
    commit: str = ""
    """Commit of which they were built."""

    @property
    def sentence(self) -> str:
        listed = [f"{name} (sha256:{digest[:12]})" for name, digest in self.digests.items()]
        shown = ", ".join(listed[:3]) + (f" and {len(listed) - 3} more" if len(listed) > 3 else "")
        return f"{self.version} is {shown}" + (f", built of commit {self.commit[:12]}" if self.commit else "")


@dataclass(frozen=True, kw_only=True)
class ReadinessChecked(Occurrence, tag="readiness-checked", severity=Severity.PROGRESS):
    """Pilotage checked the readiness gates before the rollout started. Recorded only if readiness is enforced."""

    waivers: Mapping[str, str]
    """Waived gates, each with its reason."""
    artifact: str
    """The checked artifact, such as a commit."""
    gate_count: int
    """Number of gates."""
    not_required: Mapping[str, str] = field(default_factory=dict)
    """Gates that do not apply to this release or team, each with its reason."""

    @property
    def sentence(self) -> str:
        passed = self.gate_count - len(self.waivers) - len(self.not_required)
        ready = f"{passed} of {self.gate_count} readiness gates passed"
        waived = (f"{within(item)} {reason}" for item, reason in self.waivers.items())
        spared = (f"{within(item)} was not required: {reason}" for item, reason in self.not_required.items())
        return "; ".join((ready, *waived, *spared))


@dataclass(frozen=True, kw_only=True)
class ReadinessNotEnforced(Occurrence, tag="readiness-not-enforced", severity=Severity.PROGRESS):
    """The rollout starts where `readiness` is not configured, or not enforced: nothing of the plan's list was asked."""

    items: tuple[str, ...]
    """Readiness items of the plan that would have been required."""

    @property
    def sentence(self) -> str:
        listed = ", ".join(map(within, self.items[:2])) + (
            f" and {len(self.items) - 2} more" if len(self.items) > 2 else ""
        )
        return f"readiness is not enforced here, so nobody was asked for {listed}"


@dataclass(frozen=True, kw_only=True)
class ChecksLeftOut(Occurrence, tag="checks-left-out", severity=Severity.WARNING):
    """The rollout starts although checks of its plan will be skipped, because nobody configured them."""

    unconfigured: tuple[str, ...]
    """Steps that are skipped."""
    waived: Mapping[str, str] = field(default_factory=dict)
    """Required checks that are skipped by somebody's waiver, each with who and why."""

    @property
    def sentence(self) -> str:
        skipped = f"no check is configured, so these are skipped: {', '.join(self.unconfigured)}"
        waived = (f"{step} {reason}" for step, reason in self.waived.items())
        return "; ".join((*([skipped] if self.unconfigured else []), *waived))


@dataclass(frozen=True, kw_only=True)
class StepStarted(Occurrence, tag="step-started", severity=Severity.PROGRESS):
    """A step of the plan is complete, and the next one starts. Steps that the mode leaves out are not recorded."""

    step: str
    finished_step: str
    """The completed step."""
    weight_percent: float
    """Users on the new version in this step."""
    title: str
    kind: str = ""
    """Kind of the step, such as `check` or `analyse`."""
    finished_title: str = ""
    """The check that passed in the completed step; left out if that was no check, or if it was skipped."""
    finished_detail: str = ""
    """What was made ready or measured in the completed step, such as an image's digest or a standby's lag."""
    waves: tuple[str, ...] = ()
    """The waves of tenants that have the version since the completed step."""
    tenants: int = 0
    """How many tenants these are."""
    version: str = ""
    """The version that they have."""

    @property
    def _reached(self) -> str:
        """`wave early (2 tenants) has 2.0; `; empty where no wave has just got it."""
        if not self.waves:
            return ""
        several = len(self.waves) > 1
        count = f" ({counted(self.tenants, 'tenant')})" if self.tenants else ""
        names = f"wave{'s' * several} {' and '.join(self.waves)}{count}"
        return f"{names} {'have' if several else 'has'} {self.version}; "

    @property
    def sentence(self) -> str:
        detail = f" ({self.finished_detail})" if self.finished_detail else ""
        passed = f"passed: {self.finished_title}{detail}; " if self.finished_title else ""
        return f"{self._reached}{passed}begins: {'check: ' if self.kind == 'check' else ''}{self.title}"


@dataclass(frozen=True, kw_only=True)
class CheckSkipped(Occurrence, tag="check-skipped", severity=Severity.PROGRESS):
    """A check of the plan was skipped: none is configured for it."""

    step: str
    title: str

    @property
    def sentence(self) -> str:
        return f"{self.title}: skipped, no check is configured for {self.step}"


@dataclass(frozen=True, kw_only=True)
class BatchHealthy(Occurrence, tag="batch-healthy", severity=Severity.PROGRESS):
    """Rolling: a batch runs the new version, is healthy and serves traffic."""

    step: str
    instances: str
    """All instances, by version."""

    @property
    def sentence(self) -> str:
        return f"{self.step} is healthy and serves traffic; {self.instances}"


@dataclass(frozen=True, kw_only=True)
class BatchRolledBack(Occurrence, tag="batch-rolled-back", severity=Severity.PROGRESS):
    """Rolling: a batch runs the old version again."""

    instances: str
    """All instances, by version."""

    @property
    def sentence(self) -> str:
        return f"a batch runs the old version again; {self.instances}"


@dataclass(frozen=True, kw_only=True)
class RollbackStepCompleted(Occurrence, tag="rollback-step-completed", severity=Severity.PROGRESS):
    """Big-bang: one stage of the rollback is complete."""

    number: int
    """1 to 5."""
    title: str

    @property
    def sentence(self) -> str:
        return f"done: {self.title}"


@dataclass(frozen=True, kw_only=True)
class Completed(Occurrence, tag="completed", severity=Severity.INFO):
    """The new version serves all requests. The last event of the rollout."""

    step: str
    version: str
    caveat: str = ""
    """What was not analysed, or was worse than in the past."""

    @property
    def sentence(self) -> str:
        return "; ".join(part for part in (self.caveat, f"{self.version} serves all requests") if part)


@dataclass(frozen=True, kw_only=True)
class RolledBack(Occurrence, tag="rolled-back", severity=Severity.WARNING):
    """The old version serves all requests again. The last event of the rollout."""

    version: str
    """The version that was rolled back."""
    outcome: str
    """The confirmed state after the rollback."""
    reason: str
    """Why it was rolled back."""
    failing_functions: str = ""
    """What of the old version's critical functions fails; empty when they work or nothing checks them."""

    @property
    def severity(self) -> Severity:
        return Severity.CRITICAL if self.failing_functions else self.usual_severity

    @property
    def sentence(self) -> str:
        return f"{self.outcome}. Reason: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class Failed(Occurrence, tag="failed", severity=Severity.CRITICAL):
    """The rollout cannot continue, and its rollback is not complete: an operator must intervene. Pilotage keeps
    retrying."""

    version: str
    reason: str
    error: str = ""
    """What Pilotage last failed to read or to do."""

    @property
    def sentence(self) -> str:
        return f"manual intervention needed: {self.reason}. {self.error}".strip()


@dataclass(frozen=True, kw_only=True)
class EnvironmentKept(Occurrence, tag="environment-kept", severity=Severity.INFO):
    """Blue-green: the failed environment keeps running for debugging."""

    version: str

    @property
    def sentence(self) -> str:
        return f"the failed environment with {self.version} keeps running for debugging; `pilotage cleanup` deletes it"
