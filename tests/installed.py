"""Pilotage as `pip install` leaves it: the built wheel in an environment of its own, with the locked versions of what
it needs and nothing else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_NO_INDEX = re.compile("failed to fetch|error sending request|dns error|could not connect|timed out", re.IGNORECASE)


def install(place: Path) -> Path:
    """The environment's folder of programs. Without a package index to reach, a laptop's run skips, and CI's fails."""
    _uv("build", "--wheel", "--quiet", "--out-dir", str(place), str(ROOT))
    (wheel,) = place.glob("*.whl")
    wanted, python = place / "requirements.txt", place / "environment/bin/python"
    _uv("export", "--quiet", "--frozen", "--no-dev", "--no-emit-project", "--project", str(ROOT), "-o", str(wanted))
    _uv("venv", "--quiet", "--python", sys.executable, str(python.parents[1]))
    _uv("pip", "install", "--quiet", "--python", str(python), "--require-hashes", "-r", str(wanted))
    _uv("pip", "install", "--quiet", "--python", str(python), "--no-deps", str(wheel))
    _uv("pip", "check", "--quiet", "--python", str(python))
    return python.parent


def environment(programs: Path, home: Path) -> dict[str, str]:
    """Environment variables of a user who has installed it, and nothing of this checkout."""
    path = f"{programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {"PATH": path, "HOME": str(home), "LANG": "C.UTF-8", "TMPDIR": str(home)}


def _uv(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", "uv", *arguments], capture_output=True, text=True)
    if done.returncode == 0:
        return
    said = f"uv {' '.join(arguments)}: {done.stderr}"
    if _NO_INDEX.search(done.stderr) and not os.environ.get("CI"):
        pytest.skip(f"the package index cannot be reached: {said}")
    pytest.fail(said)
