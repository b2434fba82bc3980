"""The state's folder is a tool's own: git passes over it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pilotage.engine.placement.location import made
from pilotage.engine.records.home import here
from pilotage.engine.records.store import Store
from tests.unit.risk.repository import Repository


def test_nobody_commits_the_store_by_accident(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    Store(tmp_path / ".pilotage").close()
    assert (tmp_path / ".pilotage" / "pilotage.sqlite").exists()
    assert repository.git("status", "--porcelain") == ""


def test_a_folder_that_was_there_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    assert made(tmp_path / "state") == tmp_path / "state"
    assert list((tmp_path / "state").iterdir()) == []


@pytest.mark.parametrize("broken", ["{", ""])
def test_a_folder_whose_note_is_lost_or_broken_is_the_place_it_was(tmp_path: Path, broken: str) -> None:
    """Else its own worker would leave alone what runs there, a bad canary among it."""
    place = here(tmp_path / ".pilotage")
    (note,) = (tmp_path / ".pilotage").glob("place-*.json")
    for lost in (note, note.with_name(f".{note.name}")):
        lost.write_text(broken) if broken else lost.unlink()
        assert here(tmp_path / ".pilotage") == place
