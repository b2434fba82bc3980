"""What `hosts` prints with `--json`."""

from __future__ import annotations

from collections.abc import Mapping

from pilotage.model.output.base import Output, Part


class HostOutput(Part, frozen=True, kw_only=True):
    """One host."""

    name: str
    """As pilotage.yaml calls it; empty for the machine of Pilotage."""
    reachable: bool
    """Whether it was logged in to and answered."""
    problem: str
    """Why it cannot be reached, and what to do; empty if nothing is wrong."""
    address: str
    """Where load balancers reach it; empty if it could not be asked."""
    login_seconds: float | None
    """How long the login took; null if there was none."""
    system: str
    """Such as `Debian GNU/Linux 12 (bookworm)`."""
    user: str
    """Who is logged in."""
    runtimes: tuple[str, ...]
    """Such as `podman 4.3.1` and `systemd 252`."""
    versions: Mapping[str, int]
    """Running instances of each version."""
    disk_free_bytes: int | None
    """Below Pilotage's folder there."""
    clock_seconds: float | None
    """How far its clock is ahead of this machine's."""
    warnings: tuple[str, ...]
    """What will be trouble, one sentence each."""


class HostsOutput(Output, frozen=True, kw_only=True):
    """`hosts`."""

    environment: str
    """The environment asked about."""
    hosts: tuple[HostOutput, ...]
    """In the order of pilotage.yaml, those of routers last."""


class LogLineOutput(Part, frozen=True, kw_only=True):
    """A line of `logs`."""

    instance: str
    """Id of the instance that wrote it."""
    version: str
    """Version of the instance."""
    text: str
    """The line, without values of secrets and control characters."""
