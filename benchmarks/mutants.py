"""Mutants of the planner, and which of them the tests kill: `python benchmarks/mutants.py` (an hour on one core).

mutmut changes the copy that its own tests import, so that must not be the installed one: the work is done in a clone,
with an environment that has everything of this one but Pilotage itself. Left out are the tests that start other
processes, the one digest over all plans (any change at all would be killed by it, which says nothing), and the random
properties.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
import venv
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
LEFT_OUT = (
    "test_r2_another_process_makes_the_same_bytes",
    "test_r2_all_plans_have_the_digest_that_every_python_version_finds",
)
SETTINGS = """
[tool.mutmut]
source_paths = ["src/pilotage/plan/"]
pytest_add_cli_args_test_selection = ["tests/unit/plan/"]
pytest_add_cli_args = ["-p", "no:cacheprovider", "-p", "no:xdist"]
also_copy = ["src/pilotage", "tests", "docs", "README.md"]
"""
# A cached value outlives the mutant that made it.
FRESH = """
import pytest
from pilotage.plan import numbers, readiness


@pytest.fixture(autouse=True)
def fresh():
    for module in (numbers, readiness):
        for thing in vars(module).values():
            if hasattr(thing, "cache_clear"):
                thing.cache_clear()
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--children", type=int, default=os.cpu_count(), help="mutants at a time")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        clone, environment = Path(directory) / "clone", Path(directory) / "environment"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
        _prepare(clone)
        venv.create(environment, with_pip=False)
        packages = next(environment.glob("lib/python*/site-packages"))
        (packages / "everything-else.pth").write_text(sysconfig.get_path("purelib") + "\n")
        python = str(environment / "bin" / "python")
        subprocess.run([python, "-m", "mutmut", "run", "--max-children", str(given.children)], cwd=clone, check=False)
        listed = subprocess.run(
            [python, "-m", "mutmut", "results", "--all", "true"], cwd=clone, capture_output=True, text=True, check=True
        )
    report(listed.stdout)


def _prepare(clone: Path) -> None:
    tests = clone / "tests/unit/plan"
    (tests / "test_properties.py").unlink()
    (tests / "conftest.py").write_text(FRESH)
    for file in tests.glob("test_*.py"):
        file.write_text(_without(file.read_text()))
    with (clone / "pyproject.toml").open("a") as settings:
        settings.write(SETTINGS)


def _without(source: str) -> str:
    """The source without the tests that are left out, decorators included."""
    lines = source.splitlines(keepends=True)
    for node in reversed(ast.parse(source).body):
        if isinstance(node, ast.FunctionDef) and node.name in LEFT_OUT:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            del lines[first - 1 : node.end_lineno]
    return "".join(lines)


def report(listed: str) -> None:
    """Totals, and the survivors by function."""
    found = re.findall(r"pilotage\.plan\.(\w+)\.x[_ǁ](\w+?)__mutmut_\d+: ([\w ]+)", listed)
    outcomes = Counter(outcome for *_, outcome in found)
    judged = sum(count for outcome, count in outcomes.items() if outcome != "not checked")
    killed = outcomes["killed"] + outcomes["timeout"]
    print(f"{judged} mutants: {killed} killed ({killed / max(judged, 1):.1%}), {outcomes['survived']} survived")
    print(", ".join(f"{outcome}: {count}" for outcome, count in outcomes.most_common()))
    survivors = Counter(f"{module}.{function}" for module, function, outcome in found if outcome == "survived")
    for place, count in survivors.most_common():
        print(f"  {count:4} {place}")


if __name__ == "__main__":
    sys.exit(main())
