"""The guide of databases and caches says what is so: its settings are valid, its marks are read (R31)."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pilotage.adapters.databases.scripts import scripts_in
from pilotage.config.loading import load
from pilotage.config.yaml_reader import ConfigError
from pilotage.model.answers import DeploymentStrategy
from pilotage.model.migration import Tool
from pilotage.rollout.strategies import STRATEGIES

GUIDE = (Path(__file__).parents[3] / "docs/guides/data.md").read_text()
BACKUPS = (Path(__file__).parents[3] / "docs/guides/backups.md").read_text()
ANSWERS = {
    "release_type": "minor", "deployment_strategy": "blue-green", "team_size": "small", "release_frequency": "weekly",
    "risk_tolerance": "low", "stakeholder_complexity": ["customer-facing"],
}  # fmt: skip
RUNS = """
    fleet: {kind: process, command: ["releases/{version}/shop", "{port}"]}
    router: {kind: envoy, listen: "127.0.0.1:80"}
"""


def written(place: Path, environment: str) -> Path:
    (place / "pilotage.yaml").write_text(f"service: shop\nanswers: {json.dumps(ANSWERS)}\n{environment}\n{RUNS}")
    return place / "pilotage.yaml"


def test_the_example_is_valid(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)\n```", GUIDE, re.DOTALL)
    section = load(written(tmp_path, example)).configuration.environments["production"]
    assert section.database is not None
    assert section.checks["check-caches"][0].warm is not None


def test_the_commands_of_the_backups_guide_are_valid(tmp_path: Path) -> None:
    (example,) = [one for one in re.findall(r"```yaml\n(.*?)\n```", BACKUPS, re.DOTALL) if "final-backup" in one]
    head, _, readiness = example.partition("readiness:")
    path = written(tmp_path, head)
    path.write_text(f"{path.read_text()}readiness:{readiness}\n")
    checks = load(path).configuration.environments["production"].checks
    assert {"check-backup", *STRATEGIES[DeploymentStrategy.BIG_BANG].more_checks} == set(checks)


@pytest.mark.parametrize("mark", re.findall(r"^ *# (pilotage: .*)$", GUIDE, re.M))
def test_the_marks_are_read(tmp_path: Path, mark: str) -> None:
    (tmp_path / "a.py").write_text(f'"""Drop."""\n# {mark}\nrevision = "a"\ndown_revision = None\n')
    (found,) = scripts_in(tmp_path, Tool.ALEMBIC)
    assert found.script.since == "1.4.0"


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("    backup: {scratch: secret://env/S}", "database.url"),
        ("    database: {url: secret://env/D, standby: secret://env/D}", "is the database itself"),
        ("    database: {url: postgresql://ada:pw@db/shop}", "secret://"),
        ("    checks: {check-caches: [{warm: {redis: 'redis://:pw@cache', keys: k}}]}", "without a password"),
        ("    checks: {check-caches: [{http: /, warm: {redis: 'redis://cache', keys: k}}]}", "command, http or warm"),
    ],
)
def test_what_cannot_be_is_refused_with_what_would_do(tmp_path: Path, section: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(written(tmp_path, f"environments:\n  production:\n{section}"))
    assert said in str(refused.value)


def test_backup_takes_the_database_of_its_environment(tmp_path: Path) -> None:
    both = "    database: {url: secret://env/D}\n    backup: {scratch: secret://env/S}"
    section = load(written(tmp_path, f"environments:\n  production:\n{both}")).configuration.environments["production"]
    assert section.backed_up == "secret://env/D"


def test_a_database_that_a_later_version_cannot_read_fails_its_checks(tmp_path: Path) -> None:
    """Stored with a rollout by another version: nothing passes because its section was left out."""
    from pilotage.config.stored import read_section

    path = written(tmp_path, "environments:\n  production:\n    database: {url: secret://env/D}")
    whole = load(path).configuration.environments["production"].model_dump(mode="json")
    found = read_section({**whole, "database": {"url": "of another form"}})
    assert {"check-schema", "check-data", "verify"} <= set(found.lost_checks)
