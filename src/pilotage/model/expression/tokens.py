"""A condition's text as tokens, read from left to right, with limits on its length and on how deep it nests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pilotage.model.errors import Invalid

_LONGEST, _DEEPEST = 2000, 40
"""Characters of a condition, and how deep it may be nested."""

_TOKEN = re.compile(
    r"\s*(?:(?P<number>0x[0-9a-fA-F]+|(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<sign>\*\*|&&|\|\||==|!=|<=|>=|\?\?|[-+*/%^<>!?:()\[\]{},#]))"
)


class BadCondition(Invalid):
    """The condition is not an expression about `result`. The message says where and why."""


@dataclass
class Tokens:
    """The tokens of a text, and how far they are read. Raises BadCondition.

    in_each: the current expression is evaluated for each element of a list, so that `#` stands for one.
    """

    text: str
    in_each: bool = False
    _found: list[tuple[str, int]] = field(init=False)
    _next: int = 0
    _depth: int = 0

    def __post_init__(self) -> None:
        if len(self.text) > _LONGEST:
            raise BadCondition(f"the condition has {len(self.text)} characters, more than {_LONGEST}")
        self._found = _tokens(self.text)

    def peek(self, ahead: int = 0) -> str:
        """A token that is still to come; "" after the last."""
        at = self._next + ahead
        return self._found[at][0] if at < len(self._found) else ""

    def take(self) -> str:
        token = self.peek()
        self._next += 1
        return token

    def took(self, token: str) -> bool:
        """Whether the next token is this one, which is then read."""
        if self.peek() != token:
            return False
        self._next += 1
        return True

    def want(self, token: str) -> None:
        if not self.took(token):
            raise self.wrong(f"{token!r} is missing")

    def wrong(self, why: str) -> BadCondition:
        at = self._found[self._next][1] if self._next < len(self._found) else len(self.text)
        return BadCondition(f"{self.text.strip()!r}, column {at + 1}: {why}")

    @contextmanager
    def deeper(self) -> Iterator[None]:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self.wrong(f"nested more than {_DEEPEST} deep")
        yield
        self._depth -= 1

    @contextmanager
    def each(self) -> Iterator[None]:
        outer, self.in_each = self.in_each, True
        yield
        self.in_each = outer


def _without_comments(text: str) -> str:
    """Spaces in the place of `// …` and `/* … */`. One that does not end stays, and is refused."""
    kept, at = [], 0
    while (start := text.find("/", at)) >= 0:
        end = -1
        if text.startswith("//", start):
            end = text.find("\n", start)
            end = len(text) if end < 0 else end
        elif text.startswith("/*", start) and (close := text.find("*/", start + 2)) >= 0:
            end = close + 2
        kept += [text[at:start], "/"] if end < 0 else [text[at:start], " " * (end - start)]
        at = start + 1 if end < 0 else end
    return "".join([*kept, text[at:]])


def _tokens(text: str) -> list[tuple[str, int]]:
    """Each with its place in the text."""
    text = _without_comments(text)
    found, at, end = [], 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            place = at + len(text[at:]) - len(text[at:].lstrip())
            raise BadCondition(f"{text.strip()!r}, column {place + 1}: {text[place]!r} is not expected here")
        found.append((match[0].strip(), match.end() - len(match[0].strip())))
        at = match.end()
    return found
