"""What the outbox must know of a channel: audience, content and times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pilotage.model.json import JsonObject, read_as
from pilotage.model.medium import WRITTEN
from pilotage.model.message import OPERATORS, Severity
from pilotage.model.renamed import renamed

STATUS_PAGE: Final = "status-page"
"""Kind and name of the channel whose messages are entries of the public status page."""


@dataclass(frozen=True, kw_only=True)
class QuietHours:
    """start, end: `HH:MM` in `timezone`; over midnight where `end` is the earlier one · min_severity: messages less
    severe than this wait."""

    start: str
    end: str
    timezone: str = "UTC"
    min_severity: Severity = Severity.CRITICAL


@dataclass(frozen=True, kw_only=True)
class KnownChannel:
    """A section of `notify` as far as it says where messages go; the rest is its notifier's. environments: empty for
    all · messages: kinds of announcement that it publishes · tenants: it has no address of its own, and takes only what
    names receivers."""

    kind: str
    name: str | None = None
    min_severity: Severity = Severity.INFO
    environments: tuple[str, ...] = ()
    audiences: tuple[str, ...] = (OPERATORS,)
    quiet_hours: QuietHours | None = None
    messages: tuple[str, ...] = WRITTEN
    tenants: bool = False

    @property
    def called(self) -> str:
        return self.name or self.kind

    def publishes(self, audience: str, kind: str) -> bool:
        """Whether it leads to the audience, with messages of this kind. kind: empty for any."""
        return audience in self.audiences and (not kind or kind in self.messages)


def channel_of(section: JsonObject) -> KnownChannel:
    """The channel of a stored section of `notify`, under old or new names. Raises WrongJson."""
    today, _ = renamed(section, "notify.*")
    return read_as(KnownChannel, today)
