"""`init` writes the checks and the evidence that a folder has, as valid settings, and enforces nothing (R5)."""

from __future__ import annotations

from pathlib import Path

import pytest

from pilotage.app.configured_checks import configured_checks
from pilotage.app.init import checked, proposed_start, start_with, validate, write_configuration
from pilotage.app.project import Project
from pilotage.app.readiness.assessment import enforced
from pilotage.model.answers import DeploymentStrategy
from pilotage.model.questions import QUESTIONS


def written(folder: Path, strategy: str) -> Project:
    project = Project(folder / "pilotage.yaml")
    answers = {name: checked(name, default) for name, _, default, _ in QUESTIONS} | {"deployment_strategy": strategy}
    start = start_with("./start --port {port}", proposed_start(project)[0])
    write_configuration(project, answers, start, service="shop")
    return project


@pytest.mark.parametrize("strategy", DeploymentStrategy)
@pytest.mark.parametrize("full", [False, True])
def test_r5_whatever_is_found_is_valid_and_asked_only_where_somebody_says_so(
    tmp_path: Path, strategy: str, full: bool
) -> None:
    if full:
        (tmp_path / "coverage.xml").write_text("<coverage/>")
        (tmp_path / "runbooks").mkdir()
        (tmp_path / "smoke-test").write_text("#!/bin/sh")
        (tmp_path / "smoke-test").chmod(0o755)
    project = written(tmp_path, strategy)
    validate(project)
    section = project.loaded.configuration.readiness
    assert section is not None
    assert sorted(section.evidence) == (["runbook_documentation", "unit_test_coverage"] if full else [])
    assert not enforced(project.loaded, "production")
    takes = strategy != DeploymentStrategy.BIG_BANG
    assert bool(configured_checks(project.loaded, "production")) is (full and takes)
