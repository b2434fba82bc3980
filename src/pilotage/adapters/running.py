"""Whether the process of a record is running, for readers: without psutil if /proc is enough."""

from __future__ import annotations

from pathlib import Path

from pilotage.adapters.files import read_leniently
from pilotage.adapters.identity import boot_id, is_zombie, start_ticks


def runs(path: Path) -> bool:
    """Like `process_records.runs`, which is used if the record does not identify the process clearly."""
    found = read_leniently(path)
    if isinstance(found, dict):
        pid, start, boot = found.get("pid"), found.get("start"), found.get("boot")
        if isinstance(pid, int) and isinstance(start, int) and boot and boot == boot_id() and start_ticks(pid) == start:
            return not is_zombie(pid)
    from pilotage.adapters import process_records

    return process_records.runs(path)
