"""Sections about checks of a step and probes of an instance."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from pilotage.config.fields import (
    Duration,
    UrlPath,
)
from pilotage.config.programs import ProgramSection


class CheckSection(ProgramSection):
    """A check of a step: a command, or HTTP requests to every instance of the new version."""

    command: list[str] | None = Field(
        None,
        min_length=1,
        description="Arguments of a command, no shell. Fills in {version}, {stable_version}, {instances} and {step}.",
    )
    http: str | None = Field(
        None,
        pattern=r"^(/|https?://)\S*$",
        description="Path to request at each instance, such as /checkout, or a whole URL.",
    )
    status: int = Field(200, ge=100, le=599, description="Required status of each response.")
    contains: str | None = Field(None, description="Text that each response must contain.")
    requests: int = Field(1, ge=1, le=10_000, description="Requests per instance. Use many to warm it up.")
    timeout: Duration = Field(60, gt=0, description="Time limit of the command, or of one request.")

    @model_validator(mode="after")
    def _one(self) -> CheckSection:
        if (self.command is None) == (self.http is None):
            raise ValueError("name either command or http")
        if self.command is None and self.names_variables:
            raise ValueError("env and pass_env require command")
        return self


class ProbeSection(ProgramSection):
    """A critical function, tested at each instance of both versions while a release is watched."""

    name: str = Field("", max_length=64, description="Name in verdicts and reasons. Default: the path or the program.")
    http: UrlPath | None = Field(None, description="Path to request at each instance with GET, such as /cart.")
    command: list[str] | None = Field(
        None,
        min_length=1,
        description="Command as an argument list, instead of http. {version}, {host}, {port} and {url} are filled in.",
    )
    status: int = Field(
        200, ge=200, le=599, description="Required status of each response. Redirects are not followed."
    )
    contains: Annotated[str, Field(min_length=1)] | None = Field(
        None, description="Text that the first 64 kB of each response must contain."
    )
    interval: Duration = Field(5, ge=1, description="Time between two rounds.")
    failure_threshold: int = Field(
        3, ge=1, le=100, description="Consecutive failures at one instance that fail the version."
    )
    timeout: Duration = Field(2, gt=0, le=60, description="Time limit of one try.")

    @property
    def called(self) -> str:
        return self.name or self.http or (self.command or [""])[0]

    @model_validator(mode="after")
    def _one(self) -> ProbeSection:
        if (self.command is None) == (self.http is None):
            raise ValueError("name either http or command")
        if self.command is None and self.names_variables:
            raise ValueError("env and pass_env require command")
        if any("\0" in part for part in self.command or ()):
            raise ValueError("command: it contains a NUL character")
        if self.command is not None:
            if self.status != 200 or self.contains is not None:
                raise ValueError("status and contains require http: a command passes when it exits with 0")
            if not any(place in part for part in self.command for place in ("{port}", "{url}")):
                raise ValueError("command: add {url} or {port}, so that it can tell the instances apart")
        return self
