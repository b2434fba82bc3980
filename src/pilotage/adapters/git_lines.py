"""What a line of code is to the risk model: a decision, a comment, or nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable

_WORDS = (
    "if", "elif", "else if", "elsif", "for", "while", "until", "unless", "case", "when", "catch", "except", "rescue",
    "match",
)  # fmt: skip
_BEGUN = (rf"{word}(?<!\w{word})\b" for word in _WORDS)
_DECISION = re.compile("|".join((*_BEGUN, r"&&|\|\||\?[^.?:]")).encode())
"""Each word begins with a letter and not with its border, for then most of a text is skipped at once."""

_IN_C = (b"//", b"/*", b"* ", b"*/")
_OF_PAGES = (*_IN_C, b"<!--", b"<%#", b"<%!--", b"<%--", b"<#--", b"{#", b"{{/*", b"{{!", b"{*")


def _each(suffixes: str, *signs: bytes) -> dict[str, tuple[bytes, ...]]:
    return dict.fromkeys(suffixes.split(), signs)


_COMMENTS = {
    **_each(
        "py pyx pyi pyw pxd pxi wsgi gyp rb rake ru rbi thor gemspec podspec jbuilder rabl builder sh bash zsh ksh "
        "csh tcsh fish nu elv sed jq pl pm perl psgi raku rakumod r jl ex exs nim nims tcl awk gawk cr ps1 psm1 psd1 "
        "graphql gql star nix rego gd janet smk snakefile coffee cjsx mojo hy", b"#",
    ),
    **_each(
        "sql pgsql psql pls pck ddl hql plsql pks pkb hs lhs hsc elm purs idr lean agda dhall adb ads ada vhd vhdl",
        b"--", b"/*", b"* ", b"*/", b"{-",
    ),
    **_each("lua luau tl moon applescript", b"--"),
    **_each(
        "vue svelte astro html htm erb ejs hbs twig jsp cshtml razor phtml heex leex eex jinja jinja2 j2 njk liquid "
        "tpl tmpl gohtml aspx ascx gsp ftl", *_OF_PAGES,
    ),
    **_each("clj cljs cljc el lisp lsp rkt scm ss fnl lfe asm nasm s wat", b";"),
    **_each("ml mli mll mly fs fsx fsi sml pas dpr", b"(*", b"//"),
    **_each("bat cmd", b"::", b"rem ", b"REM "),
    **_each("erl hrl escript prolog", b"%"),
    **_each("vb vbs bas vba", b"'"),
    **_each("f f03 f08 f90 f95", b"!"),
    "": (b"#",), "haml": (b"-#", b"/"), "slim": (b"/",), "php": (*_IN_C, b"# "),
}  # fmt: skip
"""How a comment begins in the languages of these suffixes; in all others as in C, where `#` begins code."""


def are_idle(lines: Iterable[bytes], suffix: str) -> list[bool]:
    """Whether each line is blank or a comment. lines: without the sign of a patch."""
    signs = _COMMENTS.get(suffix, _IN_C)
    return [(text := line.strip()) in _NOTHING or text.startswith(signs) for line in lines]


_NOTHING = frozenset((b"", b"*", b"#"))


def decisions(lines: bytes) -> int:
    """How many ways lines open."""
    return len(_DECISION.findall(lines))
