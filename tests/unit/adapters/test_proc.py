"""What a process runs, read from /proc (R5): program, system libraries, packages, names of variables."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import pytest

from pilotage.adapters.ports import AdapterError
from pilotage.adapters.proc import Running, what_runs

pytestmark = pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="no /proc")


@contextmanager
def running(*command: str, **variables: str) -> Iterator[int]:
    process = subprocess.Popen(command, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield process.pid
    finally:
        process.kill()
        process.communicate()


def of_python(**variables: str) -> Running:
    with running(sys.executable, "-c", "import ssl; print(flush=True); input()", **variables) as pid:
        return what_runs(pid)


def test_two_starts_of_the_same_are_alike_and_a_variable_is_found_without_its_value() -> None:
    one, other = of_python(MODE="a"), of_python(MODE="b", SECRET="hidden-word")
    assert (one.program, one.libraries, one.packages) == (other.program, other.libraries, other.packages)
    assert other.variables - one.variables == {"SECRET"}
    assert "hidden-word" not in repr(other)
    assert one.packages["pytest"] == version("pytest")
    assert any(name.startswith("libc") for name in one.libraries)


def test_another_program_is_another_program() -> None:
    with running("/bin/sh", "-c", "echo; read line") as pid:
        assert what_runs(pid).program[1] != of_python().program[1]


def test_a_process_that_is_gone_is_a_sentence() -> None:
    with running("/bin/sh", "-c", "echo; read line") as pid:
        pass
    with pytest.raises(AdapterError, match=f"process {pid} cannot be read"):
        what_runs(pid)
