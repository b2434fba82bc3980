"""The worker's jobs follow the configuration that the last command used (R2, R22)."""

from __future__ import annotations

import json
from pathlib import Path

from pilotage.app.standing import note, standing
from pilotage.config.loading import load
from tests.unit.app.test_publication import configured

PEOPLE = {"ada": {"roles": ["release manager"]}}


def test_the_configuration_of_the_last_command_stands(tmp_path: Path) -> None:
    assert standing(tmp_path) is None
    path = configured(tmp_path, people=PEOPLE)
    note(tmp_path, load(path))
    found = standing(tmp_path)
    assert found is not None
    assert found.configuration == load(path).configuration
    assert found.folder == tmp_path.resolve()
    configured(tmp_path)
    assert standing(tmp_path) is found, "a file that somebody edits changes nothing until a command uses it"
    note(tmp_path, load(path))
    now = standing(tmp_path)
    assert now is not None
    assert not now.configuration.people


def test_a_note_that_cannot_be_read_stops_no_job(tmp_path: Path) -> None:
    place = tmp_path / "standing.json"
    place.write_text("{")
    assert standing(tmp_path) is None
    place.write_text(json.dumps({"file": "/x/pilotage.yaml", "data": {"service": 1}, "more": 1}))
    assert standing(tmp_path) is None
    assert place.exists(), "a newer version may be able to read it"
