"""The canary's health as one number (R20): for a glance. Decisions are taken on verdicts, never on it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pilotage.model.observation import Verdict, VerdictKind

_UNKNOWN = 0.5
"""The score of a metric without any data: neither healthy nor harmful."""


@dataclass(frozen=True)
class HealthScore:
    """score: 0 (harmful) … 1 (healthy), the mean of the metrics · shares: each metric's score, by its name."""

    score: float
    shares: tuple[tuple[str, float], ...]

    @property
    def sentence(self) -> str:
        worst = min(self.shares, key=lambda share: share[1], default=("", 1.0))
        return f"health {self.score:.2f}" + (f", lowest {worst[0]} with {worst[1]:.2f}" if worst[1] < 1 else "")


def health_score(verdicts: Sequence[Verdict], alpha: float) -> HealthScore:
    """A metric that passed gives 1, one that failed 0, one whose source fails ½; one in doubt the part of the way that
    its evidence has not yet gone to 1/α. No verdicts at all are ½."""
    shares = tuple((verdict.metric, _share(verdict, math.log(1 / alpha))) for verdict in verdicts)
    return HealthScore(sum(share for _, share in shares) / len(shares) if shares else _UNKNOWN, shares)


def _share(verdict: Verdict, bar: float) -> float:
    match verdict.kind:
        case VerdictKind.PASS:
            return 1.0
        case VerdictKind.FAIL:
            return 0.0
        case VerdictKind.SOURCE_ERROR:
            return _UNKNOWN
        case VerdictKind.INSUFFICIENT_DATA if verdict.samples == 0:
            return _UNKNOWN
        case _:
            return 1 - min(1.0, max(0.0, verdict.evidence / bar))
