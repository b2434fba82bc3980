"""The state's folder is a tool's own: git passes over it."""

from __future__ import annotations

from pathlib import Path

from pilotage.engine.location import made
from pilotage.engine.store import Store

from .risk.repository import Repository


def test_nobody_commits_the_store_by_accident(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    Store(tmp_path / ".pilotage").close()
    assert (tmp_path / ".pilotage" / "pilotage.sqlite").exists()
    assert repository.git("status", "--porcelain") == ""


def test_a_folder_that_was_there_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    assert made(tmp_path / "state") == tmp_path / "state"
    assert list((tmp_path / "state").iterdir()) == []
