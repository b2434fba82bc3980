"""`notify` of `pilotage.yaml`: channels, who each one reaches, and what it sends.

Secrets of a channel are references (`secret://env/NAME`, `secret://file/PATH`), never the values: the configuration is
stored with every rollout.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from pilotage.config.fields import Clock, Section, Zone
from pilotage.config.fields import SecretRef as SecretRef
from pilotage.config.kinds import AdapterSection, KindOf
from pilotage.model.capabilities import Port
from pilotage.model.json import JsonObject
from pilotage.model.medium import WRITTEN, Medium
from pilotage.model.message import OPERATORS

STARTS_IN = "starts_in"
"""Key of a kept section: the folder in which its program starts. It is no setting."""

Kind = Annotated[Medium, Field(strict=False)]
"""A kind of announcement, by its word in the file."""


class QuietSection(Section):
    """Quiet hours. Messages below `min_severity` wait until they end."""

    start: Clock = Field(description="Start of the quiet hours, such as 22:00.")
    end: Clock = Field(description="End of the quiet hours; on the next day if it is earlier than start.")
    timezone: Zone = Field(
        "UTC", description="Time zone of the quiet hours, such as Europe/Berlin. Follows daylight saving."
    )
    min_severity: Literal["warning", "critical"] = Field("critical", description="Messages less severe than this wait.")


def publishes(*kinds: Medium) -> list[Medium]:
    """The setting `messages` of a channel that publishes these kinds unless the file says otherwise."""
    made: list[Kind] = Field(
        list(kinds),
        description="Kinds of announcement it publishes. An announcement of another kind never goes through it.",
    )
    return made


class Channel(AdapterSection):
    """Settings that every channel has."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")] | None = Field(
        None, description="Name of the channel. Default: its kind."
    )
    min_severity: Literal["progress", "info", "warning", "critical"] = Field(
        "info", description="Lowest severity to send; with progress, every step is sent."
    )
    environments: list[str] = Field(
        default_factory=list, description="Only send messages about these environments. Default: all."
    )
    audiences: list[Annotated[str, Field(min_length=1)]] = Field(
        [OPERATORS], min_length=1, description="Who it reaches: operators, or audiences of announcements."
    )
    messages: list[Kind] = publishes(*WRITTEN)
    quiet_hours: QuietSection | None = Field(None, description="Quiet hours.")
    allow_private_network: bool = Field(False, description="Allow an address in a private network or on this machine.")

    @property
    def called(self) -> str:
        return self.name or self.kind

    def kept(self, folder: Path) -> JsonObject:  # noqa: ARG002  # the project's folder, for channels with files
        """The section as messages and rollouts keep it: plain JSON, with absolute paths. A channel whose program starts
        in the project's folder adds it under STARTS_IN."""
        return self.model_dump(mode="json")


ChannelSection = Annotated[Channel, KindOf(Port.NOTIFY)]
"""One entry of `notify`: a channel of any installed kind."""
