"""The hosts of a fleet, and what runs its instances there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from pilotage.config.fields import Section
from pilotage.config.hosts import HostName, HostSection, SshSection

_SPAN = re.compile(r"(\d{1,5})\s*-\s*(\d{1,5})")

RunnerKind = Literal["process", "systemd", "container"]


class FleetHostSection(HostSection):
    """A host of a fleet."""

    runner: RunnerKind | None = Field(None, description="What runs instances on this host. Default: fleet.runner.")


def _span(text: str) -> str:
    found = _SPAN.fullmatch(text)
    if not found or not 1 <= int(found[1]) <= int(found[2]) <= 65535:
        raise ValueError(f"{text!r} is not a range of ports such as 20000-29999")
    return text


def _by_name(written: object) -> object:
    """A list of names, or a mapping from names to what differs."""
    if isinstance(written, list):
        if len(set(map(str, written))) != len(written):
            raise ValueError("a host is named twice")
        return {name: {} for name in written}
    if isinstance(written, Mapping):
        return {name: {} if given is None else given for name, given in written.items()}
    return written


Hosts = Annotated[
    dict[HostName, FleetHostSection],
    BeforeValidator(_by_name, json_schema_input_type=dict[HostName, FleetHostSection | None] | list[HostName]),
]
PortSpan = Annotated[str, AfterValidator(_span)]


class ArtifactSection(Section):
    """The files of a version: fetched once to this machine, verified, and sent to each host."""

    source: str = Field(
        min_length=1,
        pattern=r"^[^\x00\n]+$",
        description="File or URL with `{version}`, such as dist/shop-{version}.tar.gz: a tar (gz, xz, bz2), a zip, or "
        "one plain file. `{artifact}` for the file that the way of the version built.",
    )
    sha256: dict[str, Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$")]] = Field(
        default_factory=dict, description="SHA-256 digests by version."
    )
    checksums: str = Field(
        "",
        pattern=r"^[^\x00\n]*$",
        description="File or URL with `{version}` that holds the digest, as sha256sum writes it, such as "
        "https://example.org/{version}/SHA256SUMS. A URL as source needs this or `sha256`.",
    )
    strip: int = Field(0, ge=0, le=20, description="Leading folders of the archive to leave out.")
    keep: int = Field(5, ge=1, le=100, description="Releases that stay on each host for the way back.")
    max_size: int = Field(2 << 30, ge=1, description="Largest artifact to fetch, in bytes.")

    @model_validator(mode="after")
    def _verified(self) -> ArtifactSection:
        if self.source == "{artifact}":
            if self.sha256 or self.checksums:
                raise ValueError("source: the digest of {artifact} is on record: leave out sha256 and checksums")
            return self
        if "{artifact" in self.source:
            raise ValueError("source: {artifact} stands alone: it is a whole path")
        if "{version}" not in self.source:
            raise ValueError("source: add {version}: two versions are there side by side")
        if self.source.startswith(("http://", "https://")) and not (self.sha256 or self.checksums):
            raise ValueError("checksums: name the file that holds the digest of what comes from a URL, or write sha256")
        return self


def ports_of(span: str) -> range:
    """The ports of a `PortSpan`."""
    found = _SPAN.fullmatch(span)
    return range(int(found[1]), int(found[2]) + 1) if found else range(0)


def with_defaults(host: FleetHostSection, defaults: SshSection) -> FleetHostSection:
    """The host with what it leaves out."""
    given = {name: value for name, value in defaults if name in defaults.model_fields_set}
    return host.model_copy(update={name: value for name, value in given.items() if name not in host.model_fields_set})
