"""`init` proposes how a service starts from the files that people have, and asks again after a typing error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from pilotage.app.proposals.proposing import propose
from tests.typed import typed

FLASK = 'from flask import Flask\napp = Flask(__name__)\n@app.get("/healthz")\ndef ok():\n    return "ok"\n'
DOCKER = """\
FROM python:3
EXPOSE 8000
HEALTHCHECK CMD curl -f http://localhost:8000/health || exit 1
CMD ["uvicorn", "shop:app", "--host", "0.0.0.0", "--port", "8000"]
"""
GO = 'package main\nfunc main() { port := flag.Int("port", 80, ""); http.HandleFunc("/ping", f) }\n'
RELEASES = "releases/{version}"

# name → files of the folder, command, folder of an instance, its variables, health path
FOLDERS: dict[str, tuple[dict[str, str], str, str, dict[str, str], str]] = {
    "a Procfile": (
        {"Procfile": "release: ./migrate\nweb: gunicorn shop.wsgi --bind 0.0.0.0:$PORT\n"},
        "gunicorn shop.wsgi --bind 127.0.0.1:{port}", RELEASES, {}, "/",
    ),
    "a Procfile for a shell": (
        {"Procfile": "web: cd api && ./serve\n"}, "sh -c cd api && ./serve", RELEASES, {"PORT": "{port}"}, "/",
    ),
    "a start script of npm": (
        {"package.json": '{"scripts": {"start": "node server.js"}}'},
        "node server.js", RELEASES, {"PORT": "{port}"}, "/",
    ),
    "a start script with a package's program": (
        {"package.json": '{"scripts": {"start": "next start -p 3000"}}'},
        "node_modules/.bin/next start -p {port}", RELEASES, {}, "/",
    ),
    "Flask with a health path": (
        {"app.py": FLASK, "requirements.txt": "flask\ngunicorn\n"},
        "gunicorn app:app --bind 127.0.0.1:{port}", RELEASES, {}, "/healthz",
    ),
    "FastAPI in a package": (
        {"app/main.py": "from fastapi import FastAPI\napi = FastAPI()\n"},
        "uvicorn app.main:api --port {port}", RELEASES, {}, "/",
    ),
    "Django": (
        {"manage.py": 'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")\nimport django\n',
         "requirements.txt": "django\ngunicorn"},
        "gunicorn shop.wsgi --bind 127.0.0.1:{port}", RELEASES, {}, "/",
    ),
    "a project with one script": (
        {"pyproject.toml": '[project]\nname = "x"\n[project.scripts]\nserve-x = "x:main"\n'},
        "serve-x --port {port}", RELEASES, {}, "/",
    ),
    "Go with a flag": (
        {"go.mod": "module example.com/me/hello/v2\n", "main.go": GO}, "./hello -port {port}", RELEASES, {}, "/ping",
    ),
    "Rails": ({"bin/rails": ""}, "bin/rails server --port {port}", RELEASES, {}, "/up"),
    "Spring": (
        {"pom.xml": "<groupId>org.springframework.boot</groupId>"},
        "java -jar app.jar --server.port={port}", RELEASES, {}, "/actuator/health",
    ),
    "a Dockerfile": (
        {"Dockerfile": DOCKER}, "uvicorn shop:app --host 127.0.0.1 --port {port}", RELEASES, {}, "/health",
    ),
    "a website": ({"index.html": ""}, "python3 -m http.server --bind 127.0.0.1 {port}", RELEASES, {}, "/"),
    "nothing": ({}, "", "", {}, "/"),
    "no JSON": ({"package.json": "{"}, "", "", {}, "/"),
    "no TOML": ({"pyproject.toml": "[["}, "", "", {}, "/"),
}  # fmt: skip


@pytest.mark.parametrize("name", FOLDERS)
def test_what_lies_in_a_folder_tells_how_it_starts(tmp_path: Path, name: str) -> None:
    files, command, cwd, env, health = FOLDERS[name]
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    found = propose(tmp_path)
    assert (" ".join(found.command), found.cwd, dict(found.env), found.health) == (command, cwd, env, health)
    made = typed("init", "--service", "shop", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert typed("validate", cwd=tmp_path).stdout == "pilotage.yaml is valid\n"


def test_versions_that_lie_beside_each_other_are_recognised(tmp_path: Path) -> None:
    for version in ("0.64.8", "0.65.1"):
        program = tmp_path / "venvs" / version / "bin" / "datasette"
        program.parent.mkdir(parents=True)
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    (tmp_path / "library.db").write_bytes(b"")
    found = propose(tmp_path)
    assert " ".join(found.command) == "venvs/{version}/bin/datasette serve library.db --port {port}"
    assert found.cwd == ""


def test_the_proposed_answers_make_a_plan_without_a_warning(tmp_path: Path) -> None:
    """R8, C13: nobody who accepts what is proposed is told that it contradicts itself, or gets a schedule unasked."""
    (tmp_path / "app.py").write_text(FLASK)
    typed("init", cwd=tmp_path)
    planned = json.loads(typed("plan", "1.0", "--as-update", "--json", cwd=tmp_path).stdout)
    assert (planned["notes"], planned["conflicts"]) == ([], [])
    assert "\nTimeline" not in typed("plan", "1.0", cwd=tmp_path).stdout
    dated = typed("plan", "1.0", "--date", "2027-06-16", "--as-of", "2026-11-23", cwd=tmp_path).stdout
    assert "\nTimeline" in dated


def test_init_takes_every_answer_as_an_option(tmp_path: Path) -> None:
    typed(
        "init", "--command", "serve {version} --port {port}", "--listen", "9000", "--count", "3", "--health-check-path",
        "/ready", cwd=tmp_path,
    )  # fmt: skip
    section = yaml.safe_load((tmp_path / "pilotage.yaml").read_text())["environments"]["production"]
    assert section["fleet"] == {
        "kind": "process", "command": ["serve", "{version}", "--port", "{port}"], "count": 3,
        "health_check_path": "/ready",
    }  # fmt: skip
    assert section["router"]["listen"] == "127.0.0.1:9000"


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("--count", "many"), "'many' is no number of instances"),
        (("--listen", ":x"), "is not an address such as 127.0.0.1:8080"),
        (("--health-check-path", "health"), "'health' is no path such as / or /healthz"),
        (("--command", " "), "the command must not be empty"),
    ],
)
def test_a_wrong_option_is_told_and_nothing_is_written(tmp_path: Path, option: tuple[str, str], said: str) -> None:
    made = typed("init", *option, cwd=tmp_path)
    assert (made.returncode, said in made.stderr) == (2, True), made.stderr
    assert not (tmp_path / "pilotage.yaml").exists()


def test_at_a_terminal_a_typing_error_loses_nothing_and_a_question_mark_explains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.testing import CliRunner

    from pilotage.cli import init_questions
    from pilotage.cli.main import cli

    monkeypatch.setattr(init_questions, "asks", lambda: True)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Procfile").write_text("web: ./serve $PORT\n")
    typed_in = ["", "?", "health", "/ready", "", "0", "4", "", "?", "canry", "canary", "", "", "", ""]
    said = CliRunner().invoke(cli, ["init"], input="".join(f"{line}\n" for line in typed_in))
    assert said.exit_code == 0, said.output
    assert "Read from Procfile:" in said.output
    assert "'health' is no path such as / or /healthz" in said.output
    assert "'canry' is not one of" in said.output
    assert [line for line in said.output.splitlines() if len(line) > 80] == []
    section = yaml.safe_load((tmp_path / "pilotage.yaml").read_text())["environments"]["production"]
    assert (section["fleet"]["health_check_path"], section["fleet"]["count"]) == ("/ready", 4)


def test_what_init_proposes_in_comments_can_be_uncommented_as_it_stands(tmp_path: Path) -> None:
    assert typed("init", "--service", "shop", "--command", "serve {port} {version}", cwd=tmp_path).returncode == 0
    file = tmp_path / "pilotage.yaml"
    before, proposed = file.read_text().split("    # overrides:\n")
    file.write_text(f"{before}    overrides:\n{proposed.replace('    # ', '    ')}")
    assert typed("validate", cwd=tmp_path).returncode == 0
    assert typed("plan", "1.0", "--why", "canary.phase_duration", cwd=tmp_path).stdout.startswith(
        "canary.phase_duration: 30m"
    )
