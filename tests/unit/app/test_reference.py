"""`pilotage docs`: the reference that is made of the code says what the code does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pilotage.app import reference
from pilotage.cli.main import cli
from pilotage.plan.numbers import PATHS


def every_section(whole: Mapping[str, Any], path: str = "") -> list[reference.Section]:
    """The whole of pilotage.yaml, section by section."""
    found = list(reference.section(path, whole))
    for setting in {s.name: s for one in found for s in one.settings if s.section}.values():
        if setting.name != "services":  # the same sections once more, for each service
            found += every_section(whole, f"{path}.{setting.name}".removeprefix("."))
    return found


def test_every_section_is_reached_and_says_what_each_setting_takes() -> None:
    sections = every_section(reference.schema())
    assert {"environments", "environments.router.sticky", "readiness", "notify"} <= {one.path for one in sections}
    assert [(one.path, s.name) for one in sections for s in one.settings if not s.kind] == []
    silent = [(one.path, s.name) for one in sections for s in one.settings if not s.description and s.name != "kind"]
    assert silent == []
    assert [one.path for one in sections if not one.description] == []
    assert len(reference.section("notify.quiet_hours")) == 1, "what every kind has is shown once"


def test_a_place_that_is_none_names_those_there_are() -> None:
    said = CliRunner().invoke(cli, ["docs", "environments.ruoter"])
    assert said.exit_code == 2
    assert "environments has no setting 'ruoter'; it has analysis, backup, checks" in said.stderr


def test_sections_are_shown_with_defaults_and_as_json() -> None:
    said = CliRunner().invoke(cli, ["docs", "environments.router"])
    assert said.exit_code == 0
    assert "request_timeout  duration; default 1m" in said.output
    content = json.loads(CliRunner().invoke(cli, ["docs", "environments.router", "--json"]).output)
    assert "listen" in [s["name"] for s in content["sections"][0]["settings"]]


def test_a_setting_of_a_plan_is_explained() -> None:
    """By its name, as the plan shows it; a group shows all of its settings."""
    said = CliRunner().invoke(cli, ["docs", "canary.phase_duration"]).stdout
    assert "How long the canary is analysed at each weight." in said
    assert "4h for medium" in said
    assert "Only in canary plans" in said
    assert CliRunner().invoke(cli, ["docs", "environments.overrides.canary.phase_duration"]).stdout == said
    content = json.loads(CliRunner().invoke(cli, ["docs", "rollback_triggers", "--json"]).stdout)
    named = {one["name"]: one["defaults"]["medium"] for one in content["plan_settings"]}
    assert named["rollback_triggers.error_rate"] == "5%"
    every = json.loads(CliRunner().invoke(cli, ["docs", "settings", "--json"]).stdout)["plan_settings"]
    assert {one["name"] for one in every} == {*PATHS, "feature_toggle.stages"}


def test_one_setting_of_a_section_is_explained_too() -> None:
    said = CliRunner().invoke(cli, ["docs", "environments.router.request_timeout"])
    assert "request_timeout  duration; default 1m" in said.output
    assert "  listen  " not in said.output


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("canary.min_requests", "analysis.min_requests"),
        ("calendar.zone", "calendar.timezone"),
        ("notify.quiet.below", "notify.quiet_hours.min_severity"),
        ("environments.router.deadline", "environments.router.timeout"),
        ("services.environments.analysis.every", "services.environments.analysis.interval"),
    ],
)
def test_an_old_name_is_answered_with_the_new_one(old: str, new: str) -> None:
    said = CliRunner().invoke(cli, ["docs", old])
    assert said.exit_code == 2
    assert said.stderr.strip() == f"pilotage: {old} is now called {new}"


def test_a_misspelt_setting_is_answered_with_the_right_one() -> None:
    assert "did you mean canary.phase_duration?" in CliRunner().invoke(cli, ["docs", "canary.phase_durations"]).stderr


def test_errors_have_a_code_a_meaning_and_a_documented_exit_status() -> None:
    found = reference.errors()
    assert len({one.code for one in found}) == len(found)
    assert [one for one in found if not one.meaning or one.exit_status not in reference.EXIT_STATUSES] == []
    assert "no-way-back" in CliRunner().invoke(cli, ["docs", "errors"]).output


def test_errors_are_listed_where_the_driver_of_postgresql_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "pilotage.engine.records.postgresql", raising=False)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    assert CliRunner().invoke(cli, ["docs", "errors"]).exit_code == 0


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_completion(shell: str) -> None:
    said = CliRunner().invoke(cli, ["completion", shell])
    assert (said.exit_code, "_PILOTAGE_COMPLETE" in said.output) == (0, True)


def test_a_command_that_was_begun_is_completed(tmp_path: Path) -> None:
    words = {"_PILOTAGE_COMPLETE": "bash_complete", "COMP_WORDS": "pilotage dep", "COMP_CWORD": "1"}
    program = Path(sys.executable).with_name("pilotage")
    done = subprocess.run([program], env=os.environ | words, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.stdout == "plain,deploy\n"
