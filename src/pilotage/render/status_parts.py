"""What the status page says of services, of their last days, and of incidents: words, shapes and bars."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from markupsafe import Markup

from pilotage.model.quantity import about
from pilotage.model.timestamp import timestamp
from pilotage.render.pills import Pill
from pilotage.render.plan_page import spaced
from pilotage.report.status import WORDS, Condition, PublicIncident, Service, StatusPage
from pilotage.report.status_days import Day, DayState, availability

_STATES: Mapping[Condition, str] = {
    Condition.OPERATIONAL: "good", Condition.RELEASING: "good", Condition.DEGRADED: "wait",
    Condition.MAINTENANCE: "plan", Condition.DOWN: "bad", Condition.UNKNOWN: "none",
}  # fmt: skip
_WORST = (Condition.DOWN, Condition.DEGRADED, Condition.UNKNOWN, Condition.MAINTENANCE)
_BARS: Mapping[DayState, tuple[str, float]] = {
    DayState.GOOD: ("good", 1.0), DayState.DEGRADED: ("wait", 0.7), DayState.DOWN: ("bad", 0.4),
    DayState.MAINTENANCE: ("plan", 0.7), DayState.UNSEEN: ("none", 0.1),
}  # fmt: skip
"""Class and height of a day's bar: the height says what the colour says."""

_DAYS: Mapping[DayState, str] = {
    DayState.GOOD: "no problem known", DayState.DEGRADED: "some requests may have failed",
    DayState.DOWN: "not available for a time", DayState.MAINTENANCE: "closed for maintenance for a time",
    DayState.UNSEEN: "not observed",
}  # fmt: skip
_NAMES = 3
"""Services that the headline names."""


@dataclass(frozen=True, kw_only=True)
class Headline:
    """state: class of the banner · sentences: the worst first."""

    state: str
    sentences: tuple[str, ...]


def headline(page: StatusPage) -> Headline:
    """What is known and as of when. It calls nothing well that nobody looked at."""
    if not page.services:
        return Headline(state="none", sentences=("This page shows no services yet.",))
    by = {condition: [s.name for s in page.services if s.condition is condition] for condition in Condition}
    told = [_told(condition, by[condition]) for condition in _WORST if by[condition]]
    well = by[Condition.OPERATIONAL] + by[Condition.RELEASING]
    if well:
        told.append(_answered(well, len(page.services), page.checked))
    if by[Condition.RELEASING]:
        told.append(f"A release of {_listed(by[Condition.RELEASING])} is in progress.")
    worst = next((condition for condition in _WORST if by[condition]), Condition.OPERATIONAL)
    return Headline(state=_STATES[worst], sentences=tuple(told))


def _told(condition: Condition, names: Sequence[str]) -> str:
    found = _listed(names)
    be = "is" if len(names) == 1 else "are"
    match condition:
        case Condition.DOWN:
            return f"{found} {be} not available."
        case Condition.DEGRADED:
            return f"Some requests to {found} may fail."
        case Condition.MAINTENANCE:
            return f"{found} {be} closed for maintenance."
        case _:
            return f"{found} {be} not observed, so nothing is known of {'it' if len(names) == 1 else 'them'}."


def _answered(names: Sequence[str], of: int, checked: float) -> str:
    at = f"at {datetime.fromtimestamp(checked, UTC):%H:%M} UTC"
    if len(names) == of:
        return f"{names[0]} answered {at}." if of == 1 else f"All {of} services answered {at}."
    rest = f"The other {len(names)} services" if len(names) > 1 else names[0]
    return f"{rest} answered {at}."


def _listed(names: Sequence[str]) -> str:
    shown = list(names[:_NAMES])
    if more := len(names) - len(shown):
        shown.append(f"{more} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"


# ── services ───────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class Component:
    """bars: SVG; empty without a history · share: what is known of the last days, in a sentence · troubled: days that
    were not good, newest first, in words."""

    name: str
    pill: Pill
    bars: Markup
    share: str
    troubled: tuple[str, ...]


def component(one: Service, days: Sequence[Day]) -> Component:
    since = f" since {clock(one.since)}" if one.since else ""
    return Component(
        name=one.name, pill=Pill(_STATES[one.condition], f"{WORDS[one.condition]}{since}"), bars=_bars(days),
        share=_share(days),
        troubled=tuple(
            _day_words(day) for day in reversed(days) if day.state not in (DayState.GOOD, DayState.UNSEEN)
        ),
    )  # fmt: skip


def _bars(days: Sequence[Day]) -> Markup:
    if not days:
        return Markup("")
    counts = {state: sum(day.state is state for day in days) for state in DayState}
    words = ", ".join(f"{count} {_DAYS[state]}" for state, count in counts.items() if count)
    bars = Markup("").join(_bar(number, day) for number, day in enumerate(days))
    return Markup(
        '<svg class="history" role="img" viewBox="0 0 {} 1" preserveAspectRatio="none"><title>{}</title>{}</svg>'
    ).format(len(days), f"The last {len(days)} days: {words}", bars)


def _bar(number: int, day: Day) -> Markup:
    state, height = _BARS[day.state]
    return Markup('<rect class="{}" x="{}" y="{:.1f}" width=".72" height="{}"><title>{}</title></rect>').format(
        state, number + 0.14, 1 - height, height, _day_words(day)
    )


def _day_words(day: Day) -> str:
    """Of a day that is not over, or on which nobody looked all the time, how long it was observed."""
    words = f"{day.day:%Y-%m-%d}: {_DAYS[day.state]}"
    return f"{words} ({', '.join(_spans(day))})" if day.state is not DayState.UNSEEN else words


def _spans(day: Day) -> Iterator[str]:
    if day.seen is None:
        yield "known from releases, incidents and the last look alone"
        return
    for name, seconds in (("down", day.seen.down), ("degraded", day.seen.degraded), ("closed", day.seen.closed)):
        if seconds >= 1:
            yield f"{name} for {_span(seconds)}"
    yield f"observed for {_span(day.seen.whole)}"


def _span(seconds: float) -> str:
    return spaced(about(min(86400.0, seconds)))


def _share(days: Sequence[Day]) -> str:
    share, seen = availability(days)
    unseen = sum(day.state is DayState.UNSEEN for day in days)
    missing = f" On {unseen} of {len(days)} days nobody looked." if unseen else ""
    if unseen == len(days):
        return f"Nobody looked in these {unseen} days."
    if share is None:
        return f"How long it answered was not counted.{missing}"
    # Rounded down: 100 % is what was never missed.
    percent = int(share * 100_000) / 1000
    return f"Answered in {percent:g} % of the {spaced(about(seen))} in which Pilotage looked.{missing}"


# ── incidents ──────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class Incident:
    """ongoing: no end is known · updates: latest first, each with its moment for programs and for people."""

    id: str
    ongoing: bool
    title: str
    pill: Pill
    span: str
    updates: tuple[tuple[str, str, str, str], ...]


def incident(one: PublicIncident) -> Incident:
    if one.ended is None:
        pill, span = Pill("bad", "Ongoing"), f"since {clock(one.began)}"
    else:
        lasted = spaced(about(max(0.0, one.ended - one.began)))
        pill, span = Pill("good", "Resolved"), f"{clock(one.began)}, lasted {lasted}"
    updates = tuple(
        (timestamp(update.at), clock(update.at), update.state.capitalize(), update.text)
        for update in reversed(one.updates)
    )
    return Incident(id=one.id, ongoing=one.ended is None, title=one.title, pill=pill, span=span, updates=updates)
