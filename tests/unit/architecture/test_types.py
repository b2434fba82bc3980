"""Types say what crosses a layer: `Any` is counted, and the number only falls (the house's own rule)."""

from __future__ import annotations

import re
import tokenize
import tomllib
from pathlib import Path
from typing import get_type_hints

import pytest

from pilotage.model.json import (
    WrongJson,
    each,
    entries,
    find,
    number_at,
    object_at,
    optional,
    pair_at,
    read_as,
    text_at,
    truth_at,
    whole_at,
)
from pilotage.model.rollout import Changes, RolloutState

ROOT = Path(__file__).parents[3]
MOST = 21
"""Lines of code in `src` that name it. Lower it when you can; left are signatures of frameworks and a migration."""


def lines_with(pattern: str, *folders: str) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for folder in folders or ("src",)
        for path in sorted((ROOT / folder).rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(pattern, line)
    ]


def test_any_is_rare_and_becomes_rarer() -> None:
    found = set[tuple[str, int]]()
    for path in (ROOT / "src").rglob("*.py"):
        if b"Any" not in path.read_bytes():
            continue
        with path.open("rb") as source:
            names = [part for part in tokenize.tokenize(source.readline) if part.type == tokenize.NAME]
        found |= {(str(path.relative_to(ROOT)), part.start[0]) for part in names if part.string == "Any"}
    assert len(found) <= MOST, sorted(found)


def test_no_dictionary_of_anything_crosses_a_layer() -> None:
    assert not [line for line in lines_with(r"dict\[(str|Any), Any\]") if "/migrations/" not in line]


def test_no_file_or_folder_is_exempt_from_a_rule_of_the_linter() -> None:
    """Only `dev.py` is, which also starts on a Python that is too old, to say so. Nor does a file exempt itself."""
    ruff = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]
    assert ruff["lint"]["per-file-ignores"] == {"dev.py": ["UP036"]}
    assert not {"exclude", "extend-exclude"} & (ruff.keys() | ruff["lint"].keys())
    assert not list(ROOT.glob("*ruff.toml"))
    assert lines_with(r"#\s*(ruff|flake8):\s*noqa", "src", "tests", "docs", "examples", "benchmarks") == []


def test_what_may_change_of_a_state_are_its_fields() -> None:
    assert get_type_hints(Changes) == get_type_hints(RolloutState)


# ── JSON that is read ──────────────────────────────────────────────────────────────────────────────────────

DOCUMENT = {"name": "shop", "on": True, "parts": [{"n": 1}, {"n": 2.5}], "pair": [1, 2], "none": None}


def test_a_document_is_read_where_it_goes_and_as_it_is() -> None:
    assert (text_at(DOCUMENT, "name"), truth_at(DOCUMENT, "on")) == ("shop", True)
    assert [number_at(part, "n") for part in each(object_at, DOCUMENT, "parts")] == [1, 2.5]
    assert type(number_at(DOCUMENT, "parts", 0, "n")) is int, "written back, a whole number stays one"
    assert pair_at(DOCUMENT, "pair") == (1, 2)
    assert entries(whole_at, {"a": 1}) == {"a": 1}
    assert read_as(dict[str, int], DOCUMENT, "parts", 0) == {"n": 1}
    assert (find(DOCUMENT, "no", "such", 1), optional(text_at, DOCUMENT, "none")) == (None, None)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: whole_at(DOCUMENT, "parts", 1, "n"), "parts.1.n is 2.5, not a whole number"),
        (lambda: number_at(DOCUMENT, "on"), "on is True, not a number"),
        (lambda: text_at(DOCUMENT, "parts", 7), "'parts.7' is missing"),
        (lambda: object_at([]), r"the document is \[\], not an object"),
        (lambda: each(text_at, DOCUMENT, "name"), "name is 'shop', not a list"),
        (lambda: pair_at(DOCUMENT, "parts", 0, "n"), "parts.0.n is 1, not a list"),
        (lambda: read_as(dict[str, str], DOCUMENT, "parts", 0), "parts.0: Expected `str`"),
    ],
)
def test_what_is_not_as_it_should_be_is_an_error_with_its_place(wrong: object, words: str) -> None:
    assert callable(wrong)
    with pytest.raises(WrongJson, match=words):
        wrong()
