"""The documentation is true: its examples run, its tables are the code's, its links lead somewhere."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from pilotage.cli.main import _COMMANDS
from pilotage.config.loading import load
from pilotage.engine.plans import Wish, plan_for
from pilotage.model.answers import RiskTolerance
from pilotage.plan.numbers import ROWS
from pilotage.plan.values import show_value

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)


def rows(page: str) -> list[list[str]]:
    lines = [line for line in (ROOT / page).read_text().splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_the_configuration_example_is_valid_and_makes_a_plan(tmp_path: Path) -> None:
    (example,) = blocks("docs/configuration.md", "yaml")
    (tmp_path / "pilotage.yaml").write_text(example)
    plan = plan_for(load(tmp_path / "pilotage.yaml"), "production", Wish("2.4.0"))
    assert plan.setting("canary.phase_duration").value == 1800


def test_the_table_of_numbers_is_the_codes() -> None:
    documented = rows("docs/configuration.md")
    assert [row[0].strip("|` ") for row in documented] == [row.path for row in ROWS]
    for row, cells in zip(ROWS, (row[1:] for row in documented), strict=True):
        shown = [
            show_value(row.unit, row.value(tolerance))
            for tolerance in (RiskTolerance.LOW, RiskTolerance.MEDIUM, RiskTolerance.HIGH, RiskTolerance.ZERO_DOWNTIME)
        ]
        assert [cells[0] if cell == "same" else cell for cell in cells[:4]] == shown, row.path
        assert cells[4].rstrip(" |") == row.source


def test_the_table_of_commands_is_the_codes() -> None:
    documented = [row[0].strip("|` ") for row in rows("docs/cli.md")]
    assert documented == list(_COMMANDS)


def test_every_dependency_has_its_line() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = sorted(re.split(r"[><=;\[ ]", line)[0] for line in wanted)
    assert sorted(row[0].strip("|` ") for row in rows("docs/dependencies.md")) == names


def test_the_library_examples_run() -> None:
    for example in blocks("docs/library.md", "python"):
        exec(compile(example, "docs/library.md", "exec"), {})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
        assert target.startswith("http") or (page.parent / target).exists(), target
