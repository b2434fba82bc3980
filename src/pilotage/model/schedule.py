"""What a plan holds next to its steps: readiness, timeline, attendance, messages. Plain frozen data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class Role(StrEnum):
    """Who answers for something. Small teams hold several jointly; author and approver are never one (C18)."""

    RELEASE_MANAGER = "release manager"
    PRODUCT_OWNER = "product owner"
    PRODUCT_MANAGER = "product manager"
    ENGINEERING_LEAD = "engineering lead"
    DEVOPS_ENGINEER = "DevOps engineer"
    QA_LEAD = "QA lead"
    SUPPORT_LEAD = "support lead"
    SECURITY_ENGINEER = "security engineer"
    COMPLIANCE_OFFICER = "compliance officer"
    CHANGE_MANAGER = "change manager"
    BUSINESS_STAKEHOLDER = "business stakeholder"
    CUSTOMER_SUCCESS = "customer success manager"
    COMMUNICATIONS = "communications manager"


def hyphened(role: str) -> str:
    """As it is written on a command line, and as a setting has it: `qa-lead`."""
    return role.lower().replace(" ", "-")


@dataclass(frozen=True)
class Conflict:
    """Answers that contradict one another (R8).

    between: the answers and numbers that collide · relaxation: the smallest change that frees the plan ·
    blocking: the plan cannot be executed until someone accepts it · reason, accepted_by: empty until then.
    """

    name: str
    between: tuple[str, ...]
    explanation: str
    relaxation: str
    blocking: bool
    source: str
    reason: str = ""
    accepted_by: str = ""

    @property
    def stops(self) -> bool:
        return self.blocking and not self.reason


@dataclass(frozen=True)
class Requirement:
    """One item of the readiness list (R5, R6). `due` is a day of `phase`; None in a plan without a date. `blocking` is
    off for an item that the team does not have, by `readiness.not_for_us`; `note` says why."""

    id: str
    group: str
    title: str
    owner: Role
    evidence: str
    requirement: str
    blocking: bool
    phase: str
    due: date | None
    source: str
    note: str = ""


@dataclass(frozen=True)
class Activity:
    """Work of a phase, done by the phase's last day. owner: None in plans of older formats · gates: readiness items and
    facts (`model.activity.Fact`) that show that it is done; empty where a person says so."""

    id: str
    owner: Role | None = None
    gates: tuple[str, ...] = ()


@dataclass(frozen=True)
class Milestone:
    """id: empty in plans of older formats · owner, gates: as of an activity."""

    title: str
    due: date | None
    id: str = ""
    owner: Role | None = None
    gates: tuple[str, ...] = ()


def open_days(shortest: int, longest: int) -> str:
    """`4 open days`, or `1–2 open days`."""
    span = f"{longest}" if shortest == longest else f"{shortest}–{longest}"
    return f"{span} open day{'s' * (longest != 1)}"


@dataclass(frozen=True)
class Phase:
    """One phase of a scheduled release (R9), in open days.

    start, end: the safe schedule, from `longest` · latest_start, latest_end: the shortest path, from `shortest` ·
    tasks: readiness items due in it · done: reported by the caller.
    """

    id: str
    title: str
    shortest: int
    longest: int
    start: date | None
    end: date | None
    latest_start: date | None
    latest_end: date | None
    activities: tuple[Activity, ...]
    milestones: tuple[Milestone, ...]
    tasks: tuple[str, ...]
    done: bool
    source: str


@dataclass(frozen=True)
class Stage:
    """One stage of a continuous pipeline (R10), in seconds; `estimate` comes from the plan's own steps."""

    id: str
    title: str
    shortest: int | float
    longest: int | float
    estimate: int | float | None
    activities: tuple[str, ...]
    approval: bool
    tasks: tuple[str, ...]
    source: str


@dataclass(frozen=True)
class Trains:
    """How many releases of this length overlap at this cadence (C13), counted in open days."""

    length: int
    cadence: int
    in_flight: int
    smallest_cadence: str

    @property
    def overlap(self) -> tuple[str, ...]:
        """How many releases overlap, and which cadence avoids it; empty where none do."""
        if self.in_flight < 2:
            return ()
        longer = f"release {self.smallest_cadence} or less often" if self.smallest_cadence else "make releases shorter"
        return (
            f"a release takes {self.length} open days and one starts every {self.cadence}: up to {self.in_flight} "
            f"overlap; to avoid that, {longer}",
        )


@dataclass(frozen=True)
class Timeline:
    """Phases of a scheduled release, or the stages of a continuous one; the other is empty (C6).

    latest_safe_start: from the upper bounds · latest_start: from the lower · slack: open days between them ·
    flag_removal: when the flag's code goes (feature-flag releases and feature toggles).
    """

    phases: tuple[Phase, ...]
    stages: tuple[Stage, ...]
    afterwards: tuple[str, ...]
    on_failure: tuple[str, ...]
    latest_safe_start: date | None
    latest_start: date | None
    slack: int | None
    trains: Trains | None
    flag_removal: date | None


@dataclass(frozen=True)
class Shift:
    """A stretch that one zone covers. outside: its clocks show no working hours then."""

    zone: str
    begins: datetime
    ends: datetime
    outside: bool


@dataclass(frozen=True)
class OnCall:
    """When a step runs if nothing delays it, and who must be available (R11).

    duty: `act` at a change or an approval, `answer` if harm waits for a decision, `reachable` if it is rolled back
    automatically.
    """

    step: str
    title: str
    begins: datetime
    ends: datetime
    owner: Role
    duty: str
    reason: str
    shifts: tuple[Shift, ...]


@dataclass(frozen=True)
class HealthMetric:
    """One of the eight (R19). `limit` is the setting that bounds it; `provided_by` is empty when nothing does."""

    id: str
    title: str
    unit: str
    compared_with: str
    limit: str
    provided_by: str
    source: str


@dataclass(frozen=True)
class AlertRule:
    """One alert (R20): `metric` `comparison` `limit`, for `seconds`, then `action`. limit: in the unit of the setting
    `limit_from`, shares in percent."""

    id: str
    title: str
    metric: str
    comparison: str
    limit: int | float
    limit_from: str
    seconds: int | float
    severity: str
    action: str
    channels: tuple[str, ...]
    source: str


@dataclass(frozen=True)
class Lead:
    """How long before (negative) or after an anchor something is due. unit: `working days` or `hours`."""

    anchor: str
    amount: int
    unit: str

    def __str__(self) -> str:
        unit = self.unit[:-1] if abs(self.amount) == 1 else self.unit
        if self.amount == 0:
            return f"at {self.anchor}"
        return f"{abs(self.amount)} {unit} {'before' if self.amount < 0 else 'after'} {self.anchor}"


@dataclass(frozen=True)
class CatchUp:
    """What replaces a lead time that has already passed (C11); `waiver` is what gets recorded."""

    rule: str
    missed: Lead
    missed_due: date | None
    waiver: str


class After(StrEnum):
    """The moment of a rollout before which a message may not go out."""

    NOTHING = ""
    START = "start"
    COMPLETED = "completed"
    """All users have the version, and its last watch has ended."""
    ROLLED_BACK = "rolled-back"


@dataclass(frozen=True)
class Message:
    """One message of the communication calendar (R22): audience, channel, owner and time.

    due: its day in the release's zone · due_at: its instant, when the lead counts hours; both None without a date.
    """

    id: str
    audience: str
    title: str
    channel: str
    owner: Role
    lead: Lead
    due: date | None
    due_at: datetime | None
    draft: str
    source: str
    catch_up: CatchUp | None = None
    after: After = After.NOTHING
