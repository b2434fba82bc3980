"""A Traefik by the router's folder alone: one of our own, or somebody else's."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from pilotage.adapters.files import read_leniently
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.routers.found_process import FoundProcess
from pilotage.model.json import object_at, read_as
from pilotage.model.traffic import WHOLE, Split

if TYPE_CHECKING:
    from pilotage.adapters.routers.traefik_beside import TraefikBeside

_log = logging.getLogger(__name__)

RECORD = "traefik.json"


def found(folder: Path) -> TraefikFound | BesideFound | None:
    """The Traefik that was started for this folder, or last told from it; None where none was."""
    if (folder / "traefik-beside.json").is_file():
        router = _beside(folder)
        return None if router is None else BesideFound(router)
    there = (folder / "dynamic").is_dir() or (folder / RECORD).exists()
    return TraefikFound(folder) if there else None


class TraefikFound(FoundProcess):
    """The FoundRouter port over a Traefik's file."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, RECORD)

    def split(self) -> Split | None:
        from pilotage.adapters.routers import traefik_rescue

        return traefik_rescue.split_there(self._folder)

    def addresses(self, version: str) -> Iterable[tuple[str, int]]:
        from pilotage.adapters.routers import traefik_rescue

        return traefik_rescue.addresses_there(self._folder, version)

    def lead_all(self, version: str, instances: Iterable[tuple[str, int]]) -> bool:
        from pilotage.adapters.routers import traefik_rescue

        return traefik_rescue.lead_all(self._folder, version, instances)


class BesideFound:
    """The FoundRouter port over somebody else's Traefik. It never starts or stops one."""

    def __init__(self, router: TraefikBeside) -> None:
        self._router = router

    def runs(self) -> bool:
        return self._shown() is not None

    def died(self) -> bool:
        return not self.runs()

    def split(self) -> Split | None:
        from pilotage.adapters.routers.traefik_read_back import split_of

        if (shown := self._shown()) is not None:
            return shown
        try:
            return split_of(self._router.written(), self._router.prefix)
        except (AdapterError, ValueError):
            return None

    def addresses(self, version: str) -> Iterable[tuple[str, int]]:
        return sorted(self._written().get(version, ()))

    def lead_all(self, version: str, instances: Iterable[tuple[str, int]]) -> bool:
        others = {name: sorted(addresses) for name, addresses in self._written().items()}
        return self._router.lead(Split(((version, WHOLE),)), {**others, version: sorted(instances)})

    def stop(self, within: float) -> bool:  # noqa: ARG002
        try:
            self._router.stop()
        except AdapterError as error:
            # The process is somebody else's, who has to mend it: whoever stops the rest need not wait for that.
            _log.warning("Traefik still has the routes of %s: %s", self._router.prefix, error)
        return False

    def _shown(self) -> Split | None:
        try:
            return self._router.read()
        except AdapterError:
            return None

    def _written(self) -> dict[str, frozenset[tuple[str, int]]]:
        from pilotage.adapters.routers.traefik_read_back import endpoints_of

        try:
            return endpoints_of(self._router.written())
        except (AdapterError, ValueError):
            return {}


def _beside(folder: Path) -> TraefikBeside | None:
    """None where the record cannot be read."""
    from pilotage.adapters.hosts.place import host_in
    from pilotage.adapters.routers.traefik_beside import RECORD as RECORD_BESIDE
    from pilotage.adapters.routers.traefik_beside import There, TraefikBeside

    try:
        record = read_leniently(folder / RECORD_BESIDE)
        there, where = read_as(There, record, "there"), object_at(record, "host")
        return TraefikBeside(folder, None, host_in(where, folder), there, where)
    except ValueError:
        return None
