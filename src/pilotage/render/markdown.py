"""A plan as Markdown: for a pull request, a ticket, or a page of a wiki."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pilotage.model.plan import Plan
from pilotage.render.sections import Section, headline, sections, summary

_MARKUP = re.compile(r"([\\`*_\[\]<>|#])")


def to_markdown(plan: Plan) -> str:
    """The whole plan, its identity first."""
    lines = [f"# {_text(headline(plan))}", "", f"{_text(summary(plan))}.", "", f"Plan `{plan.hash}`.", ""]
    lines += (line for note in plan.notes for line in (f"> {_text(note)}", ""))
    for section in sections(plan):
        lines += _section(section)
    return "\n".join(lines)


def _section(section: Section) -> Iterator[str]:
    yield from (f"## {section.title}", "")
    for sentence in section.sentences:
        yield from (f"{_text(sentence)}", "")
    if section.rows:
        rule = ("--:" if header in section.numbers else "---" for header in section.headers)
        yield f"| {' | '.join(map(_text, section.headers))} |"
        yield f"|{'|'.join(rule)}|"
        yield from (f"| {' | '.join(map(_text, row))} |" for row in section.rows)
        yield ""
    if section.bullets:
        yield from (f"- {_text(bullet)}" for bullet in section.bullets)
        yield ""


def _text(text: str) -> str:
    """Plain text: nothing of it is markup, and it stays on its line."""
    return _MARKUP.sub(r"\\\1", text).replace("\n", " ")
