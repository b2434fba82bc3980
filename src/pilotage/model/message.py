"""What is told to people and machines: one message a transition, an announcement, or a reminder."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

OPERATORS = "operators"
"""The audience of everything that a rollout tells."""


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


@dataclass(frozen=True)
class Message:
    """key: names it for ever, so that whoever gets it twice can tell · thread: what belongs together, a rollout's id ·
    type: the event's, or announcement · text: plain, as it is; every channel escapes for itself · facts: label and
    value, to be shown beside it · at: Unix seconds · audience: operators, or one of the plan's · final: nothing more
    follows in this thread · asks: what a person may answer at once (approve, abort) · about: what an answer must
    still find so, the number of the event.
    """

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
