"""R17, R24: later commits that name what they undo or repair."""

from __future__ import annotations

import pytest

from pilotage.model.commit import Commit
from pilotage.report.named_repairs import named_repairs

TAX, PRICE, OTHER = "a" * 40, "b" * 40, "c" * 40
OWNERS = {TAX: "2.0", PRICE: "2.0", OTHER: "2.1"}
OWN = (
    Commit(TAX, (), "ada", "ada@example.org", 1.0, "feat: tax (#12)"),
    Commit(PRICE, (), "ada", "ada@example.org", 2.0, "feat: a price"),
    Commit(OTHER, (), "ada", "ada@example.org", 3.0, "docs: a word"),
)


@pytest.mark.parametrize(
    ("message", "releases"),
    [
        (f'Revert "feat: tax"\n\nThis reverts commit {TAX}.', ["2.0"]),
        (f"Back out tax\n\nThis reverts commit {TAX[:12]}.", ["2.0"]),
        ('Revert "feat: tax (#12)" (#15)', ["2.0"]),
        ("revert: feat: a price", ["2.0"]),
        (f"net: count once\n\nFixes: {PRICE[:12]} (feat: a price)", ["2.0"]),
        (f'Reapply "feat: tax"\n\nThis reverts commit {TAX}.', []),
        ('Revert "feat: something older"', []),
        ("feat: taxes", []),
        (f"docs: why {TAX} was right", []),
    ],
)
def test_a_commit_that_names_a_release_counts(message: str, releases: list[str]) -> None:
    later = Commit("d" * 40, (), "bob", "bob@example.org", 9.0, message)
    assert list(named_repairs([later, *OWN], OWNERS)) == releases


def test_a_subject_that_two_releases_have_names_neither() -> None:
    again = Commit(OTHER, (), "ada", "ada@example.org", 3.0, "feat: a price")
    later = Commit("d" * 40, (), "bob", "bob@example.org", 9.0, 'Revert "feat: a price"')
    assert named_repairs([later, *OWN[:2], again], OWNERS) == {}


def test_what_a_release_reverts_of_itself_reached_nobody() -> None:
    own = Commit(OTHER, (), "ada", "ada@example.org", 3.0, f'Revert "feat: tax"\n\nThis reverts commit {TAX}.')
    assert named_repairs([own, *OWN[:2]], {**OWNERS, OTHER: "2.0"}) == {}
