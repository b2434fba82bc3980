"""The lines that complete release notes have (R23): which of them these notes have, and why not the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pilotage.report.improvements import ASPECTS
from pilotage.report.notes import Audience, Notes


@dataclass(frozen=True, kw_only=True)
class NotesLine:
    """why_not: empty where the notes have it."""

    name: str
    why_not: str


_DEVELOPERS = "these notes are for other readers: --audience developer"
_NOTHING_BREAKS = "no change of the range declares that it breaks something"


def lines_of(notes: Notes) -> tuple[NotesLine, ...]:
    """All of them, in the order of the notes."""
    return tuple(NotesLine(name=name, why_not=why) for name, why in _lines(notes))


def _lines(notes: Notes) -> Iterator[tuple[str, str]]:
    around = notes.around
    yield "title", ""
    yield "new features", _section(notes, "Features", "adds a feature")
    yield "business value", "" if _any_value(notes) else "no shown commit has a `Value:` trailer"
    yield "implementation details", _details(notes)
    yield "migration guide", _migration(notes)
    yield "breaking changes", "" if notes.breaking or around.broken else _NOTHING_BREAKS
    yield "impact of breaking changes", _of_breaking(notes, lambda one: one.impact, "Impact", around.broken)
    yield "migration timeline", _of_breaking(notes, lambda one: one.until, "Works-until", ())
    yield "backward compatibility", _compatibility(notes)
    for title in ASPECTS:
        yield f"improvements: {title.lower()}", _section(notes, title, f"improves {title.lower()}")
    yield "improvements: security", _section(notes, "Security", "is about security")
    yield "bug fixes", _section(notes, "Fixes", "fixes a bug")
    for name, words in (("response time", ("slow", "latency", "duration", "p95")), ("error rate", ("error",))):
        there = any(word in metric.lower() for metric, _ in notes.measured for word in words)
        yield name, "" if there else around.why_not.get("measured", "this version was not measured here")
    for name in ("deployment success rate", "user satisfaction"):
        there = any(name == label.lower() for label, _ in around.rates)
        yield name, "" if there else around.why_not.get(name, "nothing was measured here")
    yield "steps for developers", "" if notes.developer_steps else _no_steps(notes, Audience.DEVELOPER)
    yield "steps for users", "" if notes.user_steps else _no_steps(notes, Audience.USER)
    for label in ("documentation", "portal", "training", "contact"):
        yield f"support: {label}", "" if around.help(label) else f"notes.support.{label} is not configured"
    upcoming = around.why_not.get("milestone", "neither notes.next.upcoming nor notes.milestone is configured")
    yield "upcoming features", "" if around.upcoming else upcoming
    told = around.roadmap or around.feedback
    yield "roadmap and feedback", "" if told else "neither notes.next.roadmap nor .feedback is configured"
    dated = around.why_not.get("milestone", "neither notes.next.day nor notes.milestone is configured")
    yield "next release", "" if around.next_release else dated


def _section(notes: Notes, title: str, does: str) -> str:
    if any(title == shown for shown, _ in notes.sections):
        return ""
    if notes.audience is Audience.EXECUTIVE and title not in ("Features", "Security"):
        return "executives get features and security only"
    return f"no change of the range {does}"


def _details(notes: Notes) -> str:
    if notes.audience is not Audience.DEVELOPER:
        return _DEVELOPERS
    told = any(item.details for _, items in notes.sections for item in items)
    return "" if told else "no shown commit has a `Implementation:` trailer"


def _any_value(notes: Notes) -> bool:
    return any(item.value for _, items in notes.sections for item in items)


def _migration(notes: Notes) -> str:
    if notes.audience is Audience.EXECUTIVE:
        return "executives get the number of breaking changes only"
    return "" if notes.breaking else _NOTHING_BREAKS


def _of_breaking(notes: Notes, said: Callable[..., str], trailer: str, shown: tuple[object, ...]) -> str:
    if not notes.breaking and not shown:
        return _NOTHING_BREAKS
    if shown or any(said(one) for one in notes.breaking):
        return ""
    return f"no breaking change has an `{trailer}:` trailer"


def _compatibility(notes: Notes) -> str:
    """Said where documents were compared, where an old way still works, or where something is deprecated."""
    deprecated = any(title == "Deprecated" for title, _ in notes.sections)
    if notes.around.documents or deprecated or any(one.until for one in notes.breaking):
        return ""
    return notes.around.why_not.get("api", "no OpenAPI document is in the repository, and nothing is deprecated")


def _no_steps(notes: Notes, reader: Audience) -> str:
    if notes.audience is not reader:
        return f"these notes are for other readers: --audience {reader}"
    return "nothing breaks, and notes.update_steps and notes.support are not configured"
