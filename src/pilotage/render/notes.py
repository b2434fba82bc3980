"""Release notes as a document, as a draft to edit, and as JSON."""

from __future__ import annotations

from pilotage.model.document import Document, Section
from pilotage.model.output.reports import BreakingOutput, NoteOutput, NotesOutput, NotesSectionOutput
from pilotage.render.markdown import coded, literal
from pilotage.report.curated import Line, merged
from pilotage.report.merges import reference
from pilotage.report.notes import Audience, Breaking, Item, Notes

_MOST_HINTS = 5


def document_of(notes: Notes) -> Document:
    """Everything that this audience gets."""
    parts = [*_breaking(notes)]
    for title, items in notes.sections:
        parts.append(Section(_anchor(title), title, bullets=tuple(_shown(item, notes) for item in items)))
    if notes.measured:
        parts.append(Section("measured", "Measured", headers=("measure", "value"), rows=notes.measured))
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
    counted = ", ".join(f"{count} {_ONE.get(title, title) if count == 1 else title}" for title, count in notes.counts)
    found = [f"{notes.changes} change{'s' * (notes.changes != 1)}: {counted}."]
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
    return f"{one.text}: {one.cure}" if one.cure and one.cure != one.text else one.text


def _shown(item: Item, notes: Notes) -> str:
    if notes.audience is not Audience.DEVELOPER:
        return item.text
    scope = f"{item.scope}: " if item.scope else ""
    links = [reference(item.request) if item.request else item.id[:9], *item.issues[:3]]
    return f"{scope}{item.text} ({', '.join(links)}{', ?' if item.unsure else ''})"


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
    head = "\n\n".join([f"# {literal(_title(notes))}", *(literal(one) for one in _lead(notes))])
    return merged(before, head, sections)


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
        breaking=tuple(BreakingOutput(id=one.id, text=one.text, migration=one.cure) for one in notes.breaking),
        may_break=notes.may_break,
        sections=tuple(
            NotesSectionOutput(title=title, items=tuple(map(_note, items))) for title, items in notes.sections
        ),
        contributors=notes.contributors,
        measured=dict(notes.measured),
    )


def _note(item: Item) -> NoteOutput:
    return NoteOutput(
        id=item.id,
        text=item.text,
        scope=item.scope,
        request=item.request,
        issues=item.issues,
        authors=item.authors,
        guessed=item.unsure,
    )
