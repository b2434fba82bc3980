"""The text of an announcement as a document: what comes before the first list is its lead, each list a section."""

from __future__ import annotations

import re

from pilotage.model.document import Document, Section


def document_of(title: str, text: str) -> Document:
    """A block whose first line ends with a colon, and whose other lines begin with `- `, is a section."""
    lead: list[str] = []
    sections: list[Section] = []
    for block in re.split(r"\n(?:[ \t]{0,9}\n)+", text.strip()):
        head, *lines = block.split("\n")
        if head.endswith(":") and lines and all(line.startswith("- ") for line in lines):
            bullets = tuple(line[2:] for line in lines)
            sections.append(Section(f"part-{len(sections) + 1}", head.rstrip(":"), bullets=bullets))
        elif sections:
            sections.append(Section(f"part-{len(sections) + 1}", "Also", sentences=(block,)))
        else:
            lead += [head, *lines]
    return Document(title, tuple(lead), tuple(sections))
