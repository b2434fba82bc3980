"""The text of a page as people read it: without code, forms' fields and what only machines read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

_SPOKEN = ("title", "aria-label", "placeholder", "alt", "data-label")
_SILENT = frozenset({"code", "pre", "kbd", "samp", "script", "style", "textarea", "template", "svg"})
_VOID = frozenset(
    {"meta", "link", "input", "br", "img", "hr", "circle", "line", "rect", "polygon", "polyline", "path", "wbr", "col"}
)


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[str] = []
        self.spoken: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.spoken += [value for name, value in attrs if name in _SPOKEN and value]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            while self.open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if data.strip() and not _SILENT & set(self.open):
            self.found.append(" ".join(data.split(" ")).strip("\n"))


_SNAKE = re.compile(r"(?<![\w@/.-])[a-z][a-z0-9]*(?:_[a-z0-9]+)+(?![\w@/])")
_SHARE = re.compile(r"[0-9] ?%")
_ROLLOUT = re.compile(r"\b[a-z][a-z-]+-[0-9a-f]{8}\b")
_ODD = re.compile(r"\bCpu\b|\bHttp\b|scale the canary|in everything\b|<[A-Z]\w+\.|\bNone\b(?! of| )|\bTrue\b|\bFalse\b")
_ONE = re.compile(r"(?<![\w.:-])1 (?:of 1 )?(?:services|environments|items|instances|approvals|people|reports)\b")

_RULES = (_SHARE, _SNAKE, _ROLLOUT, _ODD, _ONE)


def internals_in(page: str, names: frozenset[str]) -> Iterator[str]:
    """What a person should not have to read, also in what a screen reader says. names: enum values and types of events
    that are no words."""
    parser = _Text()
    parser.feed(page)
    for texts, rules in ((parser.found, _RULES), (parser.spoken, _RULES[1:])):
        for text in texts:
            words = set(re.findall(r"[a-z]+(?:-[a-z]+)+", text)) & names
            if found := [*words, *(m[0] for rule in rules for m in rule.finditer(text))]:
                yield f"{', '.join(found)} in “{text[:120]}”"
