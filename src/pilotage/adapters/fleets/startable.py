"""Whether a program can be started at all, as far as its files tell: what cannot start is refused before a rollout
starts, in a moment, and not found out by trying for minutes."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from pilotage.adapters.fleets.executable import why_not_executable
from pilotage.adapters.launch import may_execute

_INTERPRETERS = re.compile(r"(python|node|ruby|perl|php|bash|sh)[\d.]*")


def why_not(program: str, folder: Path, path: str | None = None, user: str = "") -> str:
    """Why `program` cannot be started in `folder`, such as `app is not on PATH`; empty where nothing speaks against it.

    path: the PATH it is looked up on; left out, that of this process · user: who starts it; empty for that of this
    process.
    """
    if "/" not in program:
        found = shutil.which(program, path=path)
        return _problem(program, Path(found), path) if found else f"{program} is not on PATH"
    file = folder / program
    if file.is_dir():
        return f"{program} is a folder, not a program"
    if not file.exists():
        return f"{program} leads to a file that does not exist" if file.is_symlink() else f"{program} does not exist"
    if not may_execute(file, user):
        return f"{program} is not executable{f' for {user}' if user else ''}; run `chmod +x {program}`"
    return _problem(program, file, path)


def _problem(program: str, file: Path, path: str | None) -> str:
    problem = why_not_executable(file, path)
    return f"{program} {problem}" if problem else ""


def script_of(command: Sequence[str]) -> str:
    """The file that an interpreter is to read, as the command names it; empty where it names none."""
    program, *rest = command
    name = Path(program).name
    if name == "java" and "-jar" in rest[:-1]:
        return rest[rest.index("-jar") + 1]
    return rest[0] if rest and _INTERPRETERS.fullmatch(name) and not rest[0].startswith("-") else ""
