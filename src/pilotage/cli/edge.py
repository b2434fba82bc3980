"""Writes the command line's output so that no text can control a terminal, wherever it came from.

Versions, reasons, logs and messages are sanitised where they enter. Here they are sanitised again, for older or changed
records. Only Rich, which colours and redraws, writes escape sequences, and none from a text.
"""

from __future__ import annotations

import codecs
import sys
from collections.abc import Callable, Iterable
from io import TextIOWrapper
from typing import TYPE_CHECKING, TextIO, cast

from pilotage.model.text import clean

if TYPE_CHECKING:
    from rich.console import Console


_PLAIN = {
    "→": "->", "←": "<-", "–": "-", "—": "-", "−": "-", "…": "...", "·": "-", "•": "*", "×": "x", "≥": ">=", "≤": "<=",
    "≠": "!=", "✓": "+", "✗": "x", "●": "*", "━": "-", "─": "-", "│": "|", "█": "#", "░": ".", "‘": "'", "’": "'",
    "“": '"', "”": '"', "\u00a0": " ", "\u202f": " ",
}  # fmt: skip
"""Replacements for characters that a terminal or pipe cannot encode; `?` for any other."""


def _in_plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_PLAIN.get(one, "?") for one in error.object[error.start : error.end]), error.end


codecs.register_error("pilotage-plain", _in_plain)


class _Edge:
    """A text stream that writes clean texts only."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        self.stream.write(clean(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for text in lines:
            self.write(text)

    def __getattr__(self, name: str) -> object:
        return getattr(self.stream, name)


def guard() -> Callable[[], None]:
    """Put both streams behind the edge; what undoes that."""
    before = sys.stdout, sys.stderr
    for stream in before:
        if isinstance(stream, TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="pilotage-plain")

    def undo() -> None:
        sys.stdout, sys.stderr = before

    sys.stdout, sys.stderr = (
        one if isinstance(one, _Edge) else cast(TextIO, _Edge(one)) for one in (sys.stdout, sys.stderr)
    )
    return undo


def texts(words: list[str]) -> list[str]:
    """The words of a command line. Raises UnicodeEncodeError where one of them is no text."""
    for word in words:
        word.encode()
    return words


def echo_command(line: str) -> None:
    """Print a line with control characters, which a pipeline's runner takes as a command: of Pilotage's own making,
    with cleaned texts in it."""
    stream = sys.stdout
    print(line, file=stream.stream if isinstance(stream, _Edge) else stream, flush=True)


def console(*, stderr: bool = False) -> Console:
    """Rich's console: no text is markup, and none holds a control character."""
    from rich.console import Console
    from rich.segment import Segment

    class Clean(Console):
        def _render_buffer(self, buffer: Iterable[Segment]) -> str:
            return super()._render_buffer(one if one.control else Segment(clean(one.text), one.style) for one in buffer)

    stream = sys.stderr if stderr else sys.stdout
    return Clean(file=stream.stream if isinstance(stream, _Edge) else stream, markup=False, emoji=False)
