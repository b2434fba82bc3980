"""`notify` of `pilotage.yaml`: channels, whom each reaches, and what is told there.

Whatever opens a channel is a reference (`secret://env/NAME`, `secret://file/PATH`), never the secret itself: the
configuration is kept with every rollout.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pilotage.config.fields import Clock, Section, Zone
from pilotage.config.kinds import AdapterSection, KindOf
from pilotage.model.capabilities import Port
from pilotage.model.message import OPERATORS

SecretRef = Annotated[str, Field(pattern=r"^secret://(env/[A-Za-z_][A-Za-z0-9_]*|file/.+)$")]
"""Those who run releases: they are told of every transition. Everybody else is an audience of announcements."""


class QuietSection(Section):
    """Hours in which less is told; what is held back comes when they are over."""

    opens: Clock = Field(description="From this time of day, such as 22:00.")
    closes: Clock = Field(description="Until this time of day, the next morning if it is earlier.")
    zone: Zone = Field("UTC", description="Whose clock.")
    below: Literal["warning", "critical"] = Field("critical", description="What is less severe waits.")


class Channel(AdapterSection):
    """What every channel has, whatever its kind."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")] | None = Field(
        None, description="What it is called; its kind when left out."
    )
    severity: Literal["progress", "info", "warning", "critical"] = Field(
        "info", description="Told from here on; progress is every step."
    )
    environments: list[str] = Field(default_factory=list, description="Only of these; all when left out.")
    audiences: list[Annotated[str, Field(min_length=1)]] = Field(
        [OPERATORS], min_length=1, description="Whom it reaches: operators, or audiences of announcements."
    )
    quiet: QuietSection | None = None
    private: bool = Field(False, description="May be an address of a private network or of this machine.")

    @property
    def called(self) -> str:
        return self.name or self.kind


ChannelSection = Annotated[Channel, KindOf(Port.NOTIFY)]
"""One entry of `notify`: a channel of any installed kind."""
