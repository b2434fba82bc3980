"""A period in figures: deployments, performance before and after, business, lessons; for three kinds of readers (R24).

Every number has its sample size and interval, and leads to the rollouts behind it. A figure without a source is "not
connected", never invented (C10).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pilotage.model.document import Document, Section
from pilotage.model.quantity import about
from pilotage.model.wording import called, counted
from pilotage.report.advice import advice_for, advice_section
from pilotage.report.dora import Dora
from pilotage.report.dora_section import dora_section, excluded_section, key_figures
from pilotage.report.executive import ends_of, executive_report
from pilotage.report.feedback import feedback_section, lessons_of
from pilotage.report.forecast_section import forecast_sections
from pilotage.report.statistics import median_interval, wilson
from pilotage.report.told import Business, Compared, Period, Reader, Told

_SECTIONS: Mapping[Reader, tuple[str, ...]] = {
    Reader.TECHNICAL: (
        "deployments",
        "dora",
        "rollouts",
        "performance",
        "excluded",
        "forecasts",
        "lessons",
        "recommendations",
        "actions",
    ),
    Reader.BUSINESS: ("deployments", "business", "feedback", "recommendations"),
}


def report_of(period: Period, reader: Reader) -> Document:
    title = f"{period.service} in {period.environment}, {period.span} ({reader.value} report)"
    if reader is Reader.EXECUTIVE:
        return executive_report(period, title, advice_for(period))
    leads_to = "#rollouts" if "rollouts" in _SECTIONS[reader] else ""
    made = {
        "deployments": _deployments(period), "dora": dora_section(period.dora, leads_to),
        "rollouts": _rollouts(period), "performance": _performance(period),
        "excluded": excluded_section(period.dora), "business": _business(period),
        "feedback": feedback_section(period.said, period.told, asked=period.asked),
        "lessons": _lessons(period), "recommendations": advice_section(advice_for(period)), "actions": _actions(period),
    }  # fmt: skip
    forecasts = period.forecasts
    found = forecast_sections(forecasts.followed, forecasts.unforecast, forecasts.zone) if forecasts else ()
    parts = (one for name in _SECTIONS[reader] for one in (found if name == "forecasts" else (made[name],)))
    return Document(title, tuple(_lead(period)), tuple(parts), key_figures(period.dora))


def dora_document(dora: Dora, place: str, span: str, told: Sequence[Told]) -> Document:
    """The five figures, each leading to the rollouts that it counts, and those to their events."""
    period = Period(place, "", span, dora, tuple(told))
    with_events = {one.id for one in told if one.events}
    parts = (
        dora_section(dora, "#counted-{id}"), *_counted(dora, with_events), _rollouts(period), excluded_section(dora),
        *_events(dora, told),
    )  # fmt: skip
    return Document(f"DORA: {place}, {span}", tuple(_lead(period)), parts, key_figures(dora))


# ── deployments ────────────────────────────────────────────────────────────────────────────────────────────


def _lead(period: Period) -> list[str]:
    frequency, failed = period.dora.figure("deployment-frequency"), period.dora.figure("change-fail-rate")
    if not frequency.n:
        return ["No deployments in this period."]
    words = counted(frequency.n, "deployment")
    if failed.value is not None:
        words += f", {len(failed.counted)} of them failed"
    recovery = period.dora.figure("failed-deployment-recovery-time")
    if recovery.value is not None:
        words += f"; the median recovery took {about(recovery.value)}"
    return [f"{words}."]


def _deployments(period: Period) -> Section:
    n = period.dora.figure("change-fail-rate").n
    good = n - len(period.dora.failed)
    low, high = wilson(good, n)
    times = [one.seconds for one in period.told if one.seconds is not None and one.status == "completed"]
    rows = [
        ("rollouts", str(len(period.dora.deployments)), _ways(period.dora)),
        ("deployments that reached users", str(n), f"{good} good, {n - good} failed"),
        ("success rate", f"{good / n:.1%}" if n else "–", f"{low:.0%}–{high:.0%}, {good} of {n}" if n else ""),
    ]
    if times:
        middle, interval = median_interval(times)
        rows.append(("median duration", about(middle), _span(interval, len(times))))
    return Section("deployments", "Deployments", (), ("measure", "value", "detail, or 95 % interval"), tuple(rows))


def _ways(dora: Dora) -> str:
    """How the rollouts ended; the counts add up to all of them."""
    return ", ".join(f"{count} {end.value.replace('-', ' ')}" for end, count in sorted(ends_of(dora).items()))


def _span(interval: tuple[float, float] | None, n: int) -> str:
    if interval is None:
        return f"of {n}, too few for an interval"
    return f"{about(interval[0])}–{about(interval[1])}, of {n}"


def _counted(dora: Dora, shown_events: set[str]) -> list[Section]:
    """For each figure the rollouts it counts, each leading to its events."""
    versions = {d.id: d for d in dora.deployments}
    return [
        Section(
            f"counted-{figure.id}", f"{figure.title}: counted rollouts", (), ("rollout", "version"),
            tuple((identity, versions[identity].version) for identity in figure.counted),
            links=tuple(f"#{identity}" if identity in shown_events else "#rollouts" for identity in figure.counted),
        )
        for figure in dora.figures
        if figure.counted
    ]  # fmt: skip


def _events(dora: Dora, told: Sequence[Told]) -> list[Section]:
    """What happened in each rollout that any figure counts."""
    counted = {identity for figure in dora.figures for identity in figure.counted}
    headers = ("time", "event", "description")
    return [
        Section(
            one.id,
            f"Events of {one.version}, {one.day}",
            (),
            headers,
            tuple((at, called(kind), sentence) for at, kind, sentence in one.events),
        )
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
    words = () if rows else ("No rollouts in this period.",)
    headers = ("rollout", "version", "started", "status", "duration", "reason") if rows else ()
    return Section("rollouts", "Rollouts", words, headers, rows)


# ── performance, business, lessons ─────────────────────────────────────────────────────────────────────────


def _performance(period: Period) -> Section:
    rows = tuple(
        (
            one.version, called(c.metric), c.before, c.after, "–" if c.ratio is None else f"{c.ratio:.2f}×",
            _between(c), f"{c.samples:,}" if c.samples else "–",
        )
        for one in period.told for c in one.compared
    )  # fmt: skip
    if not rows:
        return Section("performance", "Performance before and after", ("No comparisons in this period.",))
    headers = ("version", "metric", "before", "after", "ratio", "interval", "requests")
    return Section("performance", "Performance before and after", (), headers, rows, numbers=("ratio", "requests"))


def _between(one: Compared) -> str:
    """The ratios that are not refuted; an open end says nothing."""
    if one.low and one.high is not None:
        return f"{one.low:.2f}×–{one.high:.2f}×"
    if one.low:
        return f"at least {one.low:.2f}×"
    return "–" if one.high is None else f"at most {one.high:.2f}×"


def _business(period: Period) -> Section:
    if not period.business:
        words = "Not connected. Add sources to pilotage.yaml: `report: {business_metrics: […]}`."
        return Section("business", "Business", (words,))
    rows = tuple(
        (b.name, "–", "–", "–", b.error) if b.error
        else (b.name, _number(b.then), _number(b.now), _change(b), f"{b.before} and {b.readings} readings")
        for b in period.business
    )  # fmt: skip
    headers = ("figure", "previous period", "this period", "change", "of")
    return Section("business", "Business", (), headers, rows, numbers=("previous period", "this period", "change"))


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.4g}"


def _change(one: Business) -> str:
    if one.now is None or not one.then:
        return "–"
    return f"{(one.now - one.then) / abs(one.then):+.1%}"


def _lessons(period: Period) -> Section:
    found = unusual(period.told)
    found += [f"not required: {words}" for words in dict.fromkeys(w for one in period.told for w in one.not_required)]
    found += lessons_of(period.said)
    words = () if found else ("Nothing unusual.",)
    return Section("lessons", "Lessons", words, bullets=tuple(found))


def unusual(told: Sequence[Told]) -> list[str]:
    """What did not go as planned in these rollouts, a sentence each."""
    found = [f"{one.version} ({one.day}): {one.reason}" for one in told if one.status != "completed" and one.reason]
    found += [f"{one.version} held: {words}" for one in told for words in one.holds]
    found += [f"{one.version}: {words}" for one in told for words in one.waived]
    found += [f"{one.version} was an emergency deploy: {one.urgent}" for one in told if one.urgent]
    return found


def _actions(period: Period) -> Section:
    words = () if period.open_actions else ("No open actions.",)
    return Section("actions", "Open actions", words, bullets=period.open_actions)
