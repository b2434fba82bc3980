"""What figures suggest doing, each with the figures that are the reason (R24); nothing where they suggest nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pilotage.model.document import Section
from pilotage.model.quantity import about
from pilotage.report.dora import Dora
from pilotage.report.statistics import wilson
from pilotage.report.told import Period, Said, Told

_MOST_FAILURES = 0.05
_LONGEST_RECOVERY = 1800.0
"""Seconds; the target of retrospectives (R25)."""


@dataclass(frozen=True)
class Advice:
    what: str
    why: str

    def __str__(self) -> str:
        return f"{self.what}: {self.why}"


def advice_for(period: Period) -> tuple[Advice, ...]:
    """Of a period, the most important first."""
    return tuple(_advice(period))


def advice_section(found: Iterable[Advice]) -> Section:
    rows = tuple((one.what, one.why) for one in found)
    words = () if rows else ("No recommendations.",)
    headers = ("recommendation", "reason") if rows else ()
    return Section("recommendations", "Recommendations", words, headers, rows)


def of_failures(dora: Dora) -> Iterator[Advice]:
    """From the share of deployments that failed, though they may be too few for certainty: the reason says so."""
    figure = dora.figure("change-fail-rate")
    failed = len(figure.counted)
    if not failed or failed / figure.n <= _MOST_FAILURES:
        return
    low, high = wilson(failed, figure.n)
    certain = "" if low > _MOST_FAILURES else "; too few for certainty"
    yield Advice(
        "make smaller changes, and start with a weight of 1 %",
        f"{failed} of {figure.n} deployments failed ({failed / figure.n:.0%}, 95 % interval {low:.0%}–{high:.0%}"
        f"{certain}); the target is at most {_MOST_FAILURES:.0%}",
    )  # fmt: skip


def of_waivers(told: Sequence[Told]) -> Iterator[Advice]:
    """From readiness items that are waived again and again."""
    waived = Counter(words.partition(" ")[0] for one in told for words in one.waived)
    for item, count in waived.items():
        if count > 1:
            yield Advice(f"decide whether you need {item}", f"it was waived {count} times")


def of_reports(said: Sequence[Said]) -> Iterator[Advice]:
    """From problems that users found before any metric did."""
    found = [one.shown for one in said if one.confirmed]
    if found:
        count = sum(one.confirmed for one in said)
        what, were = ("problem", "was") if count == 1 else ("problems", "were")
        yield Advice(
            "add a probe, a check or a signal for what users reported",
            f"{count} {what} of {', '.join(found)} that users reported {were} confirmed, and no metric had shown it",
        )


def _advice(period: Period) -> Iterator[Advice]:
    dora = period.dora
    yield from of_failures(dora)
    recovery = dora.figure("failed-deployment-recovery-time")
    if recovery.value is not None and recovery.value > _LONGEST_RECOVERY:
        yield Advice(
            "practise with `pilotage drill rollback`",
            f"recovery takes {about(recovery.value)}, and more than 30 min is too long",
        )
    causes = Counter(one.reason.partition(":")[0] for one in period.told if one.status == "rolled-back" and one.reason)
    for cause, count in causes.items():
        if count > 1:
            yield Advice("look for a common cause", f"{count} releases were rolled back because of {cause}")
    first = {one.id for one in dora.deployments if not one.old}
    done = [one for one in period.told if one.status == "completed" and one.id not in first]
    if done and not any(one.compared for one in done):
        yield Advice("check the metrics source", "no release was compared with its predecessor")
    yield from of_reports(period.said)
    yield from of_waivers(period.told)
    hotfixes = dora.figure("deployment-rework-rate")
    if hotfixes.value and len(hotfixes.counted) > 1:
        yield Advice("find out which test would have caught their causes", f"{len(hotfixes.counted)} were hotfixes")
