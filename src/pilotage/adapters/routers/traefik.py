"""The embedded router where no Envoy is to be had: a Traefik that reads its routes from a file replaced by rename.

Traefik takes up a file as a whole: routers, services and instances change in one step, and requests in flight end
where they began.
"""

from __future__ import annotations

import time
from pathlib import Path

from pilotage.adapters.cohorts import refuse_cohort
from pilotage.adapters.fence import Fence
from pilotage.adapters.files import private_folder, write_at_once, write_over
from pilotage.adapters.own_requests import synthetic_token
from pilotage.adapters.ports import AdapterError, Backends
from pilotage.adapters.processes import last_lines
from pilotage.adapters.routers.change import Change, begun
from pilotage.adapters.routers.listening import refuse_taken
from pilotage.adapters.routers.traefik_config import Settings, configuration, text_of
from pilotage.adapters.routers.traefik_process import LOG, TraefikProcess
from pilotage.adapters.routers.traefik_read_back import endpoints_of, ours_in, split_of
from pilotage.model.address import EVERYWHERE, show_host
from pilotage.model.json import JsonObject
from pilotage.model.traffic import Split

FILE = "pilotage.yml"
_TAKE_UP_DEADLINE = 5.0


def refuse_empty(split: Split, backends: Backends) -> None:
    """Raise AdapterError if a version that gets requests has no instance, and for a cohort."""
    refuse_cohort(split, "Traefik")
    wanted = [] if split.closed else [version for version, _ in split.weights]
    wanted += [route.version for route in split.header_routes] + ([split.mirror.version] if split.mirror else [])
    if missing := [version for version in wanted if not backends.get(version)]:
        raise AdapterError(f"no instance of {missing[0]} to send requests to")


class TraefikRouter:
    """The Router port over a Traefik of our own. directory: where its files and its process's record are · listen,
    stats: host and port for users, and for a Prometheus."""

    def __init__(
        self,
        directory: Path,
        fence: Fence,
        settings: Settings,
        listen: tuple[str, int],
        *,
        stats: tuple[str, int] | None = None,
        synthetic: bool = False,
        stop_timeout: float = 5.0,
    ) -> None:
        self._directory, self._fence, self._settings = directory.resolve(), fence, settings
        self._listen, self._stats, self._synthetic = listen, stats, synthetic
        self._traefik = TraefikProcess(self._directory, stop_timeout)
        self._file = self._traefik.files / FILE
        self._is_first_start = False

    def url(self) -> str:
        host, port = self._listen
        return f"http://{show_host(EVERYWHERE.get(host, host))}:{port}"

    def apply(self, split: Split, backends: Backends) -> None:
        self._fence.check()
        change = begun(self._traefik.files, self._fence)
        refuse_empty(split, backends)
        token = synthetic_token(self._directory) if self._synthetic else ""
        content = text_of(configuration(self._settings, split, backends, token))
        running = self._traefik.running(self._listen)
        changed = self._write(change, split, content)
        if running is None:
            self._start()
        if changed or running is None:
            self._wait_for(split)

    def read(self) -> Split | None:
        ours = self._served()
        try:
            found = None if ours is None else split_of(ours, self._settings.prefix)
        except ValueError as error:
            raise AdapterError(f"Traefik serves what Pilotage did not write: {error}") from error
        if ours is not None and found is None:
            raise AdapterError(f"Traefik serves nothing of Pilotage's: {self._file} was removed or replaced")
        return found

    def endpoints(self) -> dict[str, frozenset[tuple[str, int]]] | None:
        ours = self._served()
        try:
            return None if ours is None else endpoints_of(ours)
        except ValueError as error:
            raise AdapterError(f"Traefik returned unreadable endpoints: {error}") from error

    def stop(self) -> None:
        self._fence.check()
        self._traefik.stop()
        for file in self._traefik.files.glob("*.yml"):
            file.unlink(missing_ok=True)

    def _served(self) -> JsonObject | None:
        """Its routers and services of ours; None while there are none yet. Raises AdapterError."""
        if self._is_first_start or not (self._file.exists() or self._traefik.record.exists()):
            return None
        return ours_in(self._traefik.api().served(), self._settings.prefix)

    def _write(self, change: Change, split: Split, content: bytes) -> bool:
        """Replace the file, unless it says the same already; returns whether it was replaced."""
        with change.alone(split):
            if self._file.exists() and self._file.read_bytes() == content:
                return False
            self._is_first_start = not (self._file.exists() or self._traefik.record.exists())
            self._place(content)
            return True

    def _place(self, content: bytes) -> None:
        """Traefik reads all files again at every change in the watched folder, so the new one is written elsewhere and
        moved in; where the disk has no room for it, over the old one."""
        beside = self._directory / f".{FILE}"
        private_folder(self._file.parent)
        try:
            write_at_once(beside, content)
            beside.replace(self._file)
        except OSError:
            write_over(self._file, content)

    def _start(self) -> None:
        try:
            refuse_taken(*self._listen)
            self._traefik.start(self._listen, self._stats)
        finally:
            self._is_first_start = False

    def _wait_for(self, split: Split) -> None:
        """Raises AdapterError where Traefik answers and does not take the file up."""
        until, pause = time.monotonic() + _TAKE_UP_DEADLINE, 0.03
        while True:
            try:
                if self.read() == split:
                    return
            except AdapterError:
                # Users are led by the file alone, also where the API is silent; `read` says what is wrong with it.
                if time.monotonic() > until:
                    return
            if time.monotonic() > until:
                said = last_lines(self._directory / LOG)
                raise AdapterError(f"Traefik has not loaded {self._file} after {_TAKE_UP_DEADLINE:g} s: {said}")
            time.sleep(pause)
            pause *= 1.5  # What it answers is large.
