"""`fleet: {kind: process}`: instances are local processes."""

from __future__ import annotations

import shutil
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


class ProcessFleetSection(ProgramSection, FleetSection):
    """Instances are local processes."""

    kind: Literal["process"]
    command: list[str] = Field(
        min_length=1,
        description="Arguments of a command that serves HTTP, no shell. `{version}` and `{port}` are filled in.",
    )
    health_check_path: UrlPath = Field("/healthz", description="Path that returns 2xx when an instance is healthy.")
    stop_timeout: Duration = Field(10.0, description="How long an instance may take to stop before it is killed.")

    @model_validator(mode="after")
    def _fills_in(self) -> ProcessFleetSection:
        for needed in ("{port}", "{version}"):
            if not any(needed in part for part in self.command):
                raise ValueError(f"command: add {needed}, so that two versions can run side by side")
        return self


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
        environment=Environment(given=section.env, passed=section.pass_env),
    )


def _lacks(section: ProcessFleetSection, folder: Path, version: str) -> str:
    """The program of a version, where its name is part of the path."""
    program = section.command[0].replace("{version}", version)
    if "{version}" not in section.command[0] or shutil.which(program) or (folder / program).is_file():
        return ""
    return f"{program} does not exist: install {version}, or correct its name"


def _examine(section: ProcessFleetSection, context: Context) -> Iterator[Finding]:
    program = section.command[0]
    if "{version}" in program:
        yield Finding("PASS", "fleet", f"{program} is checked when its version is deployed")
    elif shutil.which(program) or (context.folder / program).is_file():
        yield Finding("PASS", "fleet", f"{program} can be started")
    else:
        place = f"environments.{context.environment}.fleet.command"
        yield Finding("FAIL", "fleet", f"{program!r} is not on PATH: correct {place}")


ADAPTER = Adapter(
    section=ProcessFleetSection,
    capabilities=FleetCapabilities(provides=("memory_utilization", "cpu_utilization"), most=256),
    open=_open,
    examine=_examine,
    lacks=_lacks,
)
