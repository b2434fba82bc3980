"""What runs instances on one host: processes, systemd units or containers. A fleet spreads instances over hosts and
asks the runner of each; it decides how many run where, and the runner knows how."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from pilotage.adapters.fence import Fence


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """An instance to start. name: its own, of letters, digits, dots and dashes, made from version and number ·
    number: counts the starts of this service on all hosts · port: where it shall listen."""

    name: str
    version: str
    number: int
    port: int


@dataclass(frozen=True, kw_only=True)
class Found:
    """An instance that is on the host, as the host itself says.

    running: whether it runs now · stopping: whether it was asked to stop · age: seconds since its start, by the host's
    clock · memory: resident bytes · cpu: seconds of processor time · detail: how it ended, and the end of its log.
    """

    name: str
    version: str
    number: int
    port: int
    running: bool
    stopping: bool = False
    age: float = 0.0
    memory: int | None = None
    cpu: float | None = None
    detail: str = ""


class Runner(Protocol):
    """Runs instances of one service on one host. All that it starts is marked as ours on the host itself, so that
    another controller finds it again. Methods raise Unreachable and AdapterError; those that change something,
    Fenced."""

    def found(self) -> tuple[Found, ...]:
        """All instances of this service and environment there, with those that exited. One step on the host."""

    def start(self, wanted: Wanted, fence: Fence) -> None:
        """Start it without waiting for it. Repeating the call starts nothing twice, also if the first one was cut off.
        Raises `NeverStarts` if a retry would not help."""

    def stop(self, name: str, fence: Fence) -> None:
        """Ask it to stop; kill it where it was asked longer ago than the stop timeout; remove it where it has ended.
        Never waits: call it again until `found` no longer lists it."""

    def log(self, name: str, lines: int) -> tuple[str, ...]:
        """The last lines that it wrote, raw; empty if it is unknown or wrote nothing."""

    def lacks(self, version: str) -> str:
        """What is not there to start this version; empty where it can be started as far as anyone can know. Changes
        nothing."""

    def prepare(self, version: str, fence: Fence) -> str:
        """Bring the version to the host, such as an image or an artifact, and run what the configuration says must run
        before. Returns by which digest it is known there; empty where there is none. Repeating the call does it again
        only where it was not finished. Raises `NeverStarts` if waiting would not help."""


@runtime_checkable
class Enterable(Protocol):
    """A runner whose instances have files and processes of their own, such as containers."""

    def inside(self, name: str) -> Sequence[str]:
        """What to put before a command, so that it runs in the instance."""


def name_of(version: str, number: int) -> str:
    """The name of an instance."""
    return f"{slug_of(version)}-{number}"


def slug_of(version: str) -> str:
    """Letters, digits, dots and dashes, which every runner and file system takes. Versions that differ have slugs that
    differ."""
    slug = re.sub(r"[^A-Za-z0-9.-]", "-", version)[:80].lstrip(".-")
    return slug if slug == version else f"{slug or 'v'}-{hashlib.sha256(version.encode()).hexdigest()[:6]}"
