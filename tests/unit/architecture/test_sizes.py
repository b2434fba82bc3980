"""A module is short enough to be read at once: use cases, the engine and decisions on a rollout, above all."""

from __future__ import annotations

from pathlib import Path

SOURCE = Path(__file__).parents[3] / "src" / "pilotage"
MOST = 300
"""Lines."""


def test_no_module_of_app_engine_and_rollout_is_longer_than_300_lines() -> None:
    found = {
        str(path.relative_to(SOURCE)): path.read_text().count("\n")
        for folder in ("app", "engine", "rollout")
        for path in (SOURCE / folder).rglob("*.py")
    }
    assert len(found) > 100
    assert {name: lines for name, lines in found.items() if lines > MOST} == {}
