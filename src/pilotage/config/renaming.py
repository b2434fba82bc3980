"""Renames old keys of a `pilotage.yaml` in its text. Comments, order and layout stay."""

from __future__ import annotations

from pilotage.config.yaml_reader import ConfigError, Scalar, read, scalars
from pilotage.model.answers import SHORT_NAMES
from pilotage.model.renamed import Renamed, renamed


def with_names_of_today(content: bytes, file: str) -> tuple[bytes, int]:
    """The file with today's names, and how many were replaced. Raises ConfigError if it is no YAML, or has a key twice:
    one of the two would keep its old name."""
    document = read(content, file)
    if document.problems:
        raise ConfigError(file, document.problems)
    found = [old for old in renamed(document.data)[1] if old.before not in SHORT_NAMES]
    text = content.decode("utf-8-sig")
    places = scalars(text) if found else {}
    marks = [(document.marks if old.within else document.keys).get(old.path) for old in found]
    there = [(places[mark], old) for mark, old in zip(marks, found, strict=True) if mark in places]
    changed = 0
    # From the end, so that an edit moves nothing that is still to be edited. Of two in one value, the second sees what
    # the first made of it: both begin at the same place.
    ends: dict[int, int] = {}
    for place, old in sorted(there, key=lambda one: one[0].start, reverse=True):
        end = ends.get(place.start, place.end)
        before = text[place.start : end]
        after = _edited(before, place, old)
        ends[place.start] = place.start + len(after)
        text = text[: place.start] + after + text[end:]
        changed += after != before
    marked = content.startswith(b"\xef\xbb\xbf")
    return text.encode("utf-8-sig" if marked else "utf-8"), changed


def _edited(written: str, place: Scalar, old: Renamed) -> str:
    """written: the key or value with its quotes or the `|` of a block, which may end with a comment."""
    if old.within and place.style in ("|", ">"):
        head, line, block = written.partition("\n" if "\n" in written else "\r")
        return head + line + block.replace(old.before, old.after)
    if old.within:
        return written.replace(old.before, old.after)  # what is written as an escape stays, and is refused as before
    return f"{place.style}{old.after}{place.style}"
