"""Where an Envoy runs: on this machine or on another host. Its folder there, its process, and its admin interface."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from pathlib import Path
from typing import Protocol

from pilotage.model.json import JsonObject

BOOTSTRAP, COPIES = "bootstrap.json", "tls"
"""What Envoy is started with, and the folder of the certificates that it serves."""


class EnvoyPlace(Protocol):
    """The folder of one Envoy and what runs there. Names are of files, relative to that folder. Every method may raise
    AdapterError; those that change something, Fenced."""

    def reached(self, host: str) -> str:
        """Where others reach what listens there on this address."""

    @property
    def lock(self) -> Path:
        """A folder of this machine in which only one process at a time changes the routes."""

    @property
    def keeps_logs(self) -> bool:
        """Whether Envoy's logs of failures and of paths are read, and kept small."""

    def begin(self) -> None:
        """A change begins: what was read before may be outdated."""

    def get(self, path: str, timeout: float = 2.0) -> bytes:
        """What the admin interface answers."""

    def read(self, name: str) -> JsonObject | None:
        """The content of a file; None if there is none, or if a crash of the machine damaged it."""

    def write(self, name: str, content: bytes) -> None:
        """Replace a file by renaming another one, which Envoy sees."""

    def has(self, names: Collection[str]) -> bool:
        """Whether all of these files are there."""

    def remove_others(self, folder: str, kept: Collection[str]) -> None:
        """Remove the files of a folder inside, but not those of these names."""

    def was_told(self) -> bool:
        """Whether an Envoy was ever told anything there, and not stopped since."""

    def running(self) -> Hashable | None:
        """The running Envoy as something that is equal only to itself; None if none runs. One that can no longer be
        controlled, because its files were removed, is stopped."""

    def started_with(self) -> JsonObject | None:
        """The configuration that it was started with."""

    def refuse_taken(self, at: tuple[str, int]) -> None:
        """Raise AdapterError where something listens on this address."""

    def prepare(self) -> None:
        """Write what the next Envoy is started with; until it starts, its discovery files may be written."""

    def start(self) -> Hashable:
        """The Envoy that was prepared, once it listens."""

    def stop(self) -> None:
        """Stop it, and remove its files. Nothing happens where none runs."""

    def signature(self, path: str) -> Hashable:
        """Of any file of that machine: another one as soon as something else lies there."""

    def content(self, path: str) -> bytes:
        """Of any file of that machine."""
