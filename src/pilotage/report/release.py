"""The report of one release: what it was, what changed after it, who uses it, what is learned (R24).

Every change has its interval, and every recommendation its reason. What has no source says what to connect.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pilotage.model.document import Document, Section
from pilotage.model.quantity import about
from pilotage.model.wording import called
from pilotage.report.advice import Advice, advice_section, of_failures, of_waivers
from pilotage.report.dora import Dora
from pilotage.report.impact import Impact
from pilotage.report.period import unusual
from pilotage.report.statistics import wilson
from pilotage.report.told import Reader, Told

_FEW_USE_IT = 0.1
"""Share of users below which a feature is said to be little used."""
_EXPECTED = ("revenue", "retention")
"""Figures that every business asks for; the report says which are missing."""

_SECTIONS: Mapping[Reader, tuple[str, ...]] = {
    Reader.EXECUTIVE: ("release", "business", "recommendations"),
    Reader.TECHNICAL: (
        "release", "performance", "rollout", "adoption", "business", "feedback", "lessons", "recommendations",
    ),
    Reader.BUSINESS: ("release", "business", "adoption", "feedback", "recommendations"),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Adoption:
    """users: who had this variant · used: how many of them used the feature · error: why nothing could be read."""

    feature: str
    variant: str = ""
    users: int = 0
    used: int = 0
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class Feedback:
    """What users of one version said. score: mean of `scale` · reports: problems that users reported · comments: the
    newest in their own words."""

    version: str
    score: str = ""
    answers: int = 0
    reports: int = 0
    comments: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ReleaseFacts:
    """type: of the release · days, wanted: whole days since its completion, and asked for · next_day: when all of them
    are over; empty if they are · returned: when the version before came back; empty if it did not · reached: whether
    all users had it · reach: users' requests by version or variant, during the rollout · no_performance: why
    there are no figures of the service · others: releases whose effects cannot be told from those of this one · dora:
    of the 90 days up to its end · learned: its follow-up actions, in words."""

    service: str
    environment: str
    told: Told
    type: str
    strategy: str
    old: str
    actor: str
    completed: str
    days: int
    wanted: int
    next_day: str
    returned: str = ""
    reached: bool = True
    performance: tuple[Impact, ...] = ()
    no_performance: str = ""
    business: tuple[Impact, ...] = ()
    reach: tuple[tuple[str, int], ...] = ()
    adoption: tuple[Adoption, ...] = ()
    feedback: tuple[Feedback, ...] = ()
    others: tuple[str, ...] = ()
    dora: Dora | None = None
    learned: tuple[str, ...] = ()


def release_document(facts: ReleaseFacts, reader: Reader) -> Document:
    made = {
        "release": _release(facts), "performance": _performance(facts), "rollout": _rollout(facts),
        "adoption": _adoption(facts), "business": _business(facts), "feedback": _feedback(facts),
        "lessons": _lessons(facts), "recommendations": advice_section(release_advice(facts)),
    }  # fmt: skip
    title = f"{facts.service} {facts.told.version} in {facts.environment} ({reader.value} report)"
    return Document(title, tuple(_lead(facts)), tuple(made[name] for name in _SECTIONS[reader]))


# ── what it was ────────────────────────────────────────────────────────────────────────────────────────────


def _lead(facts: ReleaseFacts) -> Iterator[str]:
    if not facts.reached:
        yield f"{facts.told.version} did not reach all users: {facts.told.reason or facts.told.status}."
        return
    if facts.returned:
        until = f"until {facts.returned}, when {facts.old} returned"
        yield f"Users had {facts.told.version} from {facts.completed} {until}."
        return
    after = f"{facts.days} of {facts.wanted} days after it"
    yield f"All users have had {facts.told.version} since {facts.completed}. This report covers {after}."
    found = [one for one in (*facts.business, *facts.performance) if one.found]
    if found:
        yield f"The release changed {_listed([f'{one.name} by {_percent(one.change)}' for one in found])}."
    elif any(one.change is not None for one in (*facts.business, *facts.performance)):
        yield "No figure changed by more than chance explains."


def _release(facts: ReleaseFacts) -> Section:
    told = facts.told
    rows = [
        ("version", f"{told.version}, after {facts.old}" if facts.old else f"{told.version}, the first"),
        ("type", facts.type or "unknown"), ("strategy", facts.strategy or "unknown"), ("started", told.day),
        ("status", told.status), ("duration", about(told.seconds) if told.seconds is not None else "–"),
        ("released by", facts.actor), ("rollout", told.id),
    ]  # fmt: skip
    return Section("release", "Release", (), ("property", "value"), tuple(rows))


# ── before and after ───────────────────────────────────────────────────────────────────────────────────────


def _performance(facts: ReleaseFacts) -> Section:
    if not facts.performance:
        return Section("performance", "Performance before and after", (facts.no_performance,))
    return _table("performance", "Performance before and after", facts.performance, facts)


def _business(facts: ReleaseFacts) -> Section:
    if not facts.business:
        words = "Not connected. Add revenue, retention and others to pilotage.yaml: `report: {business_metrics: […]}`."
        return Section("business", "Business", (words,))
    made = _table("business", "Business", facts.business, facts)
    missing = [name for name in _EXPECTED if not any(name in one.name.lower() for one in facts.business)]
    words = f"Not connected: {_listed(missing)}. Add to `report.business_metrics` in pilotage.yaml."
    return Section(
        made.id, made.title, (*made.sentences, *((words,) if missing else ())), made.headers, made.rows, made.bullets,
        numbers=made.numbers,
    )  # fmt: skip


def _table(identity: str, title: str, impacts: Sequence[Impact], facts: ReleaseFacts) -> Section:
    rows = tuple(
        (
            one.name,
            _number(one.before),
            _number(one.after),
            _percent(one.change),
            _interval(one),
            f"{one.days_before} + {one.days_after}",
        )
        for one in impacts
    )
    words: tuple[str, ...] = (
        "The days after the release against the same hours of the weeks before it, without the trend. The intervals "
        "of all figures hold together with 95 %.",
    )
    controlled = [f"{one.name} as a share of {one.control}" for one in impacts if one.control and not one.why_not]
    if controlled:
        words += (f"Compared with a control: {_listed(controlled)}.",)
    if facts.others:
        words += (f"Also released in this time, with effects that cannot be told apart: {_listed(facts.others)}.",)
    headers = ("figure", "without it", "after", "change", "interval", "days")
    why = tuple(f"{one.name}: {one.why_not}" for one in impacts if one.why_not)
    return Section(identity, title, words, headers, rows, why, numbers=("without it", "after", "change"))


def _interval(one: Impact) -> str:
    return "–" if one.low is None or one.high is None else f"{one.low:+.1%} to {one.high:+.1%}"


def _percent(change: float | None) -> str:
    return "–" if change is None else f"{change:+.1%}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.4g}"


def _rollout(facts: ReleaseFacts) -> Section:
    rows = tuple(
        (called(c.metric), c.before, c.after, f"{c.ratio:.2f}×" if c.ratio is not None else "–", f"{c.samples:,}")
        for c in facts.told.compared
    )
    if not rows:
        return Section("rollout", "During the rollout", ("The new version was not compared with the old one.",))
    headers = ("metric", facts.old or "before", facts.told.version, "ratio", "requests")
    return Section("rollout", "During the rollout", (), headers, rows, numbers=("ratio", "requests"))


# ── who uses it, what they say ─────────────────────────────────────────────────────────────────────────────


def _adoption(facts: ReleaseFacts) -> Section:
    whole = sum(count for _, count in facts.reach)
    rows = [
        (f"requests to {name}", "", f"{count:,} of {whole:,}", f"{count / whole:.1%}", "")
        for name, count in facts.reach if whole
    ]  # fmt: skip
    rows += [
        (one.feature, one.variant, *(("–", "–", one.error) if one.error else _share(one))) for one in facts.adoption
    ]
    words: tuple[str, ...] = ()
    if not facts.adoption:
        words = ("Who uses a new feature is not connected. Add to pilotage.yaml: `report: {adoption: […]}`.",)
    headers = ("what", "variant", "of", "share", "95 % interval") if rows else ()
    return Section("adoption", "Adoption", words, headers, tuple(rows), numbers=("share",) if rows else ())


def _share(one: Adoption) -> tuple[str, str, str]:
    if not one.users:
        return "no users", "–", ""
    low, high = wilson(one.used, one.users)
    return f"{one.used:,} of {one.users:,}", f"{one.used / one.users:.1%}", f"{low:.1%} to {high:.1%}"


def _feedback(facts: ReleaseFacts) -> Section:
    rows = tuple((one.version, one.score or "–", f"{one.answers:,}", f"{one.reports:,}") for one in facts.feedback)
    if not rows:
        words = "Not connected. Let users answer with `intake`, or name `analysis.signals.user_satisfaction`."
        return Section("feedback", "Feedback", (words,))
    said = tuple(f"{one.version}: {words}" for one in facts.feedback for words in one.comments)
    headers = ("version", "satisfaction", "answers", "reported problems")
    return Section("feedback", "Feedback", (), headers, rows, said, numbers=("answers", "reported problems"))


# ── what is learned ────────────────────────────────────────────────────────────────────────────────────────


def _lessons(facts: ReleaseFacts) -> Section:
    found = [*unusual([facts.told]), *(f"not required: {words}" for words in facts.told.not_required)]
    found += [f"{one.name} changed by {_percent(one.change)} ({_interval(one)})" for one in _changed(facts)]
    found += list(facts.learned)
    return Section("lessons", "Lessons", () if found else ("Nothing unusual.",), bullets=tuple(found))


def _changed(facts: ReleaseFacts) -> list[Impact]:
    return [one for one in (*facts.business, *facts.performance) if one.found]


def release_advice(facts: ReleaseFacts) -> tuple[Advice, ...]:
    """What the figures of a release suggest, the most important first."""
    return tuple(_advice(facts))


def _advice(facts: ReleaseFacts) -> Iterator[Advice]:
    told = facts.told
    if told.status in ("rolled-back", "failed"):
        yield Advice(f"hold a review with `pilotage incident {told.id}`", f"it was {told.status.replace('-', ' ')}")
    if facts.returned:
        yield Advice("hold a review with `pilotage retro`", f"{facts.old} returned on {facts.returned[:10]}")
    for one in _changed(facts):
        if one.worse:
            yield Advice(
                f"find out what changed {one.name}, or go back with `pilotage rollback`",
                f"{_percent(one.change)} since the release ({_interval(one)})",
            )
    for adopted in facts.adoption:
        if adopted.users and wilson(adopted.used, adopted.users)[1] < _FEW_USE_IT and adopted.variant != "off":
            yield Advice(f"ask users why they leave {adopted.feature} alone", f"{_share(adopted)[1]} use it")
    for words in told.holds:
        yield Advice("find out what held the rollout before the next one", words)
    if told.urgent:
        yield Advice("review the emergency deploy", told.urgent)
    if facts.dora is not None:
        yield from of_failures(facts.dora)
    yield from of_waivers([told])
    yield from _connecting(facts)


def _connecting(facts: ReleaseFacts) -> Iterator[Advice]:
    if facts.next_day:
        yield Advice(f"make this report again on {facts.next_day}", f"{facts.days} of {facts.wanted} days are over")
    if not facts.performance:
        yield Advice("connect the figures of the service", facts.no_performance.partition(". ")[0])


def _listed(parts: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join(part for part in (", ".join(parts[:-1]), parts[-1]) if part) if parts else ""
