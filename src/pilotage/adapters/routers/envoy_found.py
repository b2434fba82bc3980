"""The embedded router by its folder alone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pilotage.model.traffic import Split

RECORD = "envoy.json"


def found(folder: Path) -> EnvoyFound | None:
    """The Envoy that was started for this folder; None where none was."""
    there = (folder / "xds").is_dir() or (folder / RECORD).exists()
    return EnvoyFound(folder) if there else None


class EnvoyFound:
    """The FoundRouter port over an Envoy's files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def runs(self) -> bool:
        from pilotage.adapters.running import runs

        return runs(self._folder / RECORD)

    def died(self) -> bool:
        return (self._folder / RECORD).exists() and not self.runs()

    def split(self) -> Split | None:
        from pilotage.adapters.routers import envoy_rescue

        return envoy_rescue.split_there(self._folder)

    def addresses(self, version: str) -> Iterable[tuple[str, int]]:
        from pilotage.adapters.routers import envoy_rescue

        return envoy_rescue.addresses_there(self._folder, version)

    def lead_all(self, version: str, instances: Iterable[tuple[str, int]]) -> bool:
        from pilotage.adapters.routers import envoy_rescue

        return envoy_rescue.lead_all(self._folder, version, instances)

    def stop(self, within: float) -> bool:
        from pilotage.adapters import process_records, processes

        record = process_records.load(self._folder / RECORD)
        return record is not None and processes.stop(record, within) is not None
