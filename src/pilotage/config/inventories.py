"""Where the hosts of a fleet are listed, if not in pilotage.yaml itself."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from pilotage.config.fields import Duration, Section
from pilotage.config.hosts import GroupName


class InventorySection(Section):
    """A list of hosts elsewhere: a file, or a command that prints it."""

    file: str | None = Field(
        None,
        min_length=1,
        description="File that lists the hosts: YAML as `hosts` takes it, or an Ansible inventory in YAML or INI.",
    )
    command: list[Annotated[str, Field(min_length=1)]] = Field(
        default_factory=list,
        description="Arguments of a command that prints the hosts, no shell: JSON as `hosts` takes it, the JSON of an "
        "Ansible inventory script, or a name a line.",
    )
    timeout: Duration = Field(10.0, gt=0, le=60, description="How long the command may take.")
    groups: list[GroupName] = Field(
        default_factory=list, description="Groups whose hosts to use. Default: every host that is listed."
    )

    @model_validator(mode="after")
    def _either(self) -> InventorySection:
        if bool(self.file) == bool(self.command):
            raise ValueError("name either file or command")
        return self
