"""Machines that SSH reaches: who they are, and how to get there."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from pilotage.config.fields import Section

_WHERE = r"^[A-Za-z0-9._:%-]{1,253}$"


def _no_option(text: str) -> str:
    """What begins with a dash would be an option of `ssh`."""
    if text.startswith("-"):
        raise ValueError(f"{text!r} begins with a dash")
    return text


Where = Annotated[str, Field(pattern=_WHERE), AfterValidator(_no_option)]
"""A name of ssh_config or DNS, or an IP address."""
UserName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9._-]{0,63}\$?$")]
Jump = Annotated[str, Field(pattern=r"^[A-Za-z0-9._@:%\[\],-]{1,500}$"), AfterValidator(_no_option)]
GroupName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,62}$")]
HostName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]


class SshSection(Section):
    """How to reach a host over SSH. What is left out is up to ssh_config, the agent and known_hosts of the user who
    runs Pilotage."""

    port: int | None = Field(None, ge=1, le=65535, description="Port of sshd. Default: that of ssh_config, or 22.")
    user: UserName | None = Field(None, description="User to log in as. Default: that of ssh_config.")
    jump: Jump | None = Field(
        None, description="Hosts to go through, such as bastion.example.org or deploy@bastion:2222; several by commas."
    )
    identity_file: str | None = Field(None, min_length=1, description="Private key. Default: those of ssh_config.")
    config_file: str | None = Field(
        None, min_length=1, description="ssh_config to read instead of the user's, from this file's folder."
    )
    folder: str = Field(
        ".pilotage",
        pattern=r"^[^\x00\n]+$",
        description="Pilotage's own folder on the host; relative to the home of the user who logs in.",
    )


class HostSection(SshSection):
    """One host."""

    address: Where | None = Field(None, description="Name or IP address. Default: the name it has in this list.")
    reach: Where | None = Field(
        None, description="Where load balancers and health checks reach its instances. Default: address."
    )
    groups: list[GroupName] = Field(
        default_factory=list, description="Groups that the host belongs to, such as eu or canary."
    )
    vars: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")], str] = Field(
        default_factory=dict, description="Values of placeholders such as {zone} in commands and variables."
    )
