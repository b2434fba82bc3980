"""Whether a program of ours runs is answered from its record alone where that says so, and by its mark otherwise."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from pilotage.adapters import processes
from pilotage.adapters.running import runs


def test_it_runs_until_it_has_ended_and_also_where_its_record_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "program.json"
    assert not runs(path)
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    record = processes.start(path, command, {}, tmp_path / "log")
    assert runs(path)
    kept = path.read_bytes()
    path.write_text("torn")
    assert runs(path)
    path.write_bytes(kept.replace(record.boot.encode(), b"another boot"))
    assert not runs(path)
    path.write_bytes(kept)
    processes.end_tree(record)
    until = time.monotonic() + 10
    while runs(path):
        assert time.monotonic() < until
        time.sleep(0.01)
