"""What a line of code is to the risk model: a decision, a comment, or nothing."""

from __future__ import annotations

import re

_DECISION = re.compile(
    rb"\b(?:if|elif|else if|elsif|for|while|until|unless|case|when|catch|except|rescue|match)\b|&&|\|\||\?[^.?:]"
)

_HASH = re.compile(rb"\s*(?:$|#)")
_SLASHES = re.compile(rb"\s*(?:$|//|/\*|\*(?:[\s/*]|$))")
_PHP = re.compile(rb"\s*(?:$|//|/\*|\*(?:[\s/*]|$)|#(?!\[))")
_DASHES = re.compile(rb"\s*(?:$|--|/\*|\*(?:[\s/*]|$)|\{-)")
_LUA = re.compile(rb"\s*(?:$|--)")
_MARKUP = re.compile(rb"\s*(?:$|<!--|//|/\*|\*(?:[\s/*]|$)|<%#|\{#)")
_SEMICOLON = re.compile(rb"\s*(?:$|;)")
_PERCENT = re.compile(rb"\s*(?:$|%)")
_QUOTE = re.compile(rb"\s*(?:$|'|[Rr][Ee][Mm]\b)")
_ML = re.compile(rb"\s*(?:$|\(\*|//)")

_COMMENTS: dict[str, re.Pattern[bytes]] = {
    **dict.fromkeys(
        ("py", "pyx", "pyi", "rb", "sh", "bash", "zsh", "fish", "pl", "pm", "r", "jl", "ex", "exs", "nim", "tcl", "awk",
         "cr", "ps1", "psm1", "graphql", "gql", "slim", "yaml", "yml"), _HASH,
    ),
    **dict.fromkeys(("sql", "hs", "elm", "pks", "pkb", "plsql"), _DASHES),
    **dict.fromkeys(("lua",), _LUA),
    **dict.fromkeys(
        ("vue", "svelte", "astro", "html", "htm", "erb", "ejs", "hbs", "twig", "jsp", "cshtml", "razor"), _MARKUP
    ),
    **dict.fromkeys(("clj", "cljs", "cljc", "el", "lisp", "rkt", "asm", "s"), _SEMICOLON),
    **dict.fromkeys(("erl", "m"), _PERCENT),
    **dict.fromkeys(("ml", "mli", "fs"), _ML),
    "php": _PHP, "vb": _QUOTE, "bat": _QUOTE, "cmd": _QUOTE,
}  # fmt: skip
"""How a comment begins in the languages of these suffixes; in all others as in C, where `#` begins code."""


def is_idle(line: bytes, suffix: str) -> bool:
    """Whether a line is blank or a comment. line: without the sign of a patch."""
    return bool(_COMMENTS.get(suffix, _SLASHES).match(line))


def decisions(line: bytes) -> int:
    """How many ways a line opens."""
    return len(_DECISION.findall(line))
