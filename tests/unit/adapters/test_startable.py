"""What can never be started is refused with its reason before anything begins, and so is a port that is taken."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import yaml

from pilotage.adapters.fleets.startable import why_not
from pilotage.app.startable import lacks_of
from pilotage.config.loading import load
from tests.typed import typed
from tests.unit.config.test_config import GOOD


@pytest.mark.parametrize(
    ("program", "script", "words"),
    [
        ("no-such-program", None, "no-such-program is not on PATH"),
        ("./serve", None, "./serve does not exist"),
        ("./serve", "#!/nowhere/bin/python\n", "./serve needs /nowhere/bin/python, which does not exist"),
        ("./serve", "#!/usr/bin/env no-such-shell\n", "./serve needs no-such-shell, which does not exist"),
        ("./serve", "#!/bin/sh\nexec true\n", ""),
        ("sh", None, ""),
        ("/usr", None, "/usr is a folder, not a program"),
    ],
)
def test_a_program_that_cannot_start_says_why(tmp_path: Path, program: str, script: str | None, words: str) -> None:
    if script is not None:
        (tmp_path / "serve").write_text(script)
        (tmp_path / "serve").chmod(0o755)
    assert why_not(program, tmp_path) == words


def test_a_file_that_may_not_be_executed_says_what_to_run(tmp_path: Path) -> None:
    (tmp_path / "serve").write_text("#!/bin/sh\n")
    assert why_not("./serve", tmp_path) == "./serve is not executable; run `chmod +x ./serve`"


def _configured(folder: Path, **fleet: object) -> None:
    whole = yaml.safe_load(GOOD)
    for section in whole["environments"].values():
        section["fleet"].update(fleet)
    (folder / "pilotage.yaml").write_text(yaml.safe_dump(whole))


def test_a_program_that_is_not_there_begins_no_rollout(tmp_path: Path) -> None:
    _configured(tmp_path, command=["no-such-program", "{port}", "{version}"])
    said = typed("deploy", "2.0", "--detach", cwd=tmp_path)
    assert (said.returncode, "no-such-program is not on PATH" in said.stderr) == (3, True)


def test_a_version_whose_folder_is_not_there_begins_no_rollout(tmp_path: Path) -> None:
    _configured(tmp_path, command=["./serve"], cwd="releases/{version}", env={"PORT": "{port}"})
    said = typed("deploy", "2.0", "--detach", cwd=tmp_path)
    assert said.returncode == 3
    assert "the folder releases/2.0 does not exist: put 2.0 there" in said.stderr


@pytest.mark.parametrize("command", [["python3", "releases/{version}/app.py"], ["java", "-jar", "app-{version}.jar"]])
def test_r14_a_version_whose_script_is_not_there_is_no_way_back(tmp_path: Path, command: list[str]) -> None:
    """An interpreter is always there: what it reads is the artifact."""
    (tmp_path / "java").write_text("#!/bin/sh\n")
    (tmp_path / "java").chmod(0o755)
    _configured(tmp_path, command=[*command, "{port}"], env={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    loaded = load(tmp_path / "pilotage.yaml")
    script = tmp_path / command[-1].replace("{version}", "2.0")
    said = lacks_of(loaded, loaded.configuration.environments["production"], "2.0")
    assert f"{script.relative_to(tmp_path)} does not exist: install 2.0" in said
    script.parent.mkdir(parents=True, exist_ok=True)
    script.touch()
    assert not lacks_of(loaded, loaded.configuration.environments["production"], "2.0")


@pytest.mark.real
def test_a_port_that_is_taken_begins_no_rollout_and_says_by_whom(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        _configured(tmp_path, command=["sh", "-c", "serve {port} {version}"])
        file = tmp_path / "pilotage.yaml"
        file.write_text(file.read_text().replace("127.0.0.1:28080", f"127.0.0.1:{port}"))
        said = typed("deploy", "2.0", "--detach", cwd=tmp_path)
    assert said.returncode == 3, said.stderr
    assert f"the router cannot listen on 127.0.0.1:{port}, where " in said.stderr
    assert json.loads(typed("history", "--json", cwd=tmp_path).stdout)["rollouts"] == []


SERVE = "import http.server, sys; http.server.test(http.server.SimpleHTTPRequestHandler, port=int(sys.argv[1]))"


@pytest.mark.real
@pytest.mark.parametrize(
    ("program", "path", "said"),
    [
        (SERVE, "/", "PASS  version 2.0: starts, and / returns 2xx after"),
        (SERVE, "/healthz", "FAIL  version 2.0: starts, but is not healthy: /healthz returns 404. Set fleet.health"),
        (
            "raise SystemExit('no DATABASE_URL')",
            "/",
            "FAIL  version 2.0: exits at once; end of its log: no DATABASE_URL",
        ),
    ],
)
def test_doctor_starts_one_instance_of_a_version_and_leaves_nothing(
    tmp_path: Path, program: str, path: str, said: str
) -> None:
    mark = str(tmp_path)
    command = [sys.executable, "-c", program, "{port}", "{version}", mark]
    _configured(tmp_path, command=command, health_check_path=path)
    answered = typed("doctor", "--version", "2.0", cwd=tmp_path)
    assert said in answered.stdout
    assert [*(tmp_path / ".pilotage").glob("trial-*")] == []
    assert [p for p in psutil.process_iter(["cmdline"]) if mark in (p.info.get("cmdline") or ())] == []


@pytest.mark.real
def test_r27_a_trial_that_is_killed_leaves_no_instance_and_no_folder(tmp_path: Path) -> None:
    mark = str(tmp_path)
    silent = "import time; time.sleep(600)"
    _configured(tmp_path, command=[sys.executable, "-c", silent, "{port}", "{version}", mark])
    command = [sys.executable, "-m", "pilotage.cli.main", "doctor", "--version", "2.0"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as doctor:
        _wait(lambda: bool(_marked(mark)))
        doctor.kill()
    _wait(lambda: not _marked(mark) and not [*(tmp_path / ".pilotage").glob("trial-*")])


def _marked(mark: str) -> list[psutil.Process]:
    return [one for one in psutil.process_iter(["cmdline"]) if mark in (one.info.get("cmdline") or ())]


def _wait(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not true():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_r27_doctor_runs_no_migration_to_try_a_version(tmp_path: Path) -> None:
    """What `prepare` brings is not there yet, so nothing is started."""
    prepare = [[sys.executable, "-c", "open('migrated', 'w')", "{version}"]]
    _configured(tmp_path, command=["./serve"], cwd="releases/{version}", env={"PORT": "{port}"}, prepare=prepare)
    said = typed("doctor", "--version", "2.0", cwd=tmp_path).stdout
    assert "WARN  version 2.0: not tried before `prepare` has made it ready: the folder releases/2.0 does not" in said
    assert not (tmp_path / "migrated").exists()
