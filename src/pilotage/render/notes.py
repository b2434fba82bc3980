"""Release notes as a document, as a draft to edit, and as JSON."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from pilotage.model.document import Document, Section
from pilotage.model.output.reports import ApiChangeOutput, BreakingOutput, NoteOutput, NotesOutput, NotesSectionOutput
from pilotage.model.wording import counted
from pilotage.render.markdown import coded, literal
from pilotage.render.plain_table import lines_of as lines_of_table
from pilotage.report.breaking import sentence
from pilotage.report.curated import Line, merged
from pilotage.report.merges import reference
from pilotage.report.notes import Audience, Breaking, Item, Notes
from pilotage.report.notes_lines import lines_of
from pilotage.report.openapi import ApiChange
from pilotage.report.openapi_kinds import Certainty

_MOST_HINTS = 5


def document_of(notes: Notes) -> Document:
    """Everything that this audience gets."""
    parts = [*_breaking(notes)]
    for title, items in notes.sections:
        parts.append(Section(_anchor(title), title, bullets=tuple(_shown(item, notes) for item in items)))
    parts += _around(notes)
    if notes.contributors:
        parts.append(Section("contributors", "Contributors", (", ".join(notes.contributors),)))
    return Document(_title(notes), tuple(_lead(notes)), tuple(parts))


_ONE = {
    "features": "feature", "improvements": "improvement", "changes": "change", "fixes": "fix",
    "dependencies": "dependency",
}  # fmt: skip
"""Titles with a singular form."""


def _title(notes: Notes) -> str:
    day = f", {notes.day.isoformat()}" if notes.day else ""
    return f"{notes.service} {notes.version}{day}"


def _lead(notes: Notes) -> list[str]:
    if not notes.changes:
        return [f"No changes ({notes.range})."]
    kinds = ", ".join(f"{count} {_ONE.get(title, title) if count == 1 else title}" for title, count in notes.counts)
    found = [f"{counted(notes.changes, 'change')}: {kinds}."]
    if notes.breaking:
        one = len(notes.breaking) == 1
        found.append(f"{len(notes.breaking)} of them {'is' if one else 'are'} breaking: see the migration guide.")
    if notes.audience is Audience.DEVELOPER and notes.unsure:
        found.append(f"The kind of {notes.unsure} of them is a guess (marked ?).")
    if notes.audience is Audience.DEVELOPER and notes.may_break:
        found.append(
            f"By their words these may break something, though neither ! nor a BREAKING CHANGE footer declares it: "
            f"{', '.join(notes.may_break[:_MOST_HINTS])}."
        )
    return found


def _breaking(notes: Notes) -> list[Section]:
    """What breaks and what to do: for developers with the details, for executives as a number."""
    if not notes.breaking or notes.audience is Audience.EXECUTIVE:
        return []
    bullets = tuple(_migration(one) for one in notes.breaking)
    sentence_ = "Before you upgrade:" if notes.audience is Audience.USER else "Breaking changes, and what to do:"
    return [Section("migration", "Migration guide", (sentence_,), bullets=bullets)]


def _migration(one: Breaking) -> str:
    text = f"{one.text}: {one.cure}" if one.cure and one.cure != one.text else one.text
    impact = f" Impact: {one.impact.rstrip('.')}." if one.impact else ""
    until = f" The old way works until {one.until.rstrip('.')}." if one.until else ""
    stop = "." if (impact or until) and not text.endswith((".", "!", "?")) else ""
    return f"{text}{stop}{impact}{until}"


def _around(notes: Notes) -> Iterator[Section]:
    """What stands beside the changes, as far as it is known."""
    around = notes.around
    if around.api and notes.audience is Audience.DEVELOPER:
        yield Section("api", "API changes", (_api_lead(notes),), bullets=tuple(map(_api_change, around.api)))
    if rows := (*notes.measured, *around.rates):
        yield Section("measured", "Measured", headers=("measure", "value"), rows=rows)
    if steps := notes.developer_steps or notes.user_steps:
        yield Section("steps", "How to update", bullets=tuple(map(sentence, steps)))
    if around.support:
        yield Section(
            "support", "Support", bullets=tuple(f"{sentence(label)}: {where}" for label, where in around.support)
        )
    if upcoming := tuple(_upcoming(notes)):
        yield Section("next", "What's next", bullets=upcoming)


def _api_lead(notes: Notes) -> str:
    count = notes.around.operations
    shown = ", ".join(notes.around.documents)
    return f"{counted(count, 'operation')} of {shown} break{'s' * (count == 1)} callers:"


def _api_change(one: ApiChange) -> str:
    perhaps = "may break: " if one.certainty is Certainty.MAY_BREAK else ""
    return f"{perhaps}{one.sentence}; {one.cure}"


def _upcoming(notes: Notes) -> Iterator[str]:
    around = notes.around
    yield from around.upcoming
    if around.next_release:
        yield f"Next release: {around.next_release}"
    if around.roadmap:
        yield f"Roadmap: {around.roadmap}"
    if around.feedback:
        yield f"Tell us what you need: {around.feedback}"


def _shown(item: Item, notes: Notes) -> str:
    if notes.audience is not Audience.DEVELOPER:
        return f"{item.text}. {item.value}" if item.value else item.text
    scope = f"{item.scope}: " if item.scope else ""
    links = [reference(item.request) if item.request else item.id[:9], *item.issues[:3]]
    value = f". {item.value.rstrip('.')}" if item.value else ""
    details = f". {item.details.rstrip('.')}" if item.details else ""
    return f"{scope}{item.text}{value}{details} ({', '.join(links)}{', ?' if item.unsure else ''})"


def _anchor(title: str) -> str:
    return title.lower().replace(" ", "-").replace("'", "")


def draft_of(notes: Notes, before: str | None) -> str:
    """Markdown to edit. before: the draft with people's edits, which stay."""
    sections: list[tuple[str, list[Line]]] = []
    if notes.breaking and notes.audience is not Audience.EXECUTIVE:
        lines = [Line(f"{one.id[:11]}b", coded(_migration(one))) for one in notes.breaking]
        sections.append(("Migration guide", lines))
    for title, items in notes.sections:
        sections.append((title, [Line(item.id, coded(_shown(item, notes))) for item in items]))
    for part in _around(notes):
        rows = [f"{label}: {value}" for label, value in part.rows]
        lines = [Line(_id_of(part.id, text), coded(text)) for text in (*part.bullets, *rows)]
        sections.append((part.title, lines))
    head = "\n\n".join([f"# {literal(_title(notes))}", *(literal(one) for one in _lead(notes))])
    return merged(before, head, sections)


def _id_of(part: str, text: str) -> str:
    """Of a line that no commit stands for."""
    return hashlib.sha256(f"{part}: {text}".encode()).hexdigest()[:12]


def notes_output(notes: Notes) -> NotesOutput:
    """Notes as the JSON that `notes` prints."""
    return NotesOutput(
        service=notes.service,
        version=notes.version,
        date=notes.day.isoformat() if notes.day else None,
        audience=notes.audience.value,
        range=notes.range,
        counts=dict(notes.counts),
        guessed=notes.unsure,
        breaking=tuple(
            BreakingOutput(id=one.id, text=one.text, migration=one.cure, impact=one.impact, works_until=one.until)
            for one in notes.breaking
        ),
        may_break=notes.may_break,
        sections=tuple(
            NotesSectionOutput(title=title, items=tuple(map(_note, items))) for title, items in notes.sections
        ),
        contributors=notes.contributors,
        measured=dict((*notes.measured, *notes.around.rates)),
        api=tuple(map(_api, notes.around.api)),
        steps=notes.developer_steps or notes.user_steps,
        support=dict(notes.around.support),
        upcoming=notes.around.upcoming,
        next_release=notes.around.next_release or None,
        roadmap=notes.around.roadmap or None,
        feedback=notes.around.feedback or None,
        left_out={line.name: line.why_not for line in lines_of(notes) if line.why_not},
    )


def _api(one: ApiChange) -> ApiChangeOutput:
    return ApiChangeOutput(
        method=one.method, path=one.path, place=one.place, change=one.what, callers_must=one.cure,
        breaks=one.certainty is Certainty.BREAKS,
    )  # fmt: skip


def lines_table(notes: Notes) -> tuple[str, ...]:
    """A line for each part of complete release notes: whether these notes have it, or why not."""
    found = lines_of(notes)
    rows = [(line.name, line.why_not or "yes") for line in found]
    there = sum(not line.why_not for line in found)
    return (*lines_of_table(("LINE", "IN THESE NOTES"), rows), f"{there} of {len(found)} lines")


def _note(item: Item) -> NoteOutput:
    return NoteOutput(
        id=item.id,
        text=item.text,
        scope=item.scope,
        request=item.request,
        issues=item.issues,
        authors=item.authors,
        guessed=item.unsure,
        value=item.value,
        details=item.details,
    )
