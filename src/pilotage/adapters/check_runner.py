"""Runs the checks of one step in sequence and writes their results, in a process of its own.

`python -m pilotage.adapters.check_runner SPECIFICATION RESULT`. It outlives the controller that started it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pilotage.adapters import package
from pilotage.adapters.backups.task import BackupTask, perform
from pilotage.adapters.caches.task import REDIS, STABLE, Release, WarmTask
from pilotage.adapters.caches.task import perform as warmed
from pilotage.adapters.databases.task import DataTask
from pilotage.adapters.databases.task import perform as perform_on_data
from pilotage.adapters.environment import Environment, inherited, secret_names
from pilotage.adapters.files import read_json, write_json
from pilotage.adapters.foreground import run_to_end
from pilotage.adapters.http import get_status
from pilotage.adapters.marks import end_others_of_mine, own_mark
from pilotage.adapters.package import PackageTask
from pilotage.adapters.placeholders import filled
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.secrets import concealed
from pilotage.model.json import read_as
from pilotage.model.migration import HAS_SCHEMA_ALONE

GIVEN = "PILOTAGE_CHECK_ENVIRONMENT_"
"""With the check's number behind it: what its command gets of the environment, as JSON, in the environment of this
process and nowhere else: secrets are among it."""
_TOLD = 400


@dataclass(frozen=True, kw_only=True)
class _Check:
    """One check as the specification has it. unreadable: why it cannot be run · timeout: seconds · backup, package,
    database, warm: of Pilotage's own, instead of a command or requests · env: as configured, secrets as references ·
    env_files: with more variables, all of them hidden · lines: of a failed command's output that people see ·
    program: the command's name for people, where it is not the first argument."""

    unreadable: str = ""
    backup: BackupTask | None = None
    package: PackageTask | None = None
    database: DataTask | None = None
    warm: WarmTask | None = None
    env_files: tuple[str, ...] = ()
    lines: int = 1
    program: str = ""
    command: tuple[str, ...] | None = None
    http: str | None = None
    status: int = 200
    contains: str | None = None
    requests: int = 1
    timeout: float = 60.0
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """The checks of one step. facts: values of the placeholders in commands and paths · cwd: of commands."""

    checks: tuple[_Check, ...]
    facts: Mapping[str, str]
    cwd: str


class _CheckFailed(Exception):
    """The message says what was expected and what came instead."""


def run(specification: Path, result: Path) -> None:
    """Run what the file says until something fails; write `passed`, `detail` and `seconds`."""
    asked = read_as(_Asked, read_json(specification))
    began = time.monotonic()
    told: list[str] = []
    try:
        for number, check in enumerate(asked.checks):
            if check.unreadable:
                raise _CheckFailed(check.unreadable)
            log = result.with_suffix(".log")
            said = _said(check, number, asked, log)
            told.extend([said] if said else [])
        passed, detail = True, "; ".join(told)
    except _CheckFailed as failed:
        passed, detail = False, str(failed)
    seconds = round(time.monotonic() - began, 3)
    write_json(result, {"passed": passed, "detail": detail[-2 * _TOLD :], "seconds": seconds})


def _said(check: _Check, number: int, asked: _Asked, log: Path) -> str:
    """Run one check; what it says. Raises _CheckFailed."""
    try:
        if check.backup is not None:
            return perform(check.backup, _given(number))
        if check.database is not None:
            return _database(check.database, number, asked)
        if check.warm is not None:
            return _warm(check, check.warm, number, asked)
        if check.package is not None:
            return package.perform(check.package)
    except AdapterError as error:
        raise _CheckFailed(str(error)) from None
    return _http(check, check.http, asked) if check.http else _command(check, number, asked, log)


def _database(task: DataTask, number: int, asked: _Asked) -> str:
    together = HAS_SCHEMA_ALONE not in asked.facts
    version, stable = asked.facts.get("version", ""), asked.facts.get("stable_version", "")
    return perform_on_data(replace(task, together=together), _given(number), version, stable)


def _warm(check: _Check, task: WarmTask, number: int, asked: _Asked) -> str:
    given = _given(number)
    secrets = {name: given.pop(name) for name in (REDIS, STABLE) if name in given}
    facts = {f"PILOTAGE_{name.upper()}": value for name, value in asked.facts.items()}
    environment = {**inherited(), **given, **facts, **own_mark()}
    release = Release(facts=asked.facts, environment=environment, cwd=asked.cwd, timeout=check.timeout)
    said = warmed(task, secrets, release)
    end_others_of_mine()
    return said


def _given(number: int) -> dict[str, str]:
    """What the check of this number gets of the environment."""
    given: dict[str, str] = json.loads(os.environ.get(f"{GIVEN}{number}", "{}"))
    return given


def _command(check: _Check, number: int, asked: _Asked, log: Path) -> str:
    """A hook: an argument list, no shell. Its last line is the detail that people see."""
    command = [filled(part, asked.facts) for part in check.command or ()]
    given = _given(number)
    facts = {f"PILOTAGE_{name.upper()}": value for name, value in asked.facts.items()}
    environment = {**inherited(), **given, **facts, **own_mark()}
    try:
        ended = run_to_end(command, environment, asked.cwd, check.timeout, log)
    except AdapterError as error:
        raise _CheckFailed(str(error)) from None
    end_others_of_mine()
    hidden = [given[name] for name in secret_names(check.env) if name in given]
    hidden += Environment(files=tuple(map(Path, check.env_files))).secrets()
    shown = " / ".join(ended.lines[-check.lines :] if ended.status != 0 else ended.lines[-1:])
    said, program = concealed(shown, hidden)[-_TOLD:], check.program or command[0]
    if ended.status is None:
        raise _CheckFailed(f"{program} timed out after {check.timeout:g} s; its output: {said}")
    if ended.status != 0:
        raise _CheckFailed(f"{program} exited with {ended.status}: {said}")
    return said


def _http(check: _Check, address: str, asked: _Asked) -> str:
    """Every instance (or a whole URL) must answer as required, as often as configured."""
    path = filled(address, asked.facts)
    whole = path.startswith(("http://", "https://"))
    targets = [path] if whole else [f"http://{instance}{path}" for instance in asked.facts["instances"].split(",")]
    for target in targets:
        for _ in range(check.requests):
            try:
                status, body = get_status(target, timeout=check.timeout)
            except AdapterError as error:
                raise _CheckFailed(str(error)) from None
            if status != check.status:
                raise _CheckFailed(f"{target} returned {status} instead of {check.status}")
            if check.contains and check.contains not in body.decode(errors="replace"):
                raise _CheckFailed(f"{target} returned a response without {check.contains!r}")
    return f"{path}: {len(targets) * check.requests} responses as expected"


if __name__ == "__main__":
    run(Path(sys.argv[1]), Path(sys.argv[2]))
