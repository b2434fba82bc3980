"""docs/way.md: its service goes the way that the page shows, typed as it is written (R33)."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from pilotage.adapters.free_port import free_port
from pilotage.config.loading import load
from tests.typed import typed

pytestmark = pytest.mark.real
PAGE = (Path(__file__).parents[2] / "docs/way.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    configuration = blocks("yaml")[0].replace("baked: 10s", "baked: 1s")
    for port in ("8080", "8081"):
        configuration = configuration.replace(f"127.0.0.1:{port}", f"127.0.0.1:{free_port()}")
    (tmp_path / "pilotage.yaml").write_text(configuration)
    for text in blocks("python"):
        place = tmp_path / text.splitlines()[0].removeprefix("# ")
        place.parent.mkdir(exist_ok=True)
        place.write_text(text)
    yield tmp_path
    assert typed("down", "--yes", cwd=tmp_path).returncode == 0


def pilotage(folder: Path, line: str) -> str:
    """One line of the page; whoever it names types it."""
    words = line.partition("#")[0].split()
    actor = words.pop(0).partition("=")[2] if words[0].startswith("PILOTAGE_ACTOR=") else "ada"
    done = typed(*words[1:], cwd=folder, actor=actor)
    assert done.returncode == 0, (line, done)
    return done.stdout


def waits(folder: Path, wanted: str, deadline: float = 120.0) -> None:
    """Until the way waits for something, or is over."""
    until = time.monotonic() + deadline
    while True:
        shown = json.loads(pilotage(folder, "pilotage way 1.0.0 --json"))
        if wanted in (shown["way"]["status"], *(stage["waits_for"] for stage in shown["stages"])):
            return
        assert shown["way"]["ended"] is None, shown
        assert time.monotonic() < until, shown
        time.sleep(0.2)


@pytest.mark.long
def test_r33_the_page_works_as_it_stands(folder: Path) -> None:
    first, second = blocks("sh")[:2]
    git, start, show = first.strip().splitlines()
    identity = ["env", "GIT_AUTHOR_NAME=ada", "GIT_AUTHOR_EMAIL=ada@example.org"]
    identity += ["GIT_COMMITTER_NAME=ada", "GIT_COMMITTER_EMAIL=ada@example.org"]
    subprocess.run([*identity, "sh", "-c", git], cwd=folder, check=True, capture_output=True)
    pilotage(folder, start)
    waits(folder, "approval")
    assert "pilotage way approve 1.0.0" in pilotage(folder, show)
    approve, ways, trace = second.strip().splitlines()
    pilotage(folder, approve)
    waits(folder, "completed")
    grid = pilotage(folder, ways)
    assert re.search(r"^staging +1\.0\.0 *$", grid, re.MULTILINE), grid
    assert re.search(r"^production +1\.0\.0 *$", grid, re.MULTILINE), grid
    told = pilotage(folder, trace)
    assert "Staging and production had the artifact that the way built once, by digest" in told
    assert "ada, from staging" in told


def test_the_other_examples_are_valid(tmp_path: Path) -> None:
    whole = yaml.safe_load(blocks("yaml")[0])
    places = ("eu-west", "eu-north", "us-east", "us-west")
    for name in places:
        whole["environments"][name] = whole["environments"]["production"]
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/builder.pem").write_text("")
    for example in blocks("yml"):
        stages = yaml.safe_load(example)
        (tmp_path / "pilotage.yaml").write_text(json.dumps({**whole, "way": {"stages": stages}}))
        way = load(tmp_path / "pilotage.yaml").configuration.way
        assert way is not None
        assert [stage.name for stage in way.stages] == [stages[0]["name"]]
