"""What a process fleet needs to start a version, as far as files tell: asked before a rollout, in milliseconds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pilotage.adapters.disk import full_disk
from pilotage.adapters.env_files import read_env_file
from pilotage.adapters.fleets.startable import script_of, why_not
from pilotage.adapters.launch import Launch
from pilotage.adapters.placeholders import filled
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.stages.built import needs_artifacts
from pilotage.model.traffic import artifact_of

if TYPE_CHECKING:
    from pilotage.adapters.fleets.process_adapter import ProcessFleetSection


def lacks(section: ProcessFleetSection, folder: Path, version: str) -> str:
    """What is not there to start a version; empty where it can be started as far as its files tell."""
    return next((problem for problem in _problems(section, folder, version) if problem), "")


def _problems(section: ProcessFleetSection, folder: Path, version: str) -> Iterator[str]:
    yield launch_of(section).lacks()
    yield from (_env_file(folder / name) for name in section.env_files)
    for place in (folder / ".pilotage", *([folder / section.log.folder] if section.log and section.log.folder else ())):
        full = full_disk(place, section.min_free_disk)
        yield f"{full} (fleet.min_free_disk): delete what is not needed" if full else ""
    yield from (
        _program(section, command[0], folder, version, "fleet.prepare")
        for command in section.prepare
        if not needs_artifacts(command[:1])
    )
    yield from _of_version(section, folder, version)


def _of_version(section: ProcessFleetSection, folder: Path, version: str) -> Iterator[str]:
    places = {"version": artifact_of(version)}
    home = folder / filled(section.cwd, places)
    made = bool(section.prepare)
    if needs_artifacts([section.cwd]):
        return  # what ways built is looked at wherever it is needed
    if not home.is_dir():
        if not (made and "{version}" in section.cwd):
            yield f"the folder {filled(section.cwd, places)} does not exist: put {version} there, or correct fleet.cwd"
        return  # what makes the folder makes what is in it
    if not (made and "{version}" in section.command[0]) and not needs_artifacts(section.command[:1]):
        yield _program(section, section.command[0], home, version, "fleet.command")
    script = script_of(section.command)
    if made or needs_artifacts([script]):
        return
    if "{version}" in script and not (home / filled(script, places)).exists():
        yield f"{filled(script, places)} does not exist: install {version}, or correct its name"


def _program(section: ProcessFleetSection, written: str, home: Path, version: str, setting: str) -> str:
    program = filled(written, {"version": artifact_of(version)})
    problem = why_not(program, home, section.env.get("PATH"), section.user)
    if not problem:
        return ""
    of_version = "{version}" in written or "{version}" in section.cwd
    cure = f"install {version}, or correct its name" if of_version else f"install it, or correct {setting}"
    return f"{problem}: {cure}"


def _env_file(path: Path) -> str:
    try:
        read_env_file(path)
    except AdapterError as error:
        return f"{error}: create it, or correct fleet.env_file"
    return ""


def launch_of(section: ProcessFleetSection) -> Launch:
    return Launch(user=section.user, limits=section.limits.given if section.limits else {})
