"""A Traefik that somebody else runs: one file of ours in the folder of its file provider, and its API read back.

Whatever else is configured there stays as it is: everything of ours has names with a prefix of its own.
"""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from pilotage.adapters.fence import Fence
from pilotage.adapters.files import private_folder, read_leniently, write_json
from pilotage.adapters.hosts.host import Host
from pilotage.adapters.ports import AdapterError, Backends
from pilotage.adapters.routers.change import begun
from pilotage.adapters.routers.traefik import refuse_empty
from pilotage.adapters.routers.traefik_config import Settings, configuration, text_of
from pilotage.adapters.routers.traefik_read_back import endpoints_of, ours_in, split_of
from pilotage.adapters.traefik_api import TraefikApi
from pilotage.model.json import JsonObject
from pilotage.model.traffic import Split

_TAKE_UP_DEADLINE = 8.0
_SHARED = 0o644
"""Traefik usually runs as another user."""
RECORD = "traefik-beside.json"
"""In our own folder: what leads back without a configuration. It also says that a split was set, so that a file that
is missing was removed by somebody."""


@dataclass(frozen=True, kw_only=True)
class There:
    """Somebody else's Traefik. file: the one that is ours · api: where its API answers · url: where users reach the
    service, empty if unknown."""

    file: str
    api: str
    settings: Settings
    url: str = ""


class TraefikBeside:
    """The Router port over somebody else's Traefik. directory: our own folder on this machine · fence: None for the way
    back without a store · host: where Traefik runs · where: the record of it."""

    def __init__(self, directory: Path, fence: Fence | None, host: Host, there: There, where: JsonObject) -> None:
        self._directory, self._fence, self._host, self._there = directory, fence, host, there
        self._file, self._settings, self._where = there.file, there.settings, where
        self._api = TraefikApi(there.api)

    def url(self) -> str:
        return self._there.url

    def apply(self, split: Split, backends: Backends) -> None:
        assert self._fence
        self._fence.check()
        change = begun(self._directory, self._fence)
        refuse_empty(split, backends)
        content = text_of(configuration(self._settings, split, backends, ""))
        private_folder(self._directory)
        with change.alone(split):
            if self._host.read(self._file) == content:
                return
            self._record()
            self._host.write(self._file, content, mode=_SHARED, fence=self._fence)
        self._wait_for(split)

    def lead(self, split: Split, backends: Backends) -> bool:
        """Set a split without a look at fence or notes, for the way back. Returns whether Traefik confirms it."""
        self._host.write(self._file, text_of(configuration(self._settings, split, backends, "")), mode=_SHARED)
        try:
            self._wait_for(split)
            return self.read() == split
        except AdapterError:
            return False

    def written(self) -> JsonObject:
        """What stands in the file, as Traefik would report it."""
        content = self._host.read(self._file)
        try:
            return ours_in(json.loads(content or b"{}"), self._settings.prefix)
        except (ValueError, RecursionError):
            return {}

    @property
    def prefix(self) -> str:
        return self._settings.prefix

    def read(self) -> Split | None:
        ours = self._served()
        if ours is None:
            return None
        try:
            found = split_of(ours, self._settings.prefix)
        except ValueError as error:
            raise AdapterError(f"Traefik serves what Pilotage did not write: {error}") from error
        if found is None:
            raise AdapterError(f"Traefik serves nothing of {self._file}: {self._why_not()}")
        return found

    def endpoints(self) -> dict[str, frozenset[tuple[str, int]]] | None:
        ours = self._served()
        try:
            return None if ours is None else endpoints_of(ours)
        except ValueError as error:
            raise AdapterError(f"Traefik returned unreadable endpoints: {error}") from error

    def stop(self) -> None:
        if self._fence:
            self._fence.check()
        done = self._host.run(["rm", "-f", "--", self._file], fence=self._fence)
        if done.status:
            raise AdapterError(f"cannot remove {self._file}: {done.said}")
        (self._directory / RECORD).unlink(missing_ok=True)

    def _served(self) -> JsonObject | None:
        """What Traefik serves of ours; None while nothing was ever set. Raises AdapterError."""
        if not (self._directory / RECORD).exists() and self._host.read(self._file) is None:
            return None
        return ours_in(self._api.served(), self._settings.prefix)

    def _record(self) -> None:
        """A record that cannot be written keeps nobody from being led."""
        content: JsonObject = {"there": asdict(self._there), "host": self._where}
        if read_leniently(self._directory / RECORD) != json.loads(json.dumps(content)):
            with contextlib.suppress(OSError):
                write_json(self._directory / RECORD, content)

    def _why_not(self) -> str:
        if self._host.read(self._file) is None:
            return "somebody removed it; the next look writes it again"
        return (
            "check that providers.file.directory of Traefik's static configuration is its folder, and Traefik's log: "
            "one faulty file there keeps Traefik from reading all others"
        )

    def _wait_for(self, split: Split) -> None:
        """Traefik takes up a change at most every two seconds, unless it is configured otherwise. Raises AdapterError
        where it answers and does not take it up."""
        until, prefix = time.monotonic() + _TAKE_UP_DEADLINE, self._settings.prefix
        while time.monotonic() < until:
            try:
                if split_of(ours_in(self._api.served(), prefix), prefix) == split:
                    return
            except (AdapterError, ValueError):
                return  # Users are led by the file alone; `read` says what is wrong.
            time.sleep(0.05)
        raise AdapterError(f"Traefik has not loaded {self._file}: {self._why_not()}")
