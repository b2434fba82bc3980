"""A period for those who decide: five sentences, and three charts whose counts add up (R24).

Every rollout of the period ended in exactly one way, so the first chart adds up to the first number of the first
sentence; the second and third add up to the deployments of the second sentence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from pilotage.model.document import Bar, Document, Figure, Section
from pilotage.model.quantity import about
from pilotage.model.wording import counted
from pilotage.report.advice import Advice
from pilotage.report.dora import Dora, End
from pilotage.report.dora import Figure as Measure
from pilotage.report.dora_section import key_figures
from pilotage.report.statistics import wilson
from pilotage.report.told import Business, Period

_WAYS = (
    (End.COMPLETED, "completed"), (End.ROLLED_BACK, "rolled back"), (End.FAILED, "need manual intervention"),
    (End.OPEN, "in progress"),
)  # fmt: skip
_OLD = 90 * 86400.0
"""Seconds from which a lead time needs an explanation."""
_MOST_BARS = 12


def executive_report(period: Period, title: str, advice: Sequence[Advice]) -> Document:
    """advice: what the figures suggest, the most important first."""
    charts = (_ends(period.dora), _failures(period.dora), _weeks(period.dora))
    shown = tuple(chart for chart in charts if chart.figure)
    return Document(title, tuple(_sentences(period, advice)), shown, key_figures(period.dora) if shown else ())


def _sentences(period: Period, advice: Sequence[Advice]) -> list[str]:
    if not period.dora.deployments:
        return ["No rollouts started in this period."]
    return [
        _rollouts(period.dora), _deployments(period.dora), _recovery(period.dora), _lead_time(period.dora),
        _outlook(period, advice),
    ]  # fmt: skip


# ── five sentences ─────────────────────────────────────────────────────────────────────────────────────────


def ends_of(dora: Dora) -> Counter[End]:
    """How many rollouts of the period ended in each way."""
    return Counter(one.end for one in dora.deployments)


def _rollouts(dora: Dora) -> str:
    found = ends_of(dora)
    parts = [f"{found[end]} {word}" for end, word in _WAYS if found[end]]
    return f"{counted(len(dora.deployments), 'rollout')} started: {_listed(parts)}."


def _deployments(dora: Dora) -> str:
    failed, n = dora.figure("change-fail-rate"), dora.figure("change-fail-rate").n
    left = len(dora.deployments) - n
    apart = (
        f" (the other {left} {'was' if left == 1 else 'were'} a return to an earlier version, reached no user, or "
        f"{'is' if left == 1 else 'are'} in progress)"
        if left
        else ""
    )
    brought = f"{n} of them brought users a new version{apart}"
    if not n:
        return f"{brought}."
    low, high = wilson(len(failed.counted), n)
    rate = f"{len(failed.counted) / n:.0%}, with 95 % confidence between {low:.0%} and {high:.0%}"
    return f"{brought}, and {len(failed.counted)} of these failed ({rate})."


def _recovery(dora: Dora) -> str:
    figure = dora.figure("failed-deployment-recovery-time")
    if figure.value is None:
        return "No deployment failed, so there was no recovery." if not dora.failed else "No failure is over yet."
    return (
        f"After a failure, users had a good version again within {about(figure.value)} of the first harm they met "
        f"(median of {figure.n})."
    )


def _lead_time(dora: Dora) -> str:
    figure = dora.figure("change-lead-time")
    if figure.value is None:
        return "How long changes take to reach users is unknown: git knows no commits of a completed deployment."
    words = f"A change took {about(figure.value)} from its commit to its users (median of {figure.n} changes)"
    return f"{words}{_why_so_long(dora, figure)}."


def _why_so_long(dora: Dora, figure: Measure) -> str:
    ages = [
        one.ended - at
        for one in dora.deployments
        if one.id in figure.counted and one.ended is not None
        for _, at in one.commits or ()
    ]
    old = [age for age in ages if age > _OLD]
    if not old:
        return ""
    were = "was" if len(old) == 1 else "were"
    return f"; {len(old)} of them {were} older than {about(_OLD)}, as in a first release from an old branch"


def _outlook(period: Period, advice: Sequence[Advice]) -> str:
    known = [words for one in period.business if (words := _business(one))]
    business = f"Business: {_listed(known)}. " if known else ""
    waived = sum(len(one.waived) for one in period.told)
    notes = f" {counted(waived, 'readiness item')} {'was' if waived == 1 else 'were'} waived." if waived else ""
    return f"{business}{_capital(str(advice[0])) if advice else 'Nothing in these figures needs a decision'}.{notes}"


def _business(one: Business) -> str:
    if one.error or one.now is None or not one.then:
        return f"{one.name} could not be read ({one.error})" if one.error else ""
    return f"{one.name} {(one.now - one.then) / abs(one.then):+.1%} against the period before"


# ── three charts ───────────────────────────────────────────────────────────────────────────────────────────


def _ends(dora: Dora) -> Section:
    found = ends_of(dora)
    return _chart("outcomes", "How rollouts ended", [(word, found[end]) for end, word in _WAYS if found[end]])


def _failures(dora: Dora) -> Section:
    n, failed = dora.figure("change-fail-rate").n, len(dora.figure("change-fail-rate").counted)
    counts = [("good", n - failed), ("failed", failed)] if n else []
    return _chart("deployments", "Deployments that reached users", counts)


def _weeks(dora: Dora) -> Section:
    """Deployments by week; of a long period the first weeks together."""
    counted = set(dora.figure("deployment-frequency").counted)
    began = [datetime.fromtimestamp(one.began, UTC) for one in dora.deployments if one.id in counted]
    weeks = Counter(f"{one.isocalendar().year}-W{one.isocalendar().week:02}" for one in began)
    named = sorted(weeks.items())
    earlier = named[: -_MOST_BARS + 1] if len(named) > _MOST_BARS else []
    if earlier:
        named = [(f"until {earlier[-1][0]}", sum(count for _, count in earlier)), *named[len(earlier) :]]
    return _chart("pace", "Deployments by week", named)


def _chart(identity: str, title: str, counts: Sequence[tuple[str, int]]) -> Section:
    """Bars that add up to the whole; each says its count."""
    whole = sum(count for _, count in counts)
    bars = tuple(Bar(label, count / whole, f"{count} of {whole}") for label, count in counts if whole)
    return Section(identity, title, figure=Figure(title, bars) if bars else None)


# ── words ──────────────────────────────────────────────────────────────────────────────────────────────────


def _listed(parts: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join(part for part in (", ".join(parts[:-1]), parts[-1]) if part) if parts else ""


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
