"""docs/server.md: its configurations are valid, its options exist, and what it says of the shell is so (R34)."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from pilotage.cli.main import cli
from pilotage.cli.remote_commands import REMOTE, Here
from pilotage.config.hooks import HookSection
from pilotage.config.loading import load
from tests.web.site import CONFIG

PAGE = (Path(__file__).parents[2] / "docs/server.md").read_text()


def blocks() -> list[str]:
    found = re.findall(r"( *)```yaml\n(.*?)```", PAGE, re.DOTALL)
    return ["".join(line[len(indent) :] for line in text.splitlines(keepends=True)) for indent, text in found]


@pytest.mark.parametrize("text", blocks(), ids=lambda text: text.split()[1])
def test_r34_its_configurations_are_valid(text: str, tmp_path: Path) -> None:
    one = CONFIG.replace("  search:", "  other:")
    (tmp_path / "pilotage.yaml").write_text(one + text.replace("environment: production", "service: shop"))
    load(tmp_path / "pilotage.yaml")


def test_r34_its_options_are_those_of_serve() -> None:
    serve = cli.get_command(click.Context(cli), "serve")
    assert serve is not None
    known = {name for option in serve.params for name in (*option.opts, *option.secondary_opts)}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGE)) <= known | {"--serve"}


def test_r34_it_names_what_stays_here_and_every_kind_of_hook() -> None:
    here = re.findall(r"`(\w+)`", PAGE.partition("Some commands stay here:")[2].partition("\n\n")[0])
    assert here
    for name in here:
        mine = [needs for command, needs in REMOTE.items() if command.split()[0] == name]
        assert mine, name
        assert all(isinstance(needs, Here) for needs in mine), name
    kinds = re.findall(r"^\| `(\w+)` \|", PAGE.partition("proves itself by")[2], re.MULTILINE)
    assert set(kinds) == set(HookSection.model_fields["kind"].annotation.__args__)  # type: ignore[union-attr]
