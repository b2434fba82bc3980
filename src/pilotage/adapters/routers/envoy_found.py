"""The embedded router by its folder alone."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from pilotage.adapters.routers.found_process import FoundProcess
from pilotage.model.traffic import Split

if TYPE_CHECKING:
    from pilotage.adapters.routers.envoy_elsewhere import EnvoyElsewhere

RECORD, ELSEWHERE = "envoy.json", "envoy-host.json"
"""Of an Envoy on this machine, and of one on another host."""


def found(folder: Path) -> EnvoyFound | FarEnvoyFound | None:
    """The Envoy that was started for this folder; None where none was."""
    if (folder / ELSEWHERE).exists():
        from pilotage.adapters.routers.envoy_elsewhere import elsewhere

        place = elsewhere(folder)
        return None if place is None else FarEnvoyFound(place)
    there = (folder / "xds").is_dir() or (folder / RECORD).exists()
    return EnvoyFound(folder) if there else None


_log = logging.getLogger(__name__)


class EnvoyFound(FoundProcess):
    """The FoundRouter port over an Envoy's files."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, RECORD)

    def split(self) -> Split | None:
        from pilotage.adapters.routers import envoy_process, envoy_rescue

        return envoy_rescue.split_there(envoy_process.EnvoyProcess(self._folder))

    def addresses(self, version: str) -> Iterable[tuple[str, int]]:
        from pilotage.adapters.routers import envoy_process, envoy_rescue

        return envoy_rescue.addresses_there(envoy_process.EnvoyProcess(self._folder), version)

    def lead_all(self, version: str, instances: Iterable[tuple[str, int]]) -> bool:
        from pilotage.adapters.routers import envoy_process, envoy_rescue

        return envoy_rescue.lead_all(envoy_process.EnvoyProcess(self._folder), version, instances)


class FarEnvoyFound:
    """The FoundRouter port over an Envoy on another host, without its fence."""

    def __init__(self, place: EnvoyElsewhere) -> None:
        self._place = place

    def runs(self) -> bool:
        from pilotage.adapters.ports import AdapterError

        try:
            return self._place.running() is not None
        except AdapterError:
            return False

    def died(self) -> bool:
        from pilotage.adapters.ports import AdapterError

        try:
            return self._place.was_told() and self._place.running() is None
        except AdapterError:
            return False

    def split(self) -> Split | None:
        from pilotage.adapters.ports import AdapterError
        from pilotage.adapters.routers import envoy_rescue

        try:
            return envoy_rescue.split_there(self._place)
        except AdapterError:
            return None

    def addresses(self, version: str) -> Iterable[tuple[str, int]]:
        from pilotage.adapters.ports import AdapterError
        from pilotage.adapters.routers import envoy_rescue

        try:
            return envoy_rescue.addresses_there(self._place, version)
        except AdapterError:
            return ()

    def lead_all(self, version: str, instances: Iterable[tuple[str, int]]) -> bool:
        from pilotage.adapters.routers import envoy_rescue

        return envoy_rescue.lead_all(self._place, version, instances)

    def stop(self, within: float) -> bool:  # noqa: ARG002 - the host counts, from the time that Envoy has
        from pilotage.adapters.ports import AdapterError

        try:
            if self._place.end():
                return True
            self._place.forget()
        except AdapterError as error:
            # Whoever stops the rest need not wait for a host that is away.
            _log.warning("Envoy may still run: %s", error)
        return False
