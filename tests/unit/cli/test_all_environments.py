"""A command that only reads works without -e, where one table can show all environments."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from pilotage.cli.main import cli
from tests.typed import typed
from tests.unit.config.test_config import GOOD


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    whole = yaml.safe_load(GOOD)
    (one,) = whole["environments"].values()
    one["fleet"]["command"][0] = "sh"
    whole["environments"] = {"staging": one, "production": copy.deepcopy(one)}
    (tmp_path / "pilotage.yaml").write_text(yaml.safe_dump(whole, sort_keys=False))
    return tmp_path


@pytest.mark.parametrize("command", [["report"], ["dora"], ["retro"], ["plan", "1.0"], ["freeze"], ["flag", "show"]])
def test_a_table_shows_every_environment(folder: Path, command: list[str]) -> None:
    for name in ("staging", "production"):
        typed("freeze", f"of-{name}", "--for", "3d", "-m", "holiday", "-e", name, cwd=folder)
    said = typed(*command, cwd=folder)
    assert said.returncode == 0, said.stderr
    if command != ["flag", "show"]:  # none is configured
        assert {"staging", "production"} <= set(said.stdout.replace("|", " ").split())


def test_doctor_examines_every_environment_and_tells_what_they_share_once(folder: Path) -> None:
    said = typed("doctor", cwd=folder).stdout
    assert said.count("PASS  Python: ") == 1
    whole = yaml.safe_load((folder / "pilotage.yaml").read_text())
    whole["environments"]["production"]["fleet"]["command"] = ["no-such-program", "{port}", "{version}"]
    (folder / "pilotage.yaml").write_text(yaml.safe_dump(whole))
    said = typed("doctor", cwd=folder).stdout
    assert "FAIL  production: fleet: no-such-program is not on PATH" in said
    assert "staging: fleet: sh is there" in said


def test_findings_that_fold_keep_the_column_of_their_results(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    lines = CliRunner(env={"COLUMNS": "50"}).invoke(cli, ["doctor"]).stdout.splitlines()
    assert any(line.startswith("      ") for line in lines), "some fold"
    assert all(line[4:6] == "  " for line in lines)
    assert all(len(line) <= 50 for line in lines if str(folder) not in line)


def test_incidents_of_all_environments_are_one_list(folder: Path) -> None:
    said = typed("incident", "--format", "json", cwd=folder)
    assert json.loads(said.stdout)["overview"]["lead"] == ["Nothing was rolled back or failed."]


@pytest.mark.parametrize(
    "command", [["deploy", "1.0"], ["pause"], ["abort"], ["rollback"], ["freeze", "x", "--for", "1h"]]
)
def test_a_command_that_changes_something_needs_its_environment(folder: Path, command: list[str]) -> None:
    said = typed(*command, *(["-m", "why"] if command[0] == "freeze" else []), cwd=folder)
    assert said.returncode == 2
    assert "name the environment with -e: " in said.stderr


def test_readiness_is_one_line_for_each_environment(folder: Path) -> None:
    said = typed("ready", "1.0", cwd=folder)
    assert said.returncode == 3, said.stderr
    rows = [line.split() for line in said.stdout.splitlines() if "not ready" in line]
    assert [row[0] for row in rows] == ["staging", "production"]
    assert said.stdout.endswith("Run `pilotage ready 1.0 -e staging` for the items of one environment.\n")
