"""`server` of `pilotage.yaml`: how browsers reach the server, and how people sign in."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pilotage.config.fields import BaseUrl, Section
from pilotage.config.hooks import HookName, HookSection


class ServerSection(Section):
    """How browsers reach `pilotage serve`, and how people sign in."""

    url: BaseUrl | None = Field(
        None, description="Address by which browsers reach the server, such as https://pilotage.example.org."
    )
    passwords: Literal["everyone", "emergency"] = Field(
        "everyone",
        description="Who may sign in by a local password: everyone who has one, or only emergency accounts.",
    )
    hooks: dict[HookName, HookSection] = Field(
        default_factory=dict, max_length=50,
        description="Systems that tell the server of a new version, by name: messages go to /api/v1/hooks/NAME.",
    )  # fmt: skip
