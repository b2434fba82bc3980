"""What a line of code is to the risk model: a decision, a comment, or nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable

_DECISION = re.compile(
    rb"\b(?:if|elif|else if|elsif|for|while|until|unless|case|when|catch|except|rescue|match)\b|&&|\|\||\?[^.?:]"
)

_IN_C = (b"//", b"/*", b"* ", b"*/")
_COMMENTS = {
    **dict.fromkeys(
        ("py", "pyx", "pyi", "rb", "sh", "bash", "zsh", "fish", "pl", "pm", "r", "jl", "ex", "exs", "nim", "tcl", "awk",
         "cr", "ps1", "psm1", "graphql", "gql"), (b"#",),
    ),
    **dict.fromkeys(("sql", "hs", "elm", "pks", "pkb", "plsql"), (b"--", b"/*", b"* ", b"*/", b"{-")),
    **dict.fromkeys(("lua",), (b"--",)),
    **dict.fromkeys(
        ("vue", "svelte", "astro", "html", "htm", "erb", "ejs", "hbs", "twig", "jsp", "cshtml", "razor"),
        (*_IN_C, b"<!--", b"<%#", b"{#"),
    ),
    **dict.fromkeys(("clj", "cljs", "cljc", "el", "lisp", "rkt", "asm", "s"), (b";",)),
    **dict.fromkeys(("ml", "mli", "fs"), (b"(*", b"//")),
    **dict.fromkeys(("bat", "cmd"), (b"::", b"rem ", b"REM ")),
    "erl": (b"%",), "vb": (b"'",), "php": (*_IN_C, b"# "),
}  # fmt: skip
"""How a comment begins in the languages of these suffixes; in all others as in C, where `#` begins code."""


def are_idle(lines: Iterable[bytes], suffix: str) -> list[bool]:
    """Whether each line is blank or a comment. lines: without the sign of a patch."""
    signs = _COMMENTS.get(suffix, _IN_C)
    return [(text := line.strip()) in _NOTHING or text.startswith(signs) for line in lines]


_NOTHING = frozenset((b"", b"*", b"#"))


def decisions(line: bytes) -> int:
    """How many ways a line opens."""
    return len(_DECISION.findall(line))
