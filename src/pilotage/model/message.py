"""A message to people and machines: one per transition, an announcement, or a reminder."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pilotage.model.medium import Attachment

OPERATORS = "operators"
"""The audience of every message about a rollout."""

TENANTS, TENANTS_OF_A_WAVE = "tenants", "tenants of the wave"
"""The audiences of what waves tell: before a release, and while it reaches them."""


class Severity(StrEnum):
    """How much it matters, least first."""

    PROGRESS = "progress"
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return list(Severity).index(self)


class Incident(StrEnum):
    """What a message does to the incident of its thread."""

    NONE = ""
    TRIGGER = "trigger"
    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"


@dataclass(frozen=True, kw_only=True)
class Personal:
    """A text for some receivers, each of whom gets a mail of their own and sees nobody else. to: mail addresses."""

    to: tuple[str, ...]
    title: str
    text: str


@dataclass(frozen=True)
class Message:
    """key: identifies it for ever, so that a receiver recognises duplicates · thread: what belongs together, a
    rollout's id · type: the event's, or announcement · text: plain; every channel escapes for itself · facts: label and
    value, shown next to it · at: Unix seconds · audience: operators, or one of the plan's · final: the last message of
    its thread · asks: possible answers (approve, abort) · about: number of the event that an answer refers to; it must
    still be the newest · kind: of an announcement, a `Medium`; empty for what goes by any channel of its audience ·
    attachments: for channels that can carry files · to: addresses that take the place of the channel's own ·
    personal: what a channel of tenants sends instead of the text."""

    key: str
    thread: str
    type: str
    severity: Severity
    title: str
    text: str
    at: float
    service: str
    environment: str
    version: str
    facts: tuple[tuple[str, str], ...] = ()
    incident: Incident = Incident.NONE
    audience: str = OPERATORS
    final: bool = False
    asks: tuple[str, ...] = ()
    about: int = 0
    old: str = ""
    kind: str = ""
    attachments: tuple[Attachment, ...] = ()
    to: tuple[str, ...] = ()
    personal: tuple[Personal, ...] = ()
