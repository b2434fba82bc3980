"""Renames old keys of a `pilotage.yaml` in its text: comments, order and layout stay as they are."""

from __future__ import annotations

from pilotage.config.yaml_reader import Mark, read
from pilotage.model.answers import SHORT_NAMES
from pilotage.model.renamed import renamed

Edit = tuple[Mark, str, str]
"""Where a key stands, what it is called there, and what it is to be called."""


def with_names_of_today(content: bytes, file: str) -> tuple[bytes, int]:
    """The file with today's names, and how many keys were renamed. Raises ConfigError if it is no YAML."""
    document = read(content, file)
    _, found = renamed(document.data)
    edits: list[Edit] = [
        (document.keys[old.path], str(old.path[-1]), str(old.now[-1]))
        for old in found
        if old.path in document.keys and old.path[-1] not in SHORT_NAMES
    ]
    text = content.decode("utf-8-sig")
    lines = text.split("\n")
    # From the end, so that an edit moves nothing that is still to be edited.
    for mark, before, after in sorted(edits, key=lambda edit: (edit[0].line, edit[0].column), reverse=True):
        lines[mark.line - 1] = _edited(lines[mark.line - 1], mark.column - 1, before, after)
    marked = content.startswith(b"\xef\xbb\xbf")
    return "\n".join(lines).encode("utf-8-sig" if marked else "utf-8"), len(edits)


def _edited(line: str, column: int, before: str, after: str) -> str:
    start = line.index(before, column)  # a quoted key begins one character later
    return line[:start] + after + line[start + len(before) :]
