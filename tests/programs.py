"""Programs that some tests run for real."""

from __future__ import annotations

import os
import shutil

import pytest


def needs(program: str) -> str:
    """The program's path. Without it a laptop's run skips; CI, which installs it, fails."""
    found = shutil.which(program)
    if found is None and os.environ.get("CI"):
        pytest.fail(f"{program} is not installed: dev.py installs it")
    if found is None:
        pytest.skip(f"{program} is not installed")
    return found
