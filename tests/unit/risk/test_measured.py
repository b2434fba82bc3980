"""R17: what a change touches, and what the year before it tells."""

from __future__ import annotations

import math

import pytest

from pilotage.model.change import FilePatch
from pilotage.risk.features import FEATURES, History, features_of
from pilotage.risk.measured import touches_source

from .dated_changes import added, change


@pytest.mark.parametrize(
    ("path", "lines", "source"),
    [
        ("src/a.py", 1, True),
        ("src/a.py", 0, False),  # moved as it is
        ("README.md", 40, False),
        (".github/workflows/ci.yml", 3, False),
        ("tests/test_a.py", 90, False),
        ("uv.lock", 900, False),
    ],
)
def test_which_changes_touch_source(path: str, lines: int, source: bool) -> None:
    assert touches_source(change(1, "Change", added(path, lines, at=2))) is source


def test_repairs_fade() -> None:
    """A month takes away all but 1/e of what a file needed lately."""
    history = History()
    for day, path in ((1, "src/a.py"), (1, "src/b.py"), (2, "src/a.py")):
        history.follow(change(day, "Fix a crash", added(path, 3, at=2)))

    def recent(days: float, path: str = "src/a.py") -> float:
        found = features_of(change(9, "Add", added(path, 3, at=2), days=days), history, {})
        return math.expm1(found[FEATURES.index("recent_repairs")])

    assert recent(2) == pytest.approx(2, rel=0.05)
    assert recent(2 + 365.25 / 12) == pytest.approx(recent(2) / math.e, rel=0.01)
    assert recent(2, "src/new.py") == 0


def test_what_is_forgotten_is_forgotten_of_the_file_that_had_the_name() -> None:
    """b.py was repaired often; another file takes its name. A year later nothing is left, and no less than that."""
    history = History()
    for day in range(1, 9):
        history.follow(change(day, "Fix a crash", added("src/b.py", 3, at=2)))
    history.follow(change(10, "Add", added("src/a.py", 3)))
    history.follow(change(11, "Move", FilePatch("src/b.py", "src/a.py", 1, 0)))
    found = features_of(change(12, "Add", added("src/b.py", 3, at=2), days=371), history, {})
    assert found[FEATURES.index("repairs")] >= 0
    history.follow(change(13, "Add", added("src/c.py", 3), days=372))
    found = features_of(change(14, "Add", added("src/b.py", 3, at=2), days=373), history, {})
    assert found[FEATURES.index("repairs")] == 0
    assert math.expm1(found[FEATURES.index("changes")]) == pytest.approx(2)
