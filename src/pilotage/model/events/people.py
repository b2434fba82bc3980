"""What people did: pauses, approvals, promotions; and where a rollout waits for one of them."""

from __future__ import annotations

from dataclasses import dataclass

from pilotage.model.events.occurrence import Occurrence, by_whom
from pilotage.model.message import Severity
from pilotage.model.rollout import CommandKind, HoldCause


@dataclass(frozen=True, kw_only=True)
class Paused(Occurrence, tag="paused", severity=Severity.WARNING):
    """A person paused the rollout, or a hold came to its deadline and asks a person. Critical with the cause `past`."""

    cause: HoldCause | None = None
    """The hold that came to its deadline; none where a person paused."""
    actor: str = ""
    reason: str = ""

    @property
    def severity(self) -> Severity:
        # Nothing runs beside the new version to compare it with: only a person can tell.
        return Severity.CRITICAL if self.cause is HoldCause.PAST else self.usual_severity

    @property
    def sentence(self) -> str:
        if self.cause is None:
            return f"paused {by_whom(self.actor, self.reason)}; limits stay live"
        return f"paused for a person: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class Resumed(Occurrence, tag="resumed", severity=Severity.INFO):
    """A person ended a pause or a hold."""

    actor: str
    reason: str = ""

    @property
    def sentence(self) -> str:
        return f"resumed {by_whom(self.actor, self.reason)}"


@dataclass(frozen=True, kw_only=True)
class Retried(Occurrence, tag="retried", severity=Severity.PROGRESS):
    """A person asked for a fresh start of this step's watch, checks and evidence."""

    actor: str
    reason: str = ""
    withdrawn: bool = False
    """The users were withdrawn and come back."""

    @property
    def sentence(self) -> str:
        what = "one fresh try" if self.withdrawn else "this step's watch and checks start again"
        return f"{what}, asked {by_whom(self.actor, self.reason)}"


@dataclass(frozen=True, kw_only=True)
class Promoted(Occurrence, tag="promoted", severity=Severity.INFO):
    """A person let the rollout go on."""

    actor: str
    reason: str = ""
    full: bool = False
    """Without the analyses that are left."""
    step: str = ""
    """The step whose users come back; only where they were withdrawn."""
    title: str = ""
    although: str = ""
    """Why the users were withdrawn."""

    @property
    def sentence(self) -> str:
        if self.step:
            return f"{self.title}: promoted {by_whom(self.actor, self.reason)} although {self.although}"
        return f"promoted {by_whom(self.actor, self.reason)}" + (
            " without the analyses that are left" if self.full else ""
        )


@dataclass(frozen=True, kw_only=True)
class Approved(Occurrence, tag="approved", severity=Severity.INFO):
    """A person approved the step that waits."""

    plan: str
    """SHA-256 of the plan that was approved."""
    person: str
    title: str
    given: int
    wanted: int
    reason: str = ""

    @property
    def sentence(self) -> str:
        return f"{self.title}: approved {by_whom(self.person, self.reason)} ({self.given} of {self.wanted})"


@dataclass(frozen=True, kw_only=True)
class CommandRefused(Occurrence, tag="command-refused", severity=Severity.PROGRESS):
    """A command was not carried out."""

    kind: CommandKind
    actor: str
    why: str

    @property
    def sentence(self) -> str:
        return f"{self.kind} by {self.actor} refused: {self.why}"


@dataclass(frozen=True, kw_only=True)
class PersonNeeded(Occurrence, tag="person-needed", severity=Severity.CRITICAL):
    """Pilotage cannot go on by itself and calls a person: the release cannot be undone (`rollback.possible`), the store
    lost something, or looks at the rollout fail."""

    cause: str
    """`deadline`, `check`, `instance`, or the metric that failed; `store`, `stuck`."""
    step: str
    """Empty where it is about the rollout as a whole."""
    reason: str
    old: str = ""
    """The version that was found to serve, although the store knew of none: from here on it is the one before."""

    @property
    def sentence(self) -> str:
        return f"a person is needed: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class RolloutWithdrawn(Occurrence, tag="withdrawn", severity=Severity.INFO):
    """A person withdrew a rollout that still waited its turn. The last event of the rollout."""

    version: str
    actor: str

    @property
    def sentence(self) -> str:
        return f"{self.version} will not be rolled out: withdrawn by {self.actor}"


@dataclass(frozen=True, kw_only=True)
class EnvironmentReleased(Occurrence, tag="environment-released", severity=Severity.PROGRESS):
    """A person said that the failed environment may be deleted (`pilotage clean`)."""

    version: str
    actor: str

    @property
    def sentence(self) -> str:
        return f"the failed environment with {self.version} may go, says {self.actor}"
