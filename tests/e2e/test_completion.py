"""Shell completion in the shells themselves: commands, and names that the project has."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.typed import typed
from tests.unit.config.test_config import GOOD

pytestmark = pytest.mark.real


@pytest.fixture
def project(tmp_path: Path) -> Path:
    whole = yaml.safe_load(GOOD)
    (one,) = whole["environments"].values()
    one["fleet"]["command"] = ["releases/{version}/serve", "--port", "{port}"]
    (tmp_path / "pilotage.yaml").write_text(yaml.safe_dump(whole))
    for version in ("1.2.0", "1.3.0"):
        (tmp_path / "releases" / version).mkdir(parents=True)
        (tmp_path / "releases" / version / "serve").write_text("")
    program = "import sys; sys.argv[0] = 'pilotage'; from pilotage.cli.main import main; main()"
    started = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -c {shlex.quote(program)} "$@"\n'
    (tmp_path / "pilotage").write_text(started)
    (tmp_path / "pilotage").chmod(0o755)
    return tmp_path


BASH = """
eval "$(pilotage completion bash)"
COMP_WORDS=({words}) COMP_CWORD={last}; _pilotage_completion pilotage; printf '%s\\n' "${{COMPREPLY[@]}}"
"""
FISH = 'pilotage completion fish | source; complete -C "{line}"'
ASKED = [
    ("deploy", "", {"1.2.0", "1.3.0"}),
    ("status -e", "pro", {"production"}),
    ("waive", "security_s", {"security_scan_passing"}),
    ("docs", "environments.rou", {"environments.router", "environments.routers", "environments.routes"}),
    ("", "expl", {"explain"}),
]


def _completed(shell: str, project: Path, before: str, typed_in: str) -> set[str]:
    words = ["pilotage", *before.split()]
    quoted = " ".join(map(shlex.quote, [*words, typed_in]))
    line = " ".join([*words, typed_in])
    script = {
        "bash": BASH.format(words=quoted, last=len(words)),
        "fish": FISH.format(line=line),
    }[shell]
    command = {"bash": ["bash", "--norc"], "fish": ["fish", "-N"]}[shell]
    environment = {**os.environ, "PATH": f"{project}:{os.environ['PATH']}", "HOME": str(project)}
    done = subprocess.run(
        [*command, "-c", script], cwd=project, capture_output=True, text=True, env=environment, check=False
    )
    assert "Traceback" not in done.stderr
    return {row.split("\t")[0].split(":")[0].strip() for row in done.stdout.splitlines() if row.strip()}


@pytest.mark.parametrize("shell", ["bash", pytest.param("fish", marks=pytest.mark.long)])
def test_a_shell_completes_commands_and_names_of_the_project(project: Path, shell: str) -> None:
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    for before, typed_in, wanted in ASKED:
        assert wanted <= _completed(shell, project, before, typed_in), (before, typed_in)


def test_a_name_with_spaces_or_a_command_in_it_stays_one_word_in_bash(project: Path) -> None:
    """Bash runs what it inserted when the user presses return."""
    for name in ("on call", "a$(touch ran)", "b*"):
        done = typed("freeze", name, "--for", "2h", "--reason", "x", cwd=project)
        assert done.returncode == 0, done.stderr
    assert _completed("bash", project, "freeze", "") == {"'on call'", "'a$(touch ran)'", "'b*'"}
    assert not (project / "ran").exists()


def test_zsh_takes_the_script(project: Path) -> None:
    if not shutil.which("zsh"):
        pytest.skip("zsh is not installed")
    script = 'autoload -Uz compinit; compinit -u -D; eval "$(pilotage completion zsh)"; print $_comps[pilotage]'
    environment = {**os.environ, "PATH": f"{project}:{os.environ['PATH']}", "HOME": str(project)}
    command = ["zsh", "-f", "-c", script]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, env=environment, check=False)
    assert (done.stdout, done.stderr) == ("_pilotage_completion\n", "")


def test_without_a_configuration_nothing_is_completed_and_nothing_said(project: Path) -> None:
    (project / "pilotage.yaml").unlink()
    before = set(project.iterdir())
    command = [project / "pilotage"]
    asked = {"_PILOTAGE_COMPLETE": "bash_complete", "COMP_WORDS": "pilotage deploy ", "COMP_CWORD": "2"}
    done = subprocess.run(
        command, cwd=project, capture_output=True, text=True, env={**os.environ, **asked}, check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("", "")
    assert set(project.iterdir()) == before


def test_rollouts_that_were_are_completed_with_how_they_ended(project: Path) -> None:
    from pilotage.app.completions import rollouts
    from pilotage.app.project import Project

    assert typed("history", cwd=project).returncode == 0
    assert list(rollouts(Project(project / "pilotage.yaml"))) == []
