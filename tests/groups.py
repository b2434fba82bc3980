"""Which tests one process runs one after the other: those whose file says `xdist_group("…")`.

pytest-xdist 3.8 marks a group in a test's id, which pytest 9.2 no longer lets it change: each test went wherever there
was room, and servers that tests share were started once in every process.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).parents[1]
_LONGEST = (
    "tests/unit/rollout/test_canary_model.py",
    "tests/e2e/test_split.py",
    "tests/e2e/test_launchdarkly.py",
    "tests/e2e/test_readiness.py",
    "tests/e2e/test_kill.py",
    "tests/unit/rollout/test_strategies_model.py",
    "tests/contract/test_examples.py",
    "tests/e2e",
    "tests/chaos",
    "tests/live",
    "tests/contract",
    "tests/web",
    "tests/stores",
)
"""Files and folders whose tests take longest, the longest first. Whatever of them began last would run alone."""
_SHORT = ("tests/cases/", "tests/stores/", "tests/unit/", "tests/web/")
"""Folders in which most tests take some milliseconds: asking for the next one would take as long. A process gets their
tests file by file."""


def longest_first(items: list[pytest.Item]) -> None:
    """Put groups first, then the tests that take longest; each part keeps its order."""
    rank = {ROOT / place: number for number, place in enumerate(_LONGEST)}

    def place_of(item: pytest.Item) -> tuple[bool, int]:
        longest = min(rank.get(place, len(rank)) for place in (item.path, *item.path.parents))
        return not _group_of(item.path), longest

    items.sort(key=place_of)


class Groups(LoadScopeScheduling):  # type: ignore[misc]
    """Groups, files of short tests, and every other test by itself; in the order of the tests."""

    def __init__(self, config: pytest.Config, log: object = None) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        whole = file if file.startswith(_SHORT) and file not in _LONGEST else nodeid
        return _group_of(self.config.rootpath / file) or whole


@cache
def _group_of(file: Path) -> str:
    found = re.search(r'xdist_group\("(\w+)"\)', file.read_text(encoding="utf-8"))
    return found[1] if found else ""
