"""R33: `init` writes the stages that a folder's files suggest, as a valid section."""

from __future__ import annotations

from pathlib import Path

import pytest

from pilotage.app.init import validate
from pilotage.app.proposals.way import way_in
from pilotage.model.answers import DeploymentStrategy

from .test_proposed_readiness import written

GITHUB = {".git/config": '[remote "origin"]\n\turl = git@github.com:acme/shop.git\n'}
GITLAB = {".git/config": '[remote "origin"]\n\turl = https://gitlab.com/acme/web/shop.git\n'}
WORKFLOW = "on:\n  push:\njobs:\n  test:\n    runs-on: x\n  lint:\n    name: Ruff, ä\n"
MATRIX = "on: [pull_request]\njobs:\n  test:\n    strategy: {matrix: {python: [3.11, 3.12]}}\n"
NIGHTLY = "on:\n  schedule: [{cron: 0 0 * * *}]\njobs:\n  clean: {runs-on: x}\n"
AWAITED = 'kind: github, repository: "acme/shop", app: github-actions'


@pytest.mark.parametrize(
    ("files", "line"),
    [
        ({**GITHUB, ".github/workflows/t.yml": WORKFLOW}, f'await: {{{AWAITED}, checks: ["Ruff, ä", "test"]}}'),
        ({**GITHUB, ".github/workflows/t.yml": WORKFLOW, ".github/workflows/m.yml": MATRIX}, f"await: {{{AWAITED}}}"),
        (
            {**GITHUB, ".github/workflows/t.yaml": WORKFLOW, ".github/workflows/n.yml": NIGHTLY, "tox.ini": ""},
            f'await: {{{AWAITED}, checks: ["Ruff, ä", "test"]}}',
        ),
        ({**GITHUB, ".github/workflows/t.yml": "on: push\njobs: [{{{"}, f"await: {{{AWAITED}}}"),
        ({**GITHUB, "tox.ini": "[tox]"}, 'run: ["tox"]'),
        ({**GITLAB, ".gitlab-ci.yml": "test: {script: [make]}"}, 'await: {kind: gitlab, project: "acme/web/shop"}'),
        ({"Makefile": "all:\n\ncheck: all\n\tpytest\n"}, 'run: ["make", "check"]'),
        (
            {"package.json": '{"scripts": {"test": "jest"}}', "package-lock.json": "{}"},
            '[["npm", "ci"], ["npm", "test"]]',
        ),
        ({"pyproject.toml": "[tool.pytest.ini_options]"}, 'run: ["python3", "-m", "pytest"]'),
        ({"go.mod": "module shop"}, 'run: ["go", "test", "./..."]'),
    ],
)
def test_r33_what_is_found_becomes_the_first_stage(tmp_path: Path, files: dict[str, str], line: str) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    project = written(tmp_path, DeploymentStrategy.CANARY)
    assert line in project.config.read_text()
    validate(project)
    way = project.loaded.configuration.way
    assert way is not None
    assert [stage.name for stage in way.stages][-1] == "production"


@pytest.mark.parametrize("script", ['echo \\"Error: no test specified\\" && exit 1', ""])
def test_nothing_found_is_a_commented_example(tmp_path: Path, script: str) -> None:
    (tmp_path / "package.json").write_text(f'{{"scripts": {{"test": "{script}"}}}}')
    project = written(tmp_path, DeploymentStrategy.ROLLING)
    validate(project)
    assert project.loaded.configuration.way is None
    assert "# way:" in project.config.read_text()


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"Makefile": "build:\n\tgo build\ntest:\n\tgo test\n", "go.mod": "module shop"}, "[make, build]"),
        ({"package.json": '{"scripts": {"test": "jest", "build": "vite build"}}'}, "[npm, run, build]"),
        ({"go.mod": "module shop"}, "[go, build, -o, dist/, ./...]"),
        ({"Cargo.toml": "[package]"}, "[cargo, build, --release]"),
        ({"tox.ini": "[tox]"}, "[make, dist]"),
    ],
)
def test_r33_the_example_of_a_build_is_the_one_that_the_folder_has(
    tmp_path: Path, files: dict[str, str], words: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert f"# - {{name: build, run: {words}, artifacts: [" in way_in(tmp_path)
