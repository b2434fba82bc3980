"""Programs that some tests run for real."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest


def needs(program: str) -> str:
    """The path of the program, or of the file that is named whole. Without it a laptop's run skips; CI, which installs
    it, fails."""
    found = (
        program
        if Path("/", program).is_file()
        else shutil.which(program, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
    )
    if found is None and os.environ.get("CI"):
        pytest.fail(f"{program} is not installed: dev.py installs it")
    if found is None:
        pytest.skip(f"{program} is not installed")
    return found
