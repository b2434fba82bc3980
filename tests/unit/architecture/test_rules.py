"""Codes of rules stand in code and in one appendix, and in nothing that people read."""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT / "docs"))
import rules_page  # noqa: E402

from pilotage.plan.values import DEFAULT, origin  # noqa: E402

CODE = re.compile(r"\b[RC]\d{1,2}\b")
GOLDEN = ROOT / "tests" / "unit" / "plan" / "golden"


def sources() -> Iterator[Path]:
    yield from (ROOT / "src").rglob("*.py")


def test_the_appendix_has_every_rule_that_the_code_names_and_no_other() -> None:
    named = {code for path in sources() for code in CODE.findall(path.read_text(encoding="utf-8"))}
    assert named <= {*rules_page.REQUIREMENTS, *rules_page.CHOICES}
    assert {*rules_page.REQUIREMENTS, *rules_page.CHOICES} <= named


def test_no_sentence_of_the_program_holds_the_code_of_a_rule() -> None:
    found = [f"{path.name}:{line}: {text}" for path in sources() for line, text in sentences(path) if CODE.search(text)]
    assert found == []


def sentences(path: Path) -> Iterator[tuple[int, str]]:
    """The texts of a module; neither docstrings nor what is the `source` of a number."""
    if not CODE.search(content := path.read_text(encoding="utf-8")):
        return
    tree = ast.parse(content)
    left_out = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            left_out |= {id(part) for part in node.values}
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in left_out:
            text = node.value
        else:
            continue
        if re.search("[a-z]{3}", origin(text).removeprefix(DEFAULT).removeprefix("deployment_strategy: blue-green")):
            yield node.lineno, text


@pytest.mark.parametrize("path", sorted(GOLDEN.iterdir()), ids=lambda path: path.name)
def test_no_plan_shows_the_code_of_a_rule(path: Path) -> None:
    """Fields called `source` are for programs."""
    text = path.read_text(encoding="utf-8")
    shown = [text] if path.suffix != ".json" else list(texts(json.loads(text)))
    assert not [one for one in shown if CODE.search(one)]


def texts(value: Any, name: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from texts(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item, name)
    elif isinstance(value, str) and name != "source":
        yield value
