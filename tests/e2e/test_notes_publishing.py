"""R23: the worker publishes notes of a version that all users have, and none of one that was undone."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest

from .conftest import Make, Shop, users

pytestmark = pytest.mark.real


def commit(folder: Path, message: str, tag: str) -> None:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@x")
    for command in (("commit", "-q", "--allow-empty", "-m", message), ("tag", tag)):
        subprocess.run(["git", *who, *command], cwd=folder, check=True)


def wait_for(path: Path) -> str:
    until = time.monotonic() + 30
    while time.monotonic() < until and not path.exists():
        time.sleep(0.1)
    return path.read_text()


@pytest.mark.long
def test_r23_notes_are_published_of_what_users_have_and_of_nothing_else(shop: Make) -> None:
    it: Shop = shop()
    subprocess.run(["git", "init", "-q"], cwd=it.directory, check=True)
    for message, tag in (("feat: start", "v0"), ("feat: gift cards", "v1"), ("feat: broken", "v2")):
        commit(it.directory, message, tag)
    path = it.directory / "pilotage.yaml"
    publish = {"environment": "production", "folder": "docs/releases", "page": "public"}
    path.write_text(json.dumps({**json.loads(path.read_text()), "notes": {"publish": publish}}))
    it.run("deploy", it.release("v0"))
    with users(it):
        it.run("deploy", it.release("v1"))
        assert "Gift cards" in wait_for(it.directory / "docs/releases/v1.md")
        assert "Gift cards" in wait_for(it.directory / "public/v1.html")
        it.run("deploy", it.release("v2", "errors"), expect=4)
    time.sleep(6)  # longer than the pause between two looks of the worker
    assert not (it.directory / "docs/releases/v2.md").exists()
    assert "v1" in (it.directory / "public/index.html").read_text()
    assert "docs/releases/v1.md" in it.run("notes", "--published")
