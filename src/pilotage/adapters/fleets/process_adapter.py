"""`fleet: {kind: process}`: instances are local processes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from pilotage.adapters.context import Context
from pilotage.adapters.ports import Fleet
from pilotage.adapters.registry import Adapter
from pilotage.adapters.stages.built import needs_artifacts
from pilotage.config.fields import Duration, Size, UrlPath
from pilotage.config.hosts import UserName
from pilotage.config.kinds import FleetSection
from pilotage.config.launching import Arguments, FilePath, LimitsSection, LogSection, StopSignal
from pilotage.config.programs import ProgramSection
from pilotage.model.capabilities import FleetCapabilities
from pilotage.model.finding import Finding

if TYPE_CHECKING:
    from pilotage.adapters.log_sizes import Rotation


class ProcessFleetSection(ProgramSection, FleetSection):
    """Instances are local processes."""

    kind: Literal["process"]
    command: list[str] = Field(
        min_length=1,
        description="Arguments of a command that serves HTTP, no shell. `{version}` and `{port}` are filled in, here "
        "and in `cwd` and `env`. `{artifact}` is the file that the way of the version built, and `{artifacts}` the "
        "folder of all its files.",
    )
    cwd: str = Field(
        "",
        description="Folder in which an instance starts, such as `releases/{version}`. "
        "Default: the folder of this file.",
    )
    health_check_path: UrlPath = Field("/healthz", description="Path that returns 2xx when an instance is healthy.")
    stop_timeout: Duration = Field(10.0, description="How long an instance may take to stop before it is killed.")
    stop_signal: StopSignal = Field("TERM", description="Signal that asks an instance to stop.")
    user: UserName | Literal[""] = Field(
        "", description="User that instances run as. Default: the user who runs Pilotage. Requires root."
    )
    limits: LimitsSection | None = Field(None, description="Limits of an instance.")
    env_file: FilePath | list[FilePath] = Field(
        default_factory=list,
        description="Files with more variables, as NAME=value lines, from this file's folder. `env` takes precedence. "
        "They are read when an instance starts, and their values are hidden in logs that Pilotage shows.",
    )
    prepare: list[Arguments] = Field(
        default_factory=list,
        description="Commands that make a version ready, such as an installation, in this file's folder. They run at "
        "the start of a rollout, before anything is started or stopped. `{version}` is filled in.",
    )
    prepare_timeout: Duration = Field(600.0, gt=0, le=86400, description="Time limit of each command of `prepare`.")
    log: LogSection | None = Field(None, description="Location and rotation of the logs.")
    min_free_disk: Size = Field(
        64 << 20, description="Free disk space below which no rollout starts, where the state and the logs are."
    )

    @property
    def env_files(self) -> list[str]:
        return [self.env_file] if isinstance(self.env_file, str) else self.env_file

    @model_validator(mode="after")
    def _fills_in(self) -> ProcessFleetSection:
        places = {"{version}": (self.cwd,)}
        for needed in ("{port}", "{version}"):
            given = (*self.command, *self.env.values(), *places.get(needed, ()))
            if not any(needed in part for part in given) and (needed == "{port}" or not needs_artifacts(given)):
                raise ValueError(_missing(needed))
        if self.user and needs_artifacts((*self.command, *self.env.values(), self.cwd)):
            raise ValueError("user: {artifact} lies where only the user of Pilotage may read: leave out fleet.user")
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
    from pilotage.adapters.fleets.preparing import Preparing
    from pilotage.adapters.fleets.process import ProcessFleet
    from pilotage.adapters.fleets.process_needs import launch_of

    files = tuple(context.folder / name for name in section.env_files)
    return ProcessFleet(
        context.directory,
        context.fence,
        command=section.command,
        health=section.health_check_path,
        stop_timeout=section.stop_timeout,
        cwd=context.folder,
        home=section.cwd,
        environment=Environment(given=section.env, passed=section.pass_env, files=files),
        launch=launch_of(section),
        stop_signal=section.stop_signal,
        logs=_logs(section.log, context) if section.log else None,
        preparing=Preparing(
            commands=section.prepare,
            timeout=section.prepare_timeout,
            cwd=context.folder,
            built=context.built,
            in_place=lambda version: not _lacks(_ready(section), context.folder, version),
        )
        if section.prepare
        else None,
        built=context.built,
    )


def _logs(section: LogSection, context: Context) -> Rotation:
    from pilotage.adapters.log_sizes import Rotation

    folder = context.directory / "logs"
    if section.folder and not context.aside:
        folder = context.folder / section.folder / f"{context.service}-{context.environment}"
    return Rotation(folder=str(folder.absolute()), max_size=section.max_size, keep=section.keep)


def _lacks(section: ProcessFleetSection, folder: Path, version: str) -> str:
    """What is not there to start a version; empty where it can be started as far as its files tell."""
    from pilotage.adapters.fleets.process_needs import lacks

    return lacks(section, folder, version)


def _ready(section: ProcessFleetSection) -> ProcessFleetSection:
    """For a version that was made ready: nothing will bring what it lacks."""
    return section.model_copy(update={"prepare": []})


def _can(section: ProcessFleetSection) -> FleetCapabilities:
    return replace(_CAN, prepares=bool(section.prepare))


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


_CAN = FleetCapabilities(provides=("memory_utilization", "cpu_utilization"), most=256)

ADAPTER = Adapter(
    section=ProcessFleetSection,
    capabilities=_CAN,
    configured=_can,
    open=_open,
    examine=_examine,
    lacks=_lacks,
    prepared=_ready,
    starts_aside=True,
)
