"""Several services in one file: reading commands show them all, or the one that is named."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
import yaml

from tests.typed import typed
from tests.unit.config.test_config import GOOD


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    whole = yaml.safe_load(GOOD)
    environments = whole.pop("environments")
    for at, (name, section) in enumerate(environments.items()):
        section["router"]["listen"] = f"127.0.0.1:{8200 + at}"
        environments[name] = section
    whole["services"] = {"web": {"environments": environments}, "api": {"environments": copy.deepcopy(environments)}}
    (tmp_path / "pilotage.yaml").write_text(yaml.safe_dump(whole))
    return tmp_path


def test_validate_checks_every_service(folder: Path) -> None:
    said = typed("validate", cwd=folder)
    assert (said.returncode, said.stdout) == (0, "pilotage.yaml is valid\n"), said.stderr


def test_status_has_a_line_for_each_and_shows_the_one_that_is_named(folder: Path) -> None:
    said = typed("status", cwd=folder)
    assert said.returncode == 0, said.stderr
    assert [line.partition(" in ")[0] for line in said.stdout.splitlines()][:1] == ["api"]
    assert "api in production: nothing serves" in said.stdout
    assert len(json.loads(typed("status", "--json", cwd=folder).stdout)["environments"]) >= 2
    assert typed("-s", "api", "status", "-e", "production", cwd=folder).stdout.startswith("api in production")
    unknown = typed("status", "-e", "nowhere", cwd=folder)
    assert (unknown.returncode, "no service of pilotage.yaml has an environment 'nowhere'" in unknown.stderr) == (
        2,
        True,
    )


def test_history_lists_all_of_them(folder: Path) -> None:
    assert json.loads(typed("history", "--json", cwd=folder).stdout)["rollouts"] == []
