"""Sections about checks of a step and probes of an instance."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from pilotage.config.fields import (
    Duration,
    Section,
    Share,
    UrlPath,
)
from pilotage.config.programs import ProgramSection

_RedisUrl = Annotated[str, Field(pattern=r"^(secret://(env/[A-Za-z_][A-Za-z0-9_]*|file/.+)|(rediss?|unix)://[^\s@]+)$")]


class WarmSection(Section):
    """The new version's cache in Redis, warmed through its instances and measured."""

    redis: _RedisUrl = Field(
        description="Cache of the new version: a reference such as secret://env/GREEN_REDIS_URL, or a URL without a "
        "password. Fills in {version}."
    )
    stable_redis: _RedisUrl | None = Field(
        None, description="Cache of the version that serves. The check fails if both are the same."
    )
    keys: Annotated[str, Field(min_length=1)] | Annotated[list[str], Field(min_length=1)] = Field(
        description="File with a key a line, from this file's folder, or a command that prints them, as an argument "
        "list."
    )
    http: UrlPath | None = Field(
        None,
        pattern=r"^[^{}]*\{key\}.*$",
        description="Path to request for each key at an instance of the new version, such as /products/{key}. Without "
        "it, the cache is only measured.",
    )
    stored_as: str = Field(
        "{key}",
        pattern=r"^.*\{key\}.*$",
        description="Name of a key in Redis, such as product:{key}. Put {version} into it where both versions share a "
        "Redis.",
    )
    at_least: Share = Field(0.9, gt=0, le=1, description="Least share of the keys that must be in the cache.")
    parallel: int = Field(8, ge=1, le=64, description="Requests at once.")


class CheckSection(ProgramSection):
    """A check of a step: a command, HTTP requests to every instance of the new version, or a cache to warm."""

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
    warm: WarmSection | None = Field(None, description="Cache of the new version to warm and measure.")
    status: int = Field(200, ge=100, le=599, description="Required status of each response.")
    contains: str | None = Field(None, description="Text that each response must contain.")
    requests: int = Field(1, ge=1, le=10_000, description="Requests per instance. Use many to warm it up.")
    timeout: Duration = Field(60, gt=0, description="Time limit of the command, of one request, or of warming.")

    @model_validator(mode="after")
    def _one(self) -> CheckSection:
        if sum(one is not None for one in (self.command, self.http, self.warm)) != 1:
            raise ValueError("name either command, http or warm")
        runs = self.command is not None or (self.warm is not None and not isinstance(self.warm.keys, str))
        if not runs and self.names_variables:
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
