"""The kinds of message in a communication calendar: what each one is published as, and by which channels.

A message goes out as its own kind or not at all: a post for social media is no mail to customers.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Medium(StrEnum):
    """What a message is published as."""

    EMAIL = "e-mail"
    CHAT = "chat"
    DOCUMENT = "document"
    SURVEY = "survey"
    PERSONAL = "personal message"
    MEETING = "meeting"
    WEBINAR = "webinar"
    DOCUMENTATION = "documentation"
    STATUS_PAGE = "status page"
    SOCIAL = "social media"
    IN_APP = "in-app"


MAIL = (Medium.EMAIL, Medium.DOCUMENT, Medium.SURVEY, Medium.PERSONAL, Medium.MEETING, Medium.WEBINAR)
"""What is written to people, one by one."""

WRITTEN = (*MAIL, Medium.CHAT)
"""What is written to people, one by one or in a room."""

_BEFORE = {"Slack": Medium.CHAT}
"""Words of plans of earlier versions."""


def medium_of(word: str) -> Medium | None:
    """The kind that a plan names; None for a message that goes wherever an earlier one went."""
    try:
        return _BEFORE.get(word) or Medium(word)
    except ValueError:
        return None


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """A file that goes with a message. type: its media type, such as `text/html` or `text/calendar; method=REQUEST`."""

    name: str
    type: str
    content: str
