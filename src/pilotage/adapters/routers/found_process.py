"""A router of our own whose process runs on this machine, by the record of that process."""

from __future__ import annotations

from pathlib import Path


class FoundProcess:
    """What holds of every such router behind the FoundRouter port. record: of its process, in the router's folder."""

    def __init__(self, folder: Path, record: str) -> None:
        self._folder, self._record = folder, folder / record

    def runs(self) -> bool:
        from pilotage.adapters.running import runs

        return runs(self._record)

    def died(self) -> bool:
        return self._record.exists() and not self.runs()

    def stop(self, within: float) -> bool:
        from pilotage.adapters import process_records, processes

        record = process_records.load(self._record)
        return record is not None and processes.stop(record, within) is not None
