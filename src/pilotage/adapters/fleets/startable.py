"""Whether a program can be started at all, as far as its files tell: what cannot start is refused before a rollout
starts, in a moment, and not found out by trying for minutes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

_ENV = ("/usr/bin/env", "/bin/env")
_LONGEST_SHEBANG = 256


def why_not(program: str, folder: Path, path: str | None = None) -> str:
    """Why `program` cannot be started in `folder`, such as `app is not on PATH`; empty where nothing speaks against it.

    path: the PATH it is looked up on; left out, that of this process.
    """
    if "/" not in program:
        return "" if shutil.which(program, path=path) else f"{program} is not on PATH"
    file = folder / program
    if file.is_dir():
        return f"{program} is a folder, not a program"
    if not file.exists():
        return f"{program} leads to a file that does not exist" if file.is_symlink() else f"{program} does not exist"
    if not os.access(file, os.X_OK):
        return f"{program} is not executable; run `chmod +x {program}`"
    interpreter = _interpreter(file, path)
    return f"{program} needs {interpreter}, which does not exist" if interpreter else ""


def _interpreter(file: Path, path: str | None) -> str:
    """The interpreter that a script's first line names and that is not there; empty where it is, or none is named."""
    try:
        with file.open("rb") as script:
            first = script.readline(_LONGEST_SHEBANG)
    except OSError:
        return ""
    words = first.removeprefix(b"#!").decode(errors="replace").split() if first.startswith(b"#!") else []
    if not words:
        return ""
    if words[0] in _ENV and len(words) == 2:
        return "" if shutil.which(words[1], path=path) else words[1]
    return "" if Path(words[0]).exists() else words[0]
