"""What instances wrote, for people: without secrets, control characters and escape sequences."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from pilotage.adapters.ports import Fleet
from pilotage.model.text import clean, line

LINE, LONG_LINE = 200, 4000
"""Characters of a line in a sentence, and of one that people ask for."""
LAST_WORDS = 60
"""Lines in which the error is found that ended a program, below which servers write lines of their own."""
_ERROR = re.compile(r"[\w.]*(?:Error|Exception)\b|panic:|fatal error:")
"""How the line begins in which Python, Node, Java or Go say why a program ended."""
_SAID = 300
"""Characters of a log in a sentence about a death."""
_FOR_A_LINE = 512
_LEAST, _MOST = 64 << 10, 8 << 20
"""Bytes at the end of a file in which its last lines are looked for."""


@runtime_checkable
class ReadableLogs(Fleet, Protocol):
    """A fleet whose logs people can read as they are. Of any other, `log_tail` has the last lines, without those that
    say the same again."""

    def log(self, instance: str, lines: int) -> tuple[str, ...]:
        """The last lines that an instance wrote. instance: its id, or `host:port`.

        Effect: none.
        After it returns: oldest first, each as often as it was written, without secrets and control characters; empty
            if the instance is unknown or wrote nothing.
        Errors: AdapterError.
        Deadline: a few seconds.
        Concurrency: any thread, also while `ensure` runs.
        """


def end_of(path: Path, lines: int) -> str:
    """At least so many lines at the end of a file, as far as it has them and they are not very long; empty if there is
    no file. Raises OSError."""
    wanted = min(_MOST, max(_LEAST, lines * _FOR_A_LINE))
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - wanted))
            text = file.read(wanted).decode(errors="replace")
    except FileNotFoundError:
        return ""
    return text if size <= wanted else text.partition("\n")[2]


def for_sentences(text: str, lines: int) -> tuple[str, ...]:
    """The last lines that say something, each at most `LINE` characters. The same line again says no more than once."""
    shown = [line(row, LINE) for row in clean(text).split("\n") if any(map(str.isalnum, row))]
    return tuple(list(dict.fromkeys(shown))[-lines:]) if lines > 0 else ()


def last_words(rows: Sequence[str], count: int = 3) -> str:
    """The end of a log, for the sentence that explains a death: its last lines, after the last error that a runtime
    reported above them. rows: at most `LAST_WORDS` are worth reading."""
    said = [row for row in rows if row.strip()]
    shown = [row.strip() for row in said[-count:]]
    above = [row for row in said[:-count] if _ERROR.match(row)]
    if not above or any(map(_ERROR.match, shown)):
        return " / ".join(shown)[-_SAID:]
    error = above[-1][: _SAID * 2 // 3]
    return f"{error} / {' / '.join(shown[1:])[len(error) - _SAID :]}"


def for_people(text: str, lines: int, public: Callable[[str], str] = str) -> tuple[str, ...]:
    """The last lines as they are, with their indentation."""
    rows = clean(public(text)).removesuffix("\n").split("\n") if text else []
    return tuple(row[:LONG_LINE].rstrip() for row in rows[-lines:]) if lines > 0 else ()


def new_lines(before: Sequence[str], now: Sequence[str]) -> tuple[tuple[str, ...], bool]:
    """What the end of a log has now and had not before, and whether something may be missing between them: so much was
    written meanwhile that no line of before is left."""
    if not before:
        return tuple(now), False
    for shift in range(len(before)):
        kept = before[shift:]
        if tuple(now[: len(kept)]) == tuple(kept):
            return tuple(now[len(kept) :]), False
    return tuple(now), bool(now)
