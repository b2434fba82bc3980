"""Changes that come back after they were reverted: whatever was wrong with them may be wrong still."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pilotage.model.change import Change
from pilotage.model.risk import Finding, RiskFactor, RiskLevel

_WRAPPED = re.compile(r'(Revert|Reapply|Reland) "(.*)"')
"""As git writes the subject of a revert, and since git 2.43 that of the revert of a revert."""

_LONGEST, _DEEPEST = 300, 20
_CURE = "make sure that its fault is mended: read why it was reverted, and test for that"


def findings_of(changes: Iterable[Change]) -> list[Finding]:
    """One for each change that is back at the end. changes: oldest first."""
    found: dict[str, Finding] = {}
    for change in changes:
        title, times = _unwrapped(change.subject[:_LONGEST])
        if times and times % 2 == 0:
            words = f'brings back "{title}", which was reverted before'
            found[title] = Finding(RiskFactor.COMPLEXITY, RiskLevel.MEDIUM, words, change.commit[:10], _CURE)
        elif times:
            found.pop(title, None)
    return list(found.values())


def _unwrapped(subject: str) -> tuple[str, int]:
    """The title of the change that is meant, and how often it was taken back or brought back: even for back."""
    times = 0
    while times < _DEEPEST and (wrapped := _WRAPPED.fullmatch(subject)):
        times += 1 if wrapped[1] == "Revert" else 2
        subject = wrapped[2]
    return subject, times
