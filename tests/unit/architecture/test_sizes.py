"""A module is short enough to be read at once."""

from __future__ import annotations

from pathlib import Path

SOURCE = Path(__file__).parents[3] / "src" / "pilotage"
MOST = 300
"""Lines."""


def test_no_module_is_longer_than_300_lines() -> None:
    found = {
        str(path.relative_to(SOURCE)): path.read_text(encoding="utf-8").count("\n") for path in SOURCE.rglob("*.py")
    }
    assert len(found) > 400
    assert {name: lines for name, lines in found.items() if lines > MOST} == {}
