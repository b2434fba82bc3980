"""`fleet: {kind: process}`: instances are local processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from pilotage.adapters.context import Context
from pilotage.adapters.ports import Fleet
from pilotage.adapters.registry import Adapter
from pilotage.config.fields import Duration, UrlPath
from pilotage.config.kinds import FleetSection
from pilotage.config.programs import ProgramSection
from pilotage.model.capabilities import FleetCapabilities
from pilotage.model.finding import Finding
from pilotage.model.traffic import artifact_of


class ProcessFleetSection(ProgramSection, FleetSection):
    """Instances are local processes."""

    kind: Literal["process"]
    command: list[str] = Field(
        min_length=1,
        description="Arguments of a command that serves HTTP, no shell. `{version}` and `{port}` are filled in, here "
        "and in `cwd` and `env`.",
    )
    cwd: str = Field(
        "",
        description="Folder in which an instance starts, such as `releases/{version}`. "
        "Default: the folder of this file.",
    )
    health_check_path: UrlPath = Field("/healthz", description="Path that returns 2xx when an instance is healthy.")
    stop_timeout: Duration = Field(10.0, description="How long an instance may take to stop before it is killed.")

    @model_validator(mode="after")
    def _fills_in(self) -> ProcessFleetSection:
        places = {"{version}": (self.cwd,)}
        for needed in ("{port}", "{version}"):
            if not any(needed in part for part in (*self.command, *self.env.values(), *places.get(needed, ()))):
                raise ValueError(_missing(needed))
        return self


def _missing(needed: str) -> str:
    if needed == "{port}":
        return (
            "command: add {port}, where the program takes the port to listen on, or write env: {PORT: '{port}'} if "
            "it reads a variable; two versions run side by side"
        )
    return (
        "command: add {version}, such as releases/{version}/bin/app, or write cwd: releases/{version}: "
        "two versions run side by side"
    )


def _open(section: ProcessFleetSection, context: Context) -> Fleet:
    from pilotage.adapters.environment import Environment
    from pilotage.adapters.fleets.process import ProcessFleet

    return ProcessFleet(
        context.directory,
        context.fence,
        command=section.command,
        health=section.health_check_path,
        stop_timeout=section.stop_timeout,
        cwd=context.folder,
        home=section.cwd,
        environment=Environment(given=section.env, passed=section.pass_env),
    )


def _lacks(section: ProcessFleetSection, folder: Path, version: str) -> str:
    """What is not there to start a version; empty where it can be started as far as its files tell."""
    from pilotage.adapters.fleets.startable import why_not
    from pilotage.adapters.placeholders import filled

    places = {"version": artifact_of(version)}
    home = folder / filled(section.cwd, places)
    if not home.is_dir():
        return f"the folder {filled(section.cwd, places)} does not exist: put {version} there, or correct fleet.cwd"
    if problem := why_not(filled(section.command[0], places), home, section.env.get("PATH")):
        return f"{problem}: {_cure(section, version)}"
    return ""


def _cure(section: ProcessFleetSection, version: str) -> str:
    of_version = "{version}" in section.command[0] or "{version}" in section.cwd
    return f"install {version}, or correct its name" if of_version else "install it, or correct fleet.command"


def _examine(section: ProcessFleetSection, context: Context) -> Iterator[Finding]:
    from pilotage.adapters.fleets.startable import why_not

    program = section.command[0]
    if "{version}" in program or "{version}" in section.cwd:
        yield Finding("PASS", "fleet", f"{program} is checked when its version is deployed")
    elif problem := why_not(program, context.folder / section.cwd, section.env.get("PATH")):
        place = f"environments.{context.environment}.fleet.command"
        yield Finding("FAIL", "fleet", f"{problem}: install it, or correct {place}")
    else:
        yield Finding("PASS", "fleet", f"{program} is there; `pilotage doctor --version VERSION` tries to start it")


ADAPTER = Adapter(
    section=ProcessFleetSection,
    capabilities=FleetCapabilities(provides=("memory_utilization", "cpu_utilization"), most=256),
    open=_open,
    examine=_examine,
    lacks=_lacks,
    starts_aside=True,
)
