"""Texts from outside: no control characters, no escape sequences, no direction tricks, no overlong lines.

What people wrote for people is cleaned. Names, addresses and what is typed into the API are refused: a name that was
cleaned would be another one.
"""

from __future__ import annotations

import re

_NOT_TEXT = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # a terminal's control sequence (ECMA-48, 5.4)
    r"|\x1b[]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\|\Z)"  # a command to it, such as a title or a link (ECMA-48, 5.6)
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]"
    r"|[\u200e\u200f\u061c\u202a-\u202e\u2066-\u206f]"  # Unicode's marks of direction (UAX 9, 2)
)
_ODD = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u206f]")
"""Every character with which something of the two others begins: of a long text that has none, this is known sooner."""
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_NOTHING = re.compile(r"[\x00\ud800-\udfff]")
_LINE_ENDS = re.compile(r"\r\n?|[\u2028\u2029]")


def clean(text: str) -> str:
    """The text without control characters (line feeds and tabs stay), escape sequences and marks that turn the reading
    direction."""
    return _NOT_TEXT.sub("", _LINE_ENDS.sub("\n", text)) if _ODD.search(text) else text


def control_in(text: str, *, lines: bool) -> str:
    """The first control character or half of a character, as `U+0000`; empty for none. lines: whether tabs and line
    ends are none."""
    found = _CONTROL.search(text) or (None if lines else re.search(r"[\t\n\r]", text))
    return f"U+{ord(found[0]):04X}" if found else ""


def holds_no_text(text: str) -> bool:
    """Whether it has a zero byte or half of a character: no file, program or store takes that."""
    return _NOTHING.search(text) is not None


def plain(text: str, most: int) -> str:
    """The clean text, at most so many characters, and an ellipsis where something was cut."""
    kept = clean(text)
    return kept if len(kept) <= most else f"{kept[: most - 1]}…"


def line(text: str, most: int) -> str:
    """The text as one line."""
    return " ".join(plain(text, 10 * most).split())[:most]


def sentence(text: str) -> str:
    """The text with a capital letter and a full stop, unless it has them."""
    begun = f"{text[:1].upper()}{text[1:]}"
    return begun if not text or text.endswith(("?", "!", ".", "…")) else f"{begun}."


_CLAUSES = re.compile(r"[;:.] |, ")


def brief(text: str, most: int) -> str:
    """At most so many characters, whole clauses where there are any: what is left out shows as an ellipsis."""
    if len(text) <= most:
        return text
    kept = text[: most - 1]
    ends = [found.start() for found in _CLAUSES.finditer(kept) if found.start() >= most // 3]
    end = ends[-1] if ends else kept.rfind(" ")
    return f"{kept[:end] if end > 0 else kept} …"
