"""What it means when users report problems: more than usual hold a release until a person decides (R12, R13).

A usual rate is a past, not a control: a newsletter or a busy day makes people write, too. And a form on the internet
can be filled in by anyone. So the number of reports alone never takes a release from its users. Reports whose senders
are known, and that name the new version, may (`complaints.withdraw`).
"""

from __future__ import annotations

import math

from pilotage.judge.poisson import above
from pilotage.model.observation import Remedy, Verdict, VerdictKind
from pilotage.model.plan import Plan
from pilotage.model.quantity import format_duration
from pilotage.model.report import Reported
from pilotage.model.wording import counted

METRIC = "complaints"
DAY = 86400.0
LEAST_USUAL = 1.0
"""Reports a day that are usual where nobody has said or seen more."""


class ComplaintBook:
    """How many people report problems with a version, and how many would without it."""

    def __init__(self, plan: Plan) -> None:
        self._version = plan.version
        self._usual = plan.number("complaints.usual_per_day") or 0.0
        self._ratio = plan.number("complaints.max_ratio")
        self._least = plan.number("complaints.min_reports")
        self._withdraws = bool(plan.setting("complaints.withdraw").value)
        self._bar = -math.log(plan.number("analysis.false_positive_rate"))
        self._found = Reported()

    @property
    def learns(self) -> bool:
        """Whether the usual rate has to be learned, because the plan names none."""
        return not self._usual

    def learn(self, per_day: float) -> None:
        self._usual = max(per_day, LEAST_USUAL)

    def record(self, found: Reported) -> None:
        self._found = found

    def verdicts(self, seconds: float) -> tuple[Verdict, ...]:
        """One verdict; none while nobody reports anything. seconds: for which users have had the version."""
        found = self._found
        several = found.named + found.unnamed
        if not several:
            return ()
        tolerated = self._ratio * (self._usual or LEAST_USUAL) * max(seconds, 0.0) / DAY
        since = format_duration(max(1, round(seconds)))
        if self._withdraws and self._too_many(found.trusted, tolerated):
            return (self._verdict(VerdictKind.FAIL, found.trusted, tolerated, f"with {self._version} in {since}"),)
        if self._too_many(several, tolerated):
            return (self._verdict(VerdictKind.FAIL, several, tolerated, f"in {since}", Remedy.DECIDE),)
        return (self._verdict(VerdictKind.PASS, several, tolerated, f"in {since}"),)

    def _too_many(self, reports: int, tolerated: float) -> bool:
        return reports >= self._least and above(reports, tolerated) >= self._bar

    def _verdict(
        self, kind: VerdictKind, reports: int, tolerated: float, where: str, asks: Remedy | None = None
    ) -> Verdict:
        """where: and when."""
        people = f"{counted(reports, 'user')} reported a problem"
        usual = self._usual or LEAST_USUAL
        words = f"{people} {where}; {usual:.3g} a day {'is' if usual == 1 else 'are'} usual"
        failed = kind is VerdictKind.FAIL
        return Verdict(
            METRIC, kind, words, evidence=above(reports, tolerated) if failed else 0.0, samples=reports,
            canary=str(reports), since=self._found.first if failed and asks is None else None, asks=asks,
        )  # fmt: skip
