"""What a period was like: deployments, performance before and after, business, lessons; for three readers (R24).

Every number stands with how many it is of and an interval, and leads to the rollouts behind it. What no source tells is
"not connected", never an invented figure (C10).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pilotage.model.document import Document, Section
from pilotage.model.quantity import about
from pilotage.report.dora import Dora
from pilotage.report.dora_section import dora_section, excluded_section
from pilotage.report.statistics import median_interval, wilson


class Reader(StrEnum):
    EXECUTIVE = "executive"
    TECHNICAL = "technical"
    BUSINESS = "business"


@dataclass(frozen=True)
class Compared:
    """One metric of a rollout, new version against the one before. low, high: of the ratio, where it is known."""

    metric: str
    before: str
    after: str
    ratio: float | None
    low: float | None
    high: float | None
    samples: int


@dataclass(frozen=True)
class Told:
    """A rollout as a report needs it. day: written in the report's zone · holds, waived: in words · events: time,
    type and sentence of each."""

    id: str
    version: str
    day: str
    status: str
    seconds: float | None
    reason: str
    compared: tuple[Compared, ...] = ()
    holds: tuple[str, ...] = ()
    waived: tuple[str, ...] = ()
    urgent: str = ""
    events: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True)
class Business:
    """A figure of a connected source: its mean in the period and in the one before, of so many readings each; error:
    why it could not be read."""

    name: str
    now: float | None = None
    then: float | None = None
    readings: int = 0
    before: int = 0
    error: str = ""


@dataclass(frozen=True)
class Period:
    """dora and told: of the same period · span: it in words · open_actions: of retrospectives, in words."""

    service: str
    environment: str
    span: str
    dora: Dora
    told: tuple[Told, ...]
    business: tuple[Business, ...] = ()
    open_actions: tuple[str, ...] = ()


_SECTIONS: Mapping[Reader, tuple[str, ...]] = {
    Reader.EXECUTIVE: ("deployments", "dora", "business", "lessons", "recommendations"),
    Reader.TECHNICAL: (
        "deployments",
        "dora",
        "rollouts",
        "performance",
        "excluded",
        "lessons",
        "recommendations",
        "actions",
    ),
    Reader.BUSINESS: ("deployments", "business", "feedback", "recommendations"),
}


def report_of(period: Period, reader: Reader) -> Document:
    leads_to = "#rollouts" if "rollouts" in _SECTIONS[reader] else ""
    made = {
        "deployments": _deployments(period), "dora": dora_section(period.dora, leads_to),
        "rollouts": _rollouts(period), "performance": _performance(period),
        "excluded": excluded_section(period.dora), "business": _business(period), "feedback": _feedback(period),
        "lessons": _lessons(period), "recommendations": _recommendations(period), "actions": _actions(period),
    }  # fmt: skip
    title = f"{period.service} in {period.environment}, {period.span}: for {reader.value} readers"
    return Document(title, tuple(_lead(period)), tuple(made[name] for name in _SECTIONS[reader]))


def dora_document(dora: Dora, place: str, span: str, told: Sequence[Told]) -> Document:
    """The five figures, each leading to the rollouts that it counts, and those to their events."""
    period = Period(place, "", span, dora, tuple(told))
    with_events = {one.id for one in told if one.events}
    parts = (
        dora_section(dora, "#counted-{id}"), *_counted(dora, with_events), _rollouts(period), excluded_section(dora),
        *_events(dora, told),
    )  # fmt: skip
    return Document(f"DORA: {place}, {span}", tuple(_lead(period)), parts)


# ── deployments ────────────────────────────────────────────────────────────────────────────────────────────


def _lead(period: Period) -> list[str]:
    frequency, failed = period.dora.figure("deployment-frequency"), period.dora.figure("change-fail-rate")
    if not frequency.n:
        return ["Nothing was deployed in this period."]
    words = f"{frequency.n} deployments"
    if failed.value is not None:
        words += f", {len(failed.counted)} of them failed"
    recovery = period.dora.figure("failed-deployment-recovery-time")
    if recovery.value is not None:
        words += f"; users were well again after {about(recovery.value)} in the median"
    return [f"{words}."]


def _deployments(period: Period) -> Section:
    n = period.dora.figure("change-fail-rate").n
    good = n - len(period.dora.failed)
    low, high = wilson(good, n)
    ends = Counter(one.status for one in period.told)
    times = [one.seconds for one in period.told if one.seconds is not None and one.status == "completed"]
    rows = [
        ("deployments", str(n), ""),
        ("success rate", f"{good / n:.1%}" if n else "–", f"{low:.0%}–{high:.0%}, {good} of {n}" if n else ""),
        ("undone", str(ends["rolled-back"]), ""),
        ("a person was needed", str(ends["failed"]), ""),
    ]
    if times:
        middle, interval = median_interval(times)
        rows.append(("time to everyone, median", about(middle), _span(interval, len(times))))
    return Section("deployments", "Deployments", (), ("what", "value", "95 % interval, of"), tuple(rows))


def _span(interval: tuple[float, float] | None, n: int) -> str:
    if interval is None:
        return f"of {n}, too few for an interval"
    return f"{about(interval[0])}–{about(interval[1])}, of {n}"


def _counted(dora: Dora, shown_events: set[str]) -> list[Section]:
    """For each figure the rollouts it counts, each leading to its events."""
    versions = {d.id: d for d in dora.deployments}
    return [
        Section(
            f"counted-{figure.id}", f"{figure.title}: what it counts", (), ("rollout", "version"),
            tuple((identity, versions[identity].version) for identity in figure.counted),
            links=tuple(f"#{identity}" if identity in shown_events else "#rollouts" for identity in figure.counted),
        )
        for figure in dora.figures
        if figure.counted
    ]  # fmt: skip


def _events(dora: Dora, told: Sequence[Told]) -> list[Section]:
    """What happened in each rollout that any figure counts."""
    counted = {identity for figure in dora.figures for identity in figure.counted}
    headers = ("time", "event", "what happened")
    return [
        Section(one.id, f"{one.version}: events of {one.id}", (), headers, one.events)
        for one in told
        if one.id in counted and one.events
    ]


def _rollouts(period: Period) -> Section:
    rows = tuple(
        (
            one.id, one.version, one.day, one.status,
            about(one.seconds) if one.seconds is not None else "–", one.reason,
        )
        for one in period.told
    )  # fmt: skip
    words = () if rows else ("There was none.",)
    headers = ("rollout", "version", "began", "ended", "took", "because") if rows else ()
    return Section("rollouts", "Rollouts", words, headers, rows)


# ── performance, business, lessons ─────────────────────────────────────────────────────────────────────────


def _performance(period: Period) -> Section:
    rows = tuple(
        (
            one.version, c.metric, c.before, c.after, "–" if c.ratio is None else f"{c.ratio:.2f}×", _between(c),
            f"{c.samples:,}" if c.samples else "–",
        )
        for one in period.told for c in one.compared
    )  # fmt: skip
    if not rows:
        return Section("performance", "Performance, before and after", ("Nothing was compared in this period.",))
    headers = ("version", "metric", "before", "after", "ratio", "interval", "requests")
    return Section("performance", "Performance, before and after", (), headers, rows, numbers=("ratio", "requests"))


def _between(one: Compared) -> str:
    """The ratios that are not refuted; an open end says nothing."""
    if one.low and one.high is not None:
        return f"{one.low:.2f}×–{one.high:.2f}×"
    if one.low:
        return f"at least {one.low:.2f}×"
    return "–" if one.high is None else f"at most {one.high:.2f}×"


def _business(period: Period) -> Section:
    if not period.business:
        words = "Not connected: name sources under `report: {business: […]}` of pilotage.yaml."
        return Section("business", "Business", (words,))
    rows = tuple(
        (b.name, "–", "–", "–", b.error) if b.error
        else (b.name, _number(b.then), _number(b.now), _change(b), f"{b.before} and {b.readings} readings")
        for b in period.business
    )  # fmt: skip
    headers = ("figure", "period before", "this period", "change", "of")
    return Section("business", "Business", (), headers, rows, numbers=("period before", "this period", "change"))


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.4g}"


def _change(one: Business) -> str:
    if one.now is None or not one.then:
        return "–"
    return f"{(one.now - one.then) / abs(one.then):+.1%}"


def _feedback(period: Period) -> Section:
    rows = tuple(
        (one.version, c.before, c.after, f"{c.samples:,}")
        for one in period.told for c in one.compared if c.metric == "user_satisfaction"
    )  # fmt: skip
    if not rows:
        return Section("feedback", "Feedback", ("Not connected: `analysis: {signals: {user_satisfaction: …}}`.",))
    return Section("feedback", "Feedback", (), ("version", "before", "after", "readings"), rows, numbers=("readings",))


def _lessons(period: Period) -> Section:
    found = [
        f"{one.version} ({one.day}): {one.reason}" for one in period.told if one.status != "completed" and one.reason
    ]
    found += [f"{one.version} held: {words}" for one in period.told for words in one.holds]
    found += [f"{one.version} went out without {words}" for one in period.told for words in one.waived]
    found += [f"{one.version} broke the glass: {one.urgent}" for one in period.told if one.urgent]
    words = () if found else ("Nothing out of the ordinary happened.",)
    return Section("lessons", "What happened", words, bullets=tuple(found))


def _recommendations(period: Period) -> Section:
    """What the figures themselves suggest; nothing where they suggest nothing."""
    found, dora = [], period.dora
    fail, recovery = dora.figure("change-fail-rate"), dora.figure("failed-deployment-recovery-time")
    if fail.low is not None and fail.low > 0.05:
        found.append("more than one deployment in twenty fails, surely: smaller changes, and a first weight of 1 %")
    if recovery.value is not None and recovery.value > 1800:
        found.append("recovery takes more than half an hour: `pilotage drill rollback` until it does not")
    causes = Counter(one.reason.partition(":")[0] for one in period.told if one.status == "rolled-back" and one.reason)
    found += [f"{count} releases were undone for {cause}: look at what they have in common"
              for cause, count in causes.items() if count > 1]  # fmt: skip
    blind = [one.version for one in period.told if one.status == "completed" and not one.compared]
    if blind and len(blind) == len([one for one in period.told if one.status == "completed"]):
        found.append("nothing was compared in any of them: is the metrics source connected?")
    waived = Counter(words.partition(" ")[0] for one in period.told for words in one.waived)
    found += [
        f"{item} was waived {count} times: decide whether it is wanted" for item, count in waived.items() if count > 1
    ]
    if dora.figure("deployment-rework-rate").value and len(dora.figure("deployment-rework-rate").counted) > 1:
        found.append("hotfixes come again and again: what would have found their causes before?")
    words = () if found else ("The figures suggest nothing.",)
    return Section("recommendations", "Recommendations", words, bullets=tuple(found))


def _actions(period: Period) -> Section:
    words = () if period.open_actions else ("None is open.",)
    return Section("actions", "Open actions", words, bullets=period.open_actions)
