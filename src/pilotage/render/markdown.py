"""A plan as Markdown: for a pull request, a ticket, or a page of a wiki."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pilotage.model.document import Section
from pilotage.model.plan import Plan
from pilotage.model.text import clean
from pilotage.render.sections import headline, sections, summary

_ALWAYS = re.compile(r"([\\`*<|]|(?<![^\W_])_|_(?![^\W_]))")
"""An underscore within a word is not emphasis."""

_AT_START = re.compile(r"^(\s{0,3})(#{1,6}(?=\s|$)|>)")
_LINKS = re.compile(r"\][(\[:]|^\s{0,3}\[.\]|\[\^")
"""Brackets that make a link, its definition, a task or a footnote."""


def to_markdown(plan: Plan) -> str:
    """The whole plan, its identity first."""
    lines = [f"# {literal(headline(plan))}", "", f"{literal(summary(plan))}.", "", f"Plan `{plan.hash}`.", ""]
    lines += (line for note in plan.notes for line in (f"> {literal(note)}", ""))
    for section in sections(plan):
        lines += section_to_markdown(section)
    return "\n".join(lines)


def section_to_markdown(section: Section) -> Iterator[str]:
    yield from (f"## {literal(section.title)}", "")
    for sentence in section.sentences:
        yield from (f"{coded(sentence)}", "")
    if section.rows:
        rule = ("--:" if header in section.numbers else "---" for header in section.headers)
        yield f"| {' | '.join(map(literal, section.headers))} |"
        yield f"|{'|'.join(rule)}|"
        yield from (f"| {' | '.join(map(_cell, row))} |" for row in section.rows)
        yield ""
    if section.bullets:
        yield from (f"- {coded(bullet)}" for bullet in section.bullets)
        yield ""


def coded(text: str) -> str:
    """Plain text but for `code` between backticks, which stays code."""
    parts = clean(text).split("`")
    if len(parts) % 2 == 0:
        return literal(text)
    return "".join(
        f"`{part.replace(chr(10), ' ')}`" if index % 2 and part.strip() else literal(f"`{part}`" if index % 2 else part)
        for index, part in enumerate(parts)
    )


def _cell(text: str) -> str:
    """A table ends a cell at a bar, also within code (GFM 0.29, 4.10)."""
    return re.sub(r"(?<!\\)\|", r"\|", coded(text))


def literal(text: str) -> str:
    """Plain text without markup, on one line. Escapes only what Markdown would interpret."""
    line = clean(text).replace("\n", " ")
    escaped = _AT_START.sub(r"\1\\\2", _ALWAYS.sub(r"\\\1", line))
    return re.sub(r"([\[\]])", r"\\\1", escaped) if _LINKS.search(line) else escaped
