"""`server` of `pilotage.yaml`: how browsers reach the server, and how people sign in."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pilotage.config.fields import BaseUrl, Section


class ServerSection(Section):
    """How browsers reach `pilotage serve`, and how people sign in."""

    url: BaseUrl | None = Field(
        None, description="Address by which browsers reach the server, such as https://pilotage.example.org."
    )
    passwords: Literal["everyone", "emergency"] = Field(
        "everyone",
        description="Who may sign in by a local password: everyone who has one, or only emergency accounts.",
    )
