"""What a program writes right before it ends is read, however busy the machine is: a listing that `podman ps` printed
would otherwise be taken for an empty one, and what serves for gone (R1, R27)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pilotage.adapters.command.program import Program
from pilotage.adapters.environment import Environment
from pilotage.adapters.foreground import run_to_end
from pilotage.adapters.hosts.local import LocalHost

LATE = [sys.executable, "-c", 'import time; time.sleep(0.3); print(\'{"all": "here"}\')']


def by_host(folder: Path) -> str:
    return LocalHost(folder).run(LATE).out.decode()


def by_command(folder: Path) -> str:
    return str(Program(LATE, folder, Environment(), 10).call({}))


def in_foreground(folder: Path) -> str:
    return "".join(run_to_end(LATE, os.environ, folder, 10, folder / "log").lines)


@pytest.mark.parametrize("said", [by_host, by_command, in_foreground])
def test_what_was_written_between_two_looks_is_read(
    said: Callable[[Path], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine gives this process no time from when it heard nothing until the program has written and ended."""
    poll = subprocess.Popen.poll

    def late(process: subprocess.Popen[bytes]) -> int | None:
        process.wait()
        return poll(process)

    monkeypatch.setattr(subprocess.Popen, "poll", late)
    assert "here" in said(tmp_path)
