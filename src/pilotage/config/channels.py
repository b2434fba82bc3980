"""`notify` of `pilotage.yaml`: channels, who each one reaches, and what it sends.

Secrets of a channel are references (`secret://env/NAME`, `secret://file/PATH`), never the values: the configuration is
stored with every rollout.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pilotage.config.fields import Clock, Section, Zone
from pilotage.config.kinds import AdapterSection, KindOf
from pilotage.model.capabilities import Port
from pilotage.model.message import OPERATORS

SecretRef = Annotated[str, Field(pattern=r"^secret://(env/[A-Za-z_][A-Za-z0-9_]*|file/.+)$")]
"""The operators, who are notified of every transition. Everyone else is an audience of announcements."""


class QuietSection(Section):
    """Quiet hours. Messages below `min_severity` wait until they end."""

    start: Clock = Field(description="Start of the quiet hours, such as 22:00.")
    end: Clock = Field(description="End of the quiet hours; on the next day if it is earlier than start.")
    timezone: Zone = Field(
        "UTC", description="Time zone of the quiet hours, such as Europe/Berlin. Follows daylight saving."
    )
    min_severity: Literal["warning", "critical"] = Field("critical", description="Messages less severe than this wait.")


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
    quiet_hours: QuietSection | None = Field(None, description="Quiet hours.")
    allow_private_network: bool = Field(False, description="Allow an address in a private network or on this machine.")

    @property
    def called(self) -> str:
        return self.name or self.kind


ChannelSection = Annotated[Channel, KindOf(Port.NOTIFY)]
"""One entry of `notify`: a channel of any installed kind."""
