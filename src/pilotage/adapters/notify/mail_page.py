"""The HTML part of a mail: tables and inline styles, which is what mail programs show, in the pages' colours.

A style element says what is dark; programs that ignore it show the light colours, which are complete in themselves.
Colours are those of `render/style/tokens.css`, as a test compares.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from typing import NamedTuple

from pilotage.model.message import OPERATORS, Message, Severity
from pilotage.model.text import line, plain

LONGEST = 100_000
"""Characters of a mail's text."""

_ADDRESS = re.compile(r"https?://[^\s<>\"'&]{1,500}(?:&amp;[^\s<>\"'&]{1,200}){0,20}")
_SANS = "ui-sans-serif,system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif"


class _Look(NamedTuple):
    """How loud a message is: shape, word, colour and its soft ground, on light and on dark."""

    shape: str
    word: str
    light: tuple[str, str]
    dark: tuple[str, str]


_LOOKS: Mapping[Severity, _Look] = {
    Severity.PROGRESS: _Look("&#9680;", "Progress", ("#b0420a", "#fdeadd"), ("#ff9d61", "#40240f")),
    Severity.INFO: _Look("&#9679;", "Info", ("#545c67", "#ececea"), ("#a7afba", "#252b33")),
    Severity.WARNING: _Look("&#9632;", "Warning", ("#7d5200", "#fbefcc"), ("#f0c35f", "#382b0c")),
    Severity.CRITICAL: _Look("&#9670;", "Critical", ("#b0201a", "#fbe4e2"), ("#ff8f86", "#431c1a")),
}

_DARK = (
    "@media (prefers-color-scheme:dark){"
    ".pg-out{background:#0f1216!important}.pg-in{background:#171b21!important;border-color:#2a3039!important}"
    ".pg-ink,.pg-ink a{color:#e9ecef!important}.pg-soft{color:#a7afba!important}"
    ".pg-line{border-color:#2a3039!important}"
    ".pg-pill{color:%s!important;background:%s!important}}"
)


def page(message: Message) -> str:
    """How loud it is, the title, the text, then the facts. To customers, a mail has no such word."""
    look = _LOOKS[message.severity]
    inner = message.audience == OPERATORS and not message.to
    colour, ground = look.light
    pill = (
        f'<p style="margin:0 0 12px"><span class="pg-pill" style="display:inline-block;padding:2px 10px;border-radius:'
        f'12px;font-size:13px;font-weight:600;color:{colour};background:{ground}">{look.shape}&nbsp; {look.word}'
        "</span></p>"
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">'
        f"<title>{escape(line(message.title, 180))}</title><style>{_DARK % look.dark}</style></head>"
        f'<body class="pg-out" style="margin:0;padding:0;background:#f6f6f3">'
        '<table role="presentation" class="pg-out" width="100%" cellpadding="0" cellspacing="0" border="0" '
        'style="background:#f6f6f3"><tr><td align="center" style="padding:24px 12px">'
        '<table role="presentation" class="pg-in" width="100%" cellpadding="0" cellspacing="0" border="0" '
        'style="max-width:600px;background:#ffffff;border:1px solid #e2e3e0;border-radius:12px"><tr>'
        f'<td class="pg-ink" style="padding:24px;font:15px/1.5 {_SANS};color:#1a1d21;text-align:left;'
        'overflow-wrap:anywhere">'
        f"{pill if inner else ''}"
        f'<h1 style="font-size:20px;line-height:1.3;font-weight:700;margin:0 0 12px">'
        f"{escape(line(message.title, 180))}</h1>"
        f"{paragraphs(plain(message.text, LONGEST))}{_facts(message)}"
        "</td></tr></table></td></tr></table></body></html>"
    )


def _facts(message: Message) -> str:
    if not message.facts:
        return ""
    rows = "".join(
        '<tr><td class="pg-soft" style="color:#545c67;padding:4px 16px 4px 0;vertical-align:top;white-space:nowrap">'
        f"{escape(line(label, 40))}</td>"
        f'<td style="padding:4px 0;vertical-align:top;font-weight:600">{_linked(escape(line(value, 500)))}</td></tr>'
        for label, value in message.facts
    )
    return (
        '<table role="presentation" class="pg-line" width="100%" cellpadding="0" cellspacing="0" style="border-top:1px '
        f'solid #e2e3e0;margin-top:16px;font-size:13px;line-height:1.5"><tr><td style="padding-top:12px">'
        f'<table role="presentation" cellpadding="0" cellspacing="0">{rows}</table></td></tr></table>'
    )


def paragraphs(text: str) -> str:
    """The text as HTML: blank lines part paragraphs, and lines that begin with `- ` are a list."""
    made: list[str] = []
    for block in text.split("\n\n"):
        lines = block.strip("\n").split("\n")
        while lines:
            item = lines[0].startswith("- ")
            until = next((n for n, one in enumerate(lines) if one.startswith("- ") is not item), len(lines))
            same, lines = lines[:until], lines[until:]
            if item:
                items = "".join(f"<li>{_linked(escape(one[2:]))}</li>" for one in same)
                made.append(f'<ul style="margin:0 0 12px;padding-left:20px">{items}</ul>')
            elif any(same):
                made.append(f'<p style="margin:0 0 12px">{"<br>".join(_linked(escape(one)) for one in same)}</p>')
    return "".join(made)


def _linked(text: str) -> str:
    """text: escaped. Its addresses lead where they say, without the full stop after them."""

    def link(found: re.Match[str]) -> str:
        address = found[0].rstrip(".,;:!?)")
        return f'<a href="{address}" style="color:inherit">{address}</a>{found[0][len(address) :]}'

    return _ADDRESS.sub(link, text)
