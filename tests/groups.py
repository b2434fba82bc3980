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
)
"""Files and folders whose tests take longest, the longest first. Whatever of them began last would run alone."""


def longest_first(items: list[pytest.Item]) -> None:
    """Put the tests that take longest before the others; each part keeps its order."""
    rank = {ROOT / place: number for number, place in enumerate(_LONGEST)}
    items.sort(key=lambda item: min(rank.get(place, len(rank)) for place in (item.path, *item.path.parents)))


class Groups(LoadScopeScheduling):  # type: ignore[misc]
    """Groups first, the largest one before the others; then every other test by itself."""

    def _split_scope(self, nodeid: str) -> str:
        return _group_of(self.config.rootpath / nodeid.partition("::")[0]) or nodeid


@cache
def _group_of(file: Path) -> str:
    found = re.search(r'xdist_group\("(\w+)"\)', file.read_text(encoding="utf-8"))
    return found[1] if found else ""
