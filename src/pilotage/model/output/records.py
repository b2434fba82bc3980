"""What `notify`, `announce`, `followup`, `drill`, `doctor`, `key` `judge` and `plan` print with `--json`."""

from __future__ import annotations

from pilotage.model.json import Json, JsonObject
from pilotage.model.output.base import Output, Part


class ChannelOutput(Part, frozen=True, kw_only=True):
    """One channel."""

    channel: str
    sent: int
    waiting: int
    dead: int
    """Messages that Pilotage gave up."""
    last_sent_at: str | None
    error: str
    """Error of the last failed attempt; empty if a later one succeeded."""


class MessageOutput(Part, frozen=True, kw_only=True):
    """One message to one channel."""

    key: str
    channel: str
    state: str
    """`waiting`, `sent`, `dead` or `pruned`."""
    due_at: str
    attempts: int
    created_at: str
    sent_at: str | None
    receipt: JsonObject | None
    error: str | None
    type: str
    """The event's type, `announcement` or `reminder`."""
    severity: str
    title: str
    text: str


class NotifyOutput(Output, frozen=True, kw_only=True):
    """`notify list`."""

    channels: tuple[ChannelOutput, ...]
    messages: tuple[MessageOutput, ...]
    """Newest first."""


class AnnouncementOutput(Part, frozen=True, kw_only=True):
    """One item of the communication calendar."""

    item: str
    title: str
    audience: str
    owner: str
    state: str
    """`draft`, `approved`, `waiting`, `scheduled`, `sent`, `withdrawn` or `skipped`."""
    due_at: str | None
    overdue: bool
    text: str | None
    """Edited text, or what was sent; null for the template's."""
    actor: str
    reason: str
    after: str = ""
    """The moment that it waits for: `start`, `completed` or `rolled-back`; empty for none."""
    not_before: str | None = None
    """Not sent before this time."""
    sent_to: tuple[str, ...] = ()
    """Channels that have it."""


class AnnouncementsOutput(Output, frozen=True, kw_only=True):
    """`announce list`."""

    version: str
    announcements: tuple[AnnouncementOutput, ...]


class AccountOutput(Part, frozen=True, kw_only=True):
    """A key account and a release."""

    account: str
    """Its name in the file of accounts."""
    contacts: tuple[str, ...]
    """Mail addresses."""
    owner: str
    """Mail address to which answers go; empty for the sender's."""
    sent_at: str | None
    """When the newest message about the release went to it."""
    refused: bool
    """Whether the mail server knows none of its addresses."""
    answered_at: str | None
    """When its answer was noted."""
    answer: str
    """What it answered, in short."""
    noted_by: str
    """Who noted the answer."""


class AccountsOutput(Output, frozen=True, kw_only=True):
    """`announce accounts`."""

    version: str
    accounts: tuple[AccountOutput, ...]


class FollowUpOutput(Part, frozen=True, kw_only=True):
    """One follow-up of a retrospective."""

    id: int
    description: str
    owner: str
    due: str
    """Due date."""
    overdue: bool
    criterion: str
    """How to tell that it is done."""
    priority: str
    release: str
    """The version or rollout that caused it."""
    done: str
    """Date; empty while it is open."""
    outcome: str
    issue: str
    figure: str
    """The DORA metric that it is to improve; empty for none."""
    made: str
    """Date on which it was added."""


class FollowUpsOutput(Output, frozen=True, kw_only=True):
    """`followup list`."""

    followups: tuple[FollowUpOutput, ...]


class GuestOutput(Part, frozen=True, kw_only=True):
    """Someone who is invited."""

    name: str
    email: str
    required: bool


class MeetingOutput(Part, frozen=True, kw_only=True):
    """One meeting about a release."""

    id: int
    kind: str
    environment: str
    version: str
    """Empty for a meeting about a week or a month."""
    title: str
    begins_at: str
    minutes: int
    location: str
    state: str
    guests: tuple[GuestOutput, ...]
    attended: tuple[str, ...]
    absent: tuple[str, ...]
    record: str
    """The minutes."""


class MeetingsOutput(Output, frozen=True, kw_only=True):
    """`meeting list`."""

    meetings: tuple[MeetingOutput, ...]


class DrillOutput(Output, frozen=True, kw_only=True):
    """`drill rollback`."""

    rollout: str
    duration_seconds: float
    limit_seconds: float
    """What the plan allows."""


class CheckedOutput(Part, frozen=True, kw_only=True):
    """One thing that `doctor` checked."""

    result: str
    """`PASS`, `WARN` or `FAIL`."""
    subject: str
    sentence: str


class DoctorOutput(Output, frozen=True, kw_only=True):
    """`doctor`."""

    findings: tuple[CheckedOutput, ...]


class KeyOutput(Output, frozen=True, kw_only=True):
    """`key show`."""

    id: str
    public_key: str
    """PEM."""
    earlier_ids: tuple[str, ...]


class ChangeOutput(Part, frozen=True, kw_only=True):
    """One difference between two plans."""

    section: str
    name: str
    before: str
    after: str
    affects: str
    """Who is affected."""
    reason: str


class ChangesOutput(Output, frozen=True, kw_only=True):
    """`plan diff`, and `plan VERSION --against PLAN`."""

    changes: tuple[ChangeOutput, ...]


class RenotifyOutput(Part, frozen=True, kw_only=True):
    """Someone who knows the old date."""

    audience: str
    channels: tuple[str, ...]
    owner: str


class RetargetOutput(Output, frozen=True, kw_only=True):
    """`plan retarget`."""

    changes: tuple[ChangeOutput, ...]
    notify_again: tuple[RenotifyOutput, ...]


class ReasonOutput(Output, frozen=True, kw_only=True):
    """`plan VERSION --explain PATH`."""

    path: str
    value: Json
    reasons: tuple[str, ...]


class JudgeOutput(Output, frozen=True, kw_only=True):
    """`judge --replay`."""

    verdict: str | None
    """The first verdict that decides, such as `fail`; null if there is none."""
    detected_after_seconds: float | None
    """From the start of the data to this verdict; null if there is none."""
    affected_users: int | None = None
    """Failures up to the verdict, or in all; null for a gauge."""
    spared_users: int | None = None
    """Failures after it."""
    ticks: int | None = None
    """How often the judge looked."""
    sentence: str
    notes: tuple[str, ...] = ()
    """What to know about the data."""
