"""Which commits may still enter a release after its feature freeze (R9): by their type, as Conventional Commits say."""

from __future__ import annotations

import re
from collections.abc import Collection

from pilotage.model.commit import Commit
from pilotage.report.headers import CONVENTIONAL, has_bang
from pilotage.report.reverts import revert_of

_SAME = {"bugfix": "fix", "hotfix": "fix", "doc": "docs", "tests": "test", "feature": "feat"}
"""Other words for the usual types."""
_PART_OF = re.compile(r"^(?:(?:fixup|squash|amend)! )+")
_BREAKING = re.compile(r"^BREAKING[ -]CHANGE: ", re.MULTILINE)
_EMERGENCY = re.compile(r"^Emergency: {0,9}(\S.{0,300})$", re.IGNORECASE | re.MULTILINE)


def kind_of(commit: Commit) -> str:
    """The type of a commit, such as feat; empty where it names none."""
    subject = _PART_OF.sub("", commit.subject)
    if revert_of(subject, commit.body):
        return "revert"
    found = CONVENTIONAL.match(subject)
    word = found["type"].lower() if found else ""
    return _SAME.get(word, word)


def emergency_of(commit: Commit) -> str:
    """Why a commit may enter all the same: the trailer `Emergency: REASON`; empty without one."""
    found = _EMERGENCY.search(commit.body)
    return found[1].strip() if found else ""


def why_not(commit: Commit, allowed: Collection[str]) -> str:
    """Why the freeze keeps a commit out; empty where it may enter."""
    kind = kind_of(commit)
    if not kind:
        return f"has no type; allowed are {', '.join(allowed)}"
    if kind not in {_SAME.get(word, word) for word in allowed}:
        return f"is of type {kind}; allowed are {', '.join(allowed)}"
    if has_bang(_PART_OF.sub("", commit.subject)) or _BREAKING.search(commit.body):
        return "is a breaking change"
    return ""
