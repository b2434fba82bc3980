"""What ratings say of a version: whether users like it well enough to give it to more of them (R13).

Anyone can fill in a form, so ratings hold a release and never take it back.
"""

from __future__ import annotations

from pilotage.model.observation import Verdict, VerdictKind
from pilotage.model.plan import Plan
from pilotage.model.quantity import format_share
from pilotage.model.report import BEST, Rated
from pilotage.model.wording import counted

METRIC = "user_satisfaction"


class SatisfactionBook:
    """Ratings of the new version since users have it, and of the stable one."""

    def __init__(self, plan: Plan) -> None:
        self._enough = plan.number("success_criteria.user_satisfaction")
        self._least = plan.number("success_criteria.min_answers")
        self._tolerated = 1 - plan.number("rollback_triggers.conversion_loss")
        self._new = self._old = Rated()

    def record(self, new: Rated, old: Rated) -> None:
        self._new, self._old = new, old

    def verdicts(self) -> tuple[Verdict, ...]:
        new, old = self._new, self._old
        if new.count < self._least:
            words = f"{counted(new.count, 'answer')}, {self._least:g} are needed"
            return (Verdict(METRIC, VerdictKind.INSUFFICIENT_DATA, words, samples=new.count),)
        share, compared = new.mean / BEST, old.mean / BEST if old.count >= self._least else None
        before = "" if compared is None else f", stable {_shown(old)}"
        words = f"{_shown(new)} from {new.count} answers{before}"
        kind = VerdictKind.PASS
        # Where stable misses it too, not worse is enough (C2).
        like_stable = compared is not None and compared < self._enough and share >= self._tolerated * compared
        if share < self._enough and not like_stable:
            kind, words = VerdictKind.INCONCLUSIVE, f"{words}: below {format_share(self._enough)}"
        return (
            Verdict(
                METRIC, kind, words, ratio=share / compared if compared else None, samples=new.count,
                canary=f"{share:.4g}", stable="" if compared is None else f"{compared:.4g}",
            ),
        )  # fmt: skip


def _shown(rated: Rated) -> str:
    return f"{rated.mean:.2f} of {BEST} ({format_share(round(rated.mean / BEST, 3))})"
