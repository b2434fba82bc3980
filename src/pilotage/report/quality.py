"""The figures of a retrospective beside DORA's: bugs, findings, regressions that stayed, the team, the process (R25).

Each has the number it is of and its interval. One without a source says which setting connects it (C10).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from pilotage.model.document import Section
from pilotage.model.look_back import Target
from pilotage.model.quantity import about
from pilotage.report.dora import Dora
from pilotage.report.statistics import median_interval, poisson, student, wilson
from pilotage.report.told import Told

PERIODS = 6
"""How many periods a trend is of."""
_SURE = 13
"""Agreements minus disagreements of the 15 pairs of six values from which they rise or fall: chance comes to as many in
1.7 % (Kendall, Biometrika 1938)."""
_SMALL = 0.1
"""Share up to which an interval needs a decimal."""
_SLOWER = ("slow requests", "memory", "cpu")


@dataclass(frozen=True, kw_only=True)
class Part:
    """So many of so many."""

    hits: int
    n: int

    @property
    def share(self) -> float:
        return self.hits / self.n


@dataclass(frozen=True, kw_only=True)
class Score:
    """Answers to one question: their mean, how many there are, and the spread between them, if it is known."""

    mean: float
    n: int
    deviation: float | None = None


@dataclass(frozen=True, kw_only=True)
class Quality:
    """Of one period. bugs: those that escaped, of all · customers: problems that they reported · vulnerabilities: open
    at the last check, of version `checked` · documented: alerts that a runbook names · trained: courses that are
    completed · evidence: readiness items with evidence · said: by the team, by question · missing: by figure, what
    would connect it, or why it could not be read."""

    bugs: Part | None = None
    customers: int | None = None
    vulnerabilities: int | None = None
    checked: str = ""
    documented: Part | None = None
    trained: Part | None = None
    evidence: Part | None = None
    said: Mapping[str, Score] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PeriodFigures:
    """What a trend compares, period by period."""

    dora: Dora
    told: tuple[Told, ...]
    quality: Quality


def actual(identity: str, figures: PeriodFigures) -> tuple[str, str]:
    """A figure in words, and whether it meets the target: certainly, as far as known, or unknown."""
    quality = figures.quality
    match identity:
        case "bug_escape_rate" if quality.bugs and quality.bugs.n:
            return share(quality.bugs.hits, quality.bugs.n, 0.02, more=False)
        case "bug_escape_rate" if quality.bugs:
            return "no bugs", "yes"
        case "customer_reported_issues" if quality.customers is not None:
            low, high = poisson(quality.customers)
            return f"{quality.customers} ({low:.0f}–{high:.0f})", "–"
        case "performance_regressions":
            undone, stayed = regressions(figures.told)
            return f"{stayed} stayed, {undone} rolled back", yes(not stayed and not undone)
        case "security_vulnerabilities" if quality.vulnerabilities is not None:
            return f"{quality.vulnerabilities} open in {quality.checked}", yes(quality.vulnerabilities == 0)
        case "team_satisfaction" if identity in quality.said:
            return _score(quality.said[identity]), "–"
        case "knowledge_sharing" if quality.documented or identity in quality.said:
            alerts = f"{_of(quality.documented)} alerts with a runbook" if quality.documented else ""
            return _with_words(alerts, quality.said.get(identity)), "–"
        case "skill_development" if quality.trained or identity in quality.said:
            return _with_words(_of(quality.trained) if quality.trained else "", quality.said.get(identity)), "–"
        case "process_adherence" if quality.evidence:
            return _of(quality.evidence), "–"
    return quality.missing.get(identity, "not connected"), "–"


def regressions(told: Sequence[Told]) -> tuple[int, int]:
    """Releases that were slower or needed more: how many were rolled back for it, and how many stayed."""
    undone = [one for one in told if one.status != "completed" and one.reason.partition(":")[0] in _SLOWER]
    stayed = [
        one for one in told
        if one.status == "completed"
        and (
            any(kind == "regression-accepted" for _, kind, _ in one.events)
            or any(c.metric in _SLOWER and c.low is not None and c.low > 1 for c in one.compared)
        )
    ]  # fmt: skip
    return len(undone), len(stayed)


def _of(part: Part) -> str:
    low, high = wilson(part.hits, part.n)
    return f"{part.share:.0%} ({low:.0%}–{high:.0%}, {part.hits} of {part.n})"


def _with_words(counted: str, said: Score | None) -> str:
    """What was counted, and what the team says of it."""
    return "; ".join(part for part in (counted, f"the team says {_score(said)}" if said else "") if part)


def _score(score: Score) -> str:
    if score.deviation is None:
        return f"{score.mean:.1f} of 5, n = {score.n}"
    margin = student(0.975, score.n - 1) * score.deviation / math.sqrt(score.n)
    return f"{score.mean:.1f} of 5 (±{margin:.1f}, n = {score.n})"


def share(hits: int, n: int, limit: float, *, more: bool) -> tuple[str, str]:
    """A share with its interval, and whether it is more or less than the limit."""
    low, high = wilson(hits, n)
    value, places = hits / n, 1 if high < _SMALL else 0
    text = f"{value:.1%} ({low:.{places}%}–{high:.{places}%}, {hits} of {n})"
    met = value > limit if more else value < limit
    surely = (low > limit if more else high < limit) or not met
    return text, yes(met) if surely else f"{yes(met)}, but {n} {'is' if n == 1 else 'are'} too few for certainty"


def yes(met: bool) -> str:
    return "yes" if met else "no"


# ── trends ─────────────────────────────────────────────────────────────────────────────────────────────────


def trends_section(targets: Sequence[Target], periods: Sequence[PeriodFigures]) -> Section:
    """periods: of equal length, oldest first; the last is the one that is looked back on."""
    rows = []
    for target in targets:
        values = [_value(target.id, one) for one in periods]
        if sum(value is not None for value in values) > 1:
            rows.append((target.title, *(_shown(target.id, value) for value in values), direction(values)))
    if not rows:
        return Section("trends", "Trends", ("No figure has values of two periods.",))
    headers = ("figure", *(str(back) if back else "now" for back in range(1 - len(periods), 1)), "trend")
    return Section(
        "trends", f"Trends over {len(periods)} periods",
        ("Each column is a period of the same length; -1 is the one before this.",), headers, tuple(rows),
        numbers=headers[1:-1],
    )  # fmt: skip


def direction(values: Sequence[float | None]) -> str:
    """Whether they rise or fall by more than chance explains; a dash for fewer than six."""
    known = [value for value in values if value is not None]
    if len(known) < PERIODS:
        return "–"
    agree = sum((later > earlier) - (later < earlier) for earlier, later in combinations(known, 2))
    return "rises" if agree >= _SURE else "falls" if agree <= -_SURE else "none"


def _value(identity: str, period: PeriodFigures) -> float | None:
    quality, dora = period.quality, period.dora
    failed = dora.figure("change-fail-rate")
    match identity:
        case "deployment_success_rate":
            return 1 - len(dora.failed) / failed.n if failed.n else None
        case "rollback_frequency":
            undone = [one for one in dora.deployments if one.id in dora.failed and one.end.value == "rolled-back"]
            return len(undone) / failed.n if failed.n else None
        case "mean_time_to_recovery":
            return dora.figure("failed-deployment-recovery-time").value
        case "deployment_duration":
            times = [one.seconds for one in period.told if one.seconds is not None and one.status == "completed"]
            return median_interval(times)[0] if times else None
        case "customer_reported_issues":
            return quality.customers
        case "performance_regressions":
            return sum(regressions(period.told)) if period.told else None
        case "security_vulnerabilities":
            return quality.vulnerabilities
        case "team_satisfaction":
            return quality.said[identity].mean if identity in quality.said else None
    part = {
        "bug_escape_rate": quality.bugs, "skill_development": quality.trained, "process_adherence": quality.evidence,
    }.get(identity)  # fmt: skip
    return part.share if part and part.n else None


_SHARES = frozenset(
    {
        "deployment_success_rate", "rollback_frequency", "bug_escape_rate", "skill_development", "process_adherence",
    }
)  # fmt: skip
_TIMES = frozenset({"deployment_duration", "mean_time_to_recovery"})


def _shown(identity: str, value: float | None) -> str:
    if value is None:
        return "–"
    if identity in _SHARES:
        return f"{value:.0%}"
    return about(value) if identity in _TIMES else f"{value:.3g}"
