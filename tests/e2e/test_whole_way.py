"""R33: a public project that nobody here wrote goes its whole way: its own tests, its program built once, staging, its
integration tests there, an approval, a canary under load. Commits that break something end where they should."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pilotage.adapters.free_port import free_port
from pilotage.demo.traffic import Traffic
from pilotage.engine.records.store import Store

from .. import httpbin
from ..typed import typed
from .conftest import FAST

pytestmark = [pytest.mark.real, pytest.mark.long]

CHANGES = {
    "1.0.0": ("README.md", "", ""),
    "1.1.0": (
        "httpbin/handlers.go",
        "func (h *HTTPBin) Anything(",
        "// Anything is tried.\nfunc (h *HTTPBin) Anything(",
    ),
    "1.2.0": ("httpbin/digest/digest.go", 'return "MD5"', 'return "MD6"'),
    "1.3.0": (
        "httpbin/handlers.go",
        "func (h *HTTPBin) UUID(w http.ResponseWriter, _ *http.Request) {",
        "func (h *HTTPBin) UUID(w http.ResponseWriter, _ *http.Request) {\n\tw.WriteHeader(500)",
    ),
    "1.4.0": (
        "httpbin/handlers.go",
        "func (h *HTTPBin) Anything(w http.ResponseWriter, r *http.Request) {",
        "func (h *HTTPBin) Anything(w http.ResponseWriter, r *http.Request) {\n"
        "\tif time.Now().UnixNano()/1000%3 == 0 {\n\t\tw.WriteHeader(500)\n\t\treturn\n\t}",
    ),
}
"""By version, a change of one file: what to replace, and with what. The first is the project as it was published."""


STAGES = ("test", "build", "staging", "integration", "production")


class Project:
    """The project's repository with a pilotage.yaml."""

    def __init__(self, folder: Path, source: Path) -> None:
        self.folder = folder
        self.ports = {"staging": free_port(), "production": free_port()}
        shutil.copytree(source, folder, copy_function=shutil.copyfile)
        (folder / ".gitignore").write_text(".pilotage/\n")
        (folder / "pilotage.yaml").write_text(json.dumps(self._configuration(), indent=2))
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str) -> str:
        named = ["-c", "user.name=ada", "-c", "user.email=ada@example.org"]
        done = subprocess.run(["git", *named, *arguments], cwd=self.folder, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def commit(self, version: str) -> None:
        name, old, new = CHANGES[version]
        text = (self.folder / name).read_text()
        assert old in text, (version, name)
        (self.folder / name).write_text(text.replace(old, new, 1) if old else text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", f"feat: {version}")
        self.git("tag", f"v{version}")

    def revert(self) -> None:
        self.git("revert", "--no-edit", "HEAD")

    def run(self, *arguments: str, expect: int = 0, actor: str = "ada") -> str:
        done = typed(*arguments, cwd=self.folder, actor=actor)
        assert done.returncode == expect, (arguments, done.returncode, done.stdout, done.stderr, self.log())
        return done.stdout

    def log(self) -> str:
        path = self.folder / ".pilotage/worker.log"
        return path.read_text()[-2000:] if path.exists() else ""

    def serving(self, environment: str) -> str:
        store = Store(self.folder / ".pilotage")
        found = store.serving("httpbin", environment)
        store.close()
        return found[0] if found else ""

    def _configuration(self) -> object:
        go = str(Path(httpbin.go_program()).parent)
        tool = {"PATH": f"{go}:{os.environ['PATH']}", "CGO_ENABLED": "0", "GOFLAGS": "-ldflags=-s -mod=mod"}
        shared = {name: value for name in ("GOCACHE", "GOMODCACHE") if (value := _go_env(name))}
        env = {"env": {**tool, **shared}, "repeatable": True, "timeout": "10m"}
        asked = ["curl", "-fsS", "--retry", "5", "--retry-connrefused", "{url}/uuid"]
        stages = [
            {"name": "test", "run": ["go", "test", "./httpbin/digest/...", "./httpbin/websocket/..."], **env},
            {"name": "build", "run": ["go", "build", "-o", "dist/go-httpbin", "./cmd/go-httpbin"], **env,
             "artifacts": ["dist/*"]},
            {"name": "staging", "environment": "staging"},
            {"name": "integration", "run": asked, "tests": "staging"},
            {"name": "production", "environment": "production", "approval": {"count": 1}},
        ]  # fmt: skip
        return {
            "service": "httpbin",
            "answers": {
                "release_type": "minor", "deployment_strategy": "canary", "team_size": "small",
                "release_frequency": "continuous", "risk_tolerance": "low",
                "stakeholder_complexity": ["customer-facing"],
            },
            "environments": {
                "staging": {
                    **self._environment(self.ports["staging"]),
                    # No user is there, so Pilotage sends the requests that are judged.
                    "synthetic": {"path": "/get", "requests_per_second": 50},
                },
                "production": self._environment(self.ports["production"]),
            },
            "way": {"stages": stages},
        }  # fmt: skip

    @staticmethod
    def _environment(port: int) -> dict[str, object]:
        return {
            "fleet": {
                "kind": "process", "command": ["{artifact}", "-host", "127.0.0.1", "-port", "{port}"], "count": 2,
                "health_check_path": "/status/200", "stop_timeout": "3s",
            },
            "router": {"kind": "envoy", "listen": f"127.0.0.1:{port}", "sticky": {"cookie": "session"}},
            "overrides": FAST,
        }  # fmt: skip


def _go_env(name: str) -> str:
    return subprocess.run(
        [httpbin.go_program(), "env", name], capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path / "httpbin", httpbin.source())
    yield made
    made.run("down", "--yes")


def test_r33_a_public_project_goes_its_whole_way(project: Project) -> None:
    it = project
    it.commit("1.0.0")
    went(it, "1.0.0", dict.fromkeys(STAGES, "passed"))
    with Traffic(f"http://127.0.0.1:{it.ports['production']}/anything", 60, users=100, seed=1, threads=4) as users:
        it.commit("1.1.0")
        went(it, "1.1.0", dict.fromkeys(STAGES, "passed"))
        assert not [answer for answer in users.answers() if answer.failed]

        it.commit("1.2.0")
        ended(it, "1.2.0", {"test": "failed", "build": "waiting", "staging": "waiting", "production": "waiting"})
        assert (it.serving("staging"), it.serving("production")) == ("1.1.0", "1.1.0")
        it.revert()

        it.commit("1.3.0")
        ended(it, "1.3.0", {"build": "passed", "staging": "passed", "integration": "failed", "production": "waiting"})
        assert (it.serving("staging"), it.serving("production")) == ("1.1.0", "1.1.0")
        it.revert()

        it.commit("1.4.0")
        went(it, "1.4.0", {"integration": "passed", "production": "failed"}, status="failed")
        assert it.serving("production") == "1.1.0"

    told = json.loads(it.run("trace", "1.1.0", "--format", "json"))
    assert told["proof"] == "proven", told["sentence"]
    assert told["serves"] == ["production"]
    [built] = told["ways"][0]["artifacts"]
    # Staging had it twice: it went back to it from 1.3.0.
    assert [one["environment"] for one in told["rollouts"]] == ["staging", "production", "staging"]
    assert [one["sha256"] for one in told["rollouts"]] == [[built["sha256"]]] * 3
    assert told["rollouts"][1]["promoted_from"] == "staging"
    assert told["ways"][0]["commit"] == it.git("rev-parse", "v1.1.0")
    assert "unproven" in json.loads(it.run("trace", "1.2.0", "--format", "json"))["proof"]
    assert "1.1.0" in it.run("notes", "v1.0.0..v1.1.0", "--version", "1.1.0")


def went(it: Project, version: str, stages: dict[str, str], status: str = "completed") -> None:
    """The way of a version, which grace approves before production, ends like this."""
    it.run("way", "start", version, "--detach")
    until(it, version, lambda way: any(stage["waits_for"] == "approval" for stage in way["stages"]))
    it.run("way", "approve", version, expect=8)  # by whoever started it
    it.run("way", "approve", version, actor="grace")
    until(it, version, lambda way: way["way"]["ended"] is not None)
    check(it, version, stages, status)


def ended(it: Project, version: str, stages: dict[str, str]) -> None:
    """It fails before anybody is asked."""
    it.run("way", "start", version, expect=4)
    check(it, version, stages, "failed")


def until(it: Project, version: str, wanted: Callable[[Any], bool]) -> None:
    latest = time.monotonic() + 240
    while not wanted(way := json.loads(it.run("way", version, "--json"))):
        assert way["way"]["ended"] is None, way
        assert time.monotonic() < latest, (way, it.log())
        time.sleep(0.3)


def check(it: Project, version: str, stages: dict[str, str], status: str) -> None:
    shown = json.loads(it.run("way", version, "--json"))
    assert shown["way"]["status"] == status, shown
    found = {stage["name"]: stage["status"] for stage in shown["stages"]}
    assert {name: found[name] for name in stages} == stages, shown
