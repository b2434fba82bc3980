"""Renames old keys of a `pilotage.yaml` in its text. Comments, order and layout stay."""

from __future__ import annotations

from pilotage.config.yaml_reader import Mark, read
from pilotage.model.answers import SHORT_NAMES
from pilotage.model.renamed import renamed

Edit = tuple[Mark, str, str]
"""The place of a key or value, the old name in it, and the new one."""


def with_names_of_today(content: bytes, file: str) -> tuple[bytes, int]:
    """The file with today's names, and how many keys were renamed. Raises ConfigError if it is no YAML."""
    document = read(content, file)
    _, found = renamed(document.data)
    edits: list[Edit] = [
        (document.marks[old.path] if old.within else document.keys[old.path], old.before, old.after)
        for old in found
        if old.path in (document.marks if old.within else document.keys) and old.before not in SHORT_NAMES
    ]
    text = content.decode("utf-8-sig")
    lines = text.split("\n")
    # From the end, so that an edit moves nothing that is still to be edited.
    for mark, before, after in sorted(edits, key=lambda edit: (edit[0].line, edit[0].column), reverse=True):
        lines[mark.line - 1] = _edited(lines[mark.line - 1], mark.column - 1, before, after)
    marked = content.startswith(b"\xef\xbb\xbf")
    return "\n".join(lines).encode("utf-8-sig" if marked else "utf-8"), len(edits)


def _edited(line: str, column: int, before: str, after: str) -> str:
    """A key once, a placeholder as often as it is in the value. Text on further lines stays."""
    head, rest = line[:column], line[column:]
    return head + rest.replace(before, after, -1 if before.startswith("{") else 1)
