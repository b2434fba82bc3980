"""Changes made by hand, without git."""

from __future__ import annotations

from pilotage.model.change import Change, FilePatch

START = 1_700_000_000
DAY = 86400


def added(path: str, lines: int, at: int = 1) -> FilePatch:
    """Lines written from line `at` on; of a new file where `at` is 1."""
    before = "" if at == 1 else path
    return FilePatch(path, before, lines, 0, hunks=((at - 1, 0, at, lines),))


def rewritten(path: str, lines: int, at: int = 1) -> FilePatch:
    """Lines taken out and written anew."""
    return FilePatch(path, path, lines, lines, hunks=((at, lines, at, lines),))


def change(number: int, message: str, *files: FilePatch, days: float = 0) -> Change:
    """The id is its number; `days` after the start, so many days as its number where left out."""
    at = START + int((days or number) * DAY)
    return Change(f"{number:040x}", (), "ada@example.org", at, 0, message, files, landed=at)
