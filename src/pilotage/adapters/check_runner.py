"""Runs the checks of one step in sequence and writes their results, in a process of its own.

`python -m pilotage.adapters.check_runner SPECIFICATION RESULT`. It outlives the controller that started it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from pilotage.adapters.backups.task import BackupTask, perform
from pilotage.adapters.environment import inherited, secret_names
from pilotage.adapters.files import open_log, read_json, write_json
from pilotage.adapters.http import get_status
from pilotage.adapters.marks import MARK, end_others_of_mine
from pilotage.adapters.placeholders import filled
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.secrets import concealed
from pilotage.model.json import read_as

GIVEN = "PILOTAGE_CHECK_ENVIRONMENT_"
"""With the check's number behind it: what its command gets of the environment, as JSON, in the environment of this
process and nowhere else: secrets are among it."""
_MOST_OUTPUT = 1 << 20
_TOLD = 400


@dataclass(frozen=True, kw_only=True)
class _Check:
    """One check as the specification has it. unreadable: why it cannot be run · timeout: seconds · backup: of
    Pilotage's own, instead of a command or requests · env: as configured, secrets as references."""

    unreadable: str = ""
    backup: BackupTask | None = None
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
    if check.backup is not None:
        try:
            return perform(check.backup, _given(number))
        except AdapterError as error:
            raise _CheckFailed(str(error)) from None
    return _http(check, check.http, asked) if check.http else _command(check, number, asked, log)


def _given(number: int) -> dict[str, str]:
    """What the check of this number gets of the environment."""
    given: dict[str, str] = json.loads(os.environ.get(f"{GIVEN}{number}", "{}"))
    return given


def _command(check: _Check, number: int, asked: _Asked, log: Path) -> str:
    """A hook: an argument list, no shell. Its last line is the detail that people see."""
    command = [filled(part, asked.facts) for part in check.command or ()]
    given = _given(number)
    facts = {f"PILOTAGE_{name.upper()}": value for name, value in asked.facts.items()}
    marked = {MARK: os.environ[MARK]} if MARK in os.environ else {}
    environment = {**inherited(), **given, **facts, **marked}
    with open_log(log) as output:
        try:
            process = subprocess.Popen(
                command, cwd=asked.cwd, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        except (OSError, ValueError) as error:
            raise _CheckFailed(f"{command[0]}: {getattr(error, 'strerror', None) or error}") from None
        status, said = _follow(process, check.timeout, output)
    last = concealed(said, (given[name] for name in secret_names(check.env) if name in given))[-_TOLD:]
    if status is None:
        raise _CheckFailed(f"{command[0]} timed out after {check.timeout:g} s; its output: {last}")
    if status != 0:
        raise _CheckFailed(f"{command[0]} exited with {status}: {last}")
    return last


def _follow(process: subprocess.Popen[bytes], timeout: float, output: IO[bytes]) -> tuple[int | None, str]:
    """Exit status (None when its time was up) and its last line. Its children go with it, and what it says beyond a
    megabyte is dropped."""
    import selectors

    until, written, tail = time.monotonic() + timeout, 0, b""
    assert process.stdout is not None
    descriptor = process.stdout.fileno()
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while (left := until - time.monotonic()) > 0:
            if selector.select(min(left, 0.2)):
                chunk = os.read(descriptor, 65536)
                if not chunk:
                    break
                output.write(chunk[: max(0, _MOST_OUTPUT - written)])
                written += len(chunk)
                tail = (tail + chunk)[-4096:]
            elif process.poll() is not None:
                break
    status: int | None
    try:
        status = process.wait(max(0.0, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        status = None
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    end_others_of_mine()
    lines = tail.decode(errors="replace").strip().splitlines()
    return status, " ".join(lines[-1:])


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
