"""What may enter a release after its feature freeze (R9)."""

from __future__ import annotations

import pytest

from pilotage.model.commit import Commit
from pilotage.report.frozen import emergency_of, why_not

ALLOWED = ("fix", "docs", "test", "revert")


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("fix: a", ""),
        ("bugfix(api): a", ""),
        ("fixup! fix: a", ""),
        ("docs: a", ""),
        ("tests: a", ""),
        ('Revert "feat: a"\n\nThis reverts commit 1234567890123456789012345678901234567890.', ""),
        ("feat: a", "is of type feat; allowed are fix, docs, test, revert"),
        ("fixup! feat: a", "is of type feat"),
        ("chore: a", "is of type chore"),
        ("Add gift cards", "has no type"),
        ("fix!: a", "is a breaking change"),
        ("fix: a\n\nBREAKING CHANGE: b", "is a breaking change"),
    ],
)
def test_r9_a_commit_enters_by_its_type(message: str, words: str) -> None:
    why = why_not(commit(message), ALLOWED)
    assert why.startswith(words)
    assert bool(why) is bool(words)


def test_an_emergency_gives_its_reason_in_a_line_of_its_own() -> None:
    assert emergency_of(commit("feat: a\n\nEmergency: charged twice")) == "charged twice"
    assert emergency_of(commit("feat: a\n\nEmergency:")) == ""
    assert emergency_of(commit("feat: Emergency: a")) == ""


def commit(message: str) -> Commit:
    return Commit("a" * 40, ("b" * 40,), "Ada", "ada@x", 0.0, message)
