"""What the library promises: these names, and no others."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import pilotage

ROOT = Path(__file__).parents[3]


def test_the_page_names_just_what_is_public() -> None:
    page = (
        (ROOT / "docs/reference/library.md").read_text().partition("Everything is typed")[0].partition("build on.")[2]
    )
    assert re.findall(r"`(\w+)`", page) == pilotage.__all__
    assert set(dir(pilotage)) == {*pilotage.__all__, "__version__"}
    assert all(getattr(pilotage, name) is not None for name in pilotage.__all__)


def test_the_version_stands_once() -> None:
    assert pilotage.__version__ == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_the_typing_example_runs() -> None:
    from tests.typing import api

    assert api.refused() in ("", "plan-refused")


@pytest.mark.long  # every run installs the wheel: `tests/e2e/test_installed.py`
def test_the_built_wheel_is_whole(tmp_path: Path) -> None:
    """Unpacked beside its dependencies, with nothing of this folder on the path, it sets a project up and plans."""
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(tmp_path / "wheel"), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, timeout=300)
    (wheel,) = (tmp_path / "wheel").glob("pilotage-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    for arguments in (["init"], ["validate"], ["plan", "1.0.0", "--format", "html", "-o", "plan.html"], ["docs"]):
        done = subprocess.run(
            [sys.executable, "-m", "pilotage.cli.main", *arguments],
            env={**os.environ, "PYTHONPATH": str(tmp_path / "site")}, cwd=tmp_path, capture_output=True, text=True,
            check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, (arguments, done.stderr)
    where = [sys.executable, "-c", "import pilotage; print(pilotage.__file__)"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    said = subprocess.run(where, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert said.startswith(str(tmp_path / "site"))
