"""Help is whole, in groups, and says what people meant; what it prints fits every stream."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from pilotage.cli.main import cli
from tests.typed import typed


def _groups(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Group]]:
    context = click.Context(group)
    yield path, group
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        if isinstance(found, click.Group):
            yield from _groups(found, (*path, name))


@pytest.mark.parametrize("path", [path for path, _ in _groups(cli)], ids=" ".join)
def test_each_command_stands_whole_in_the_list_of_its_group(path: tuple[str, ...]) -> None:
    said = typed(*path, "--help").stdout
    assert [line for line in said.splitlines() if line.endswith("...") and "Usage:" not in line] == []
    assert [line for line in said.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize(("word", "option"), [("help", "--help"), ("version", "--version")])
def test_a_word_that_people_try_for_an_option_names_the_option(word: str, option: str) -> None:
    said = typed(word)
    assert (said.returncode, f"run `pilotage {option}`" in said.stderr) == (2, True)


@pytest.mark.parametrize(
    ("encoding", "form"), [("ascii", "terminal"), ("cp1252", "terminal"), ("latin-1", "json"), ("utf-8", "html")]
)
def test_a_stream_without_our_characters_gets_others(encoding: str, form: str, tmp_path: Path) -> None:
    """Also on a terminal, where Rich writes."""
    typed("init", "--service", "shop", cwd=tmp_path)
    command = [sys.executable, "-m", "pilotage.cli.main", "plan", "1.0", "--format", form]
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "FORCE_COLOR": "1"}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    said = done.stdout.decode("utf-8" if encoding == "ascii" else encoding)  # click takes ascii for a mistake
    assert json.loads(said)["service"] == "shop" if form == "json" else said
