"""A start that is under way belongs to who starts: whoever else reads its record leaves it there (rules 3 and 8)."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pilotage.adapters.identity import boot_id
from pilotage.adapters.process_records import Record, load


@pytest.mark.parametrize(
    ("ago", "boot", "stays"),
    [(0.0, boot_id(), True), (60.0, boot_id(), False), (0.0, "another boot", False)],
    ids=["of just now", "never happened", "before the machine started"],
)
def test_a_reader_takes_no_intent_of_just_now(tmp_path: Path, ago: float, boot: str, stays: bool) -> None:
    """The process has no mark of its own before it has become its program. A reader that found none in that moment
    removed the record; the process ran on without one, and the next look started another in its place."""
    path = tmp_path / "1.0-1.json"
    Record(path, {"version": "1.0"}, boot=boot, began=time.monotonic() - ago).save()
    assert load(path) is None
    assert path.exists() is stays
