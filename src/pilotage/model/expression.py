"""Conditions in the language of Argo Rollouts (expr-lang), as far as they are about numbers; no host language is run.

`len(result) == 0 || isNaN(result[0]) || result[0] >= 0.99`. A result is a list of numbers; where one number is wanted,
`result` means its first. Precedence and functions are those of https://expr-lang.org/docs/language-definition.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from pilotage.model.arithmetic import (
    ARITHMETIC,
    COMPARE,
    OF_LIST,
    OF_NUMBER,
    OVER,
    TRUTHS,
    Value,
    first_of,
    item,
    number_of,
    values_of,
)
from pilotage.model.errors import Invalid

_LONGEST, _DEEPEST = 2000, 40
"""Characters of a condition, and how deep it may be nested."""

_TOKEN = re.compile(
    r"\s*(?:(?P<number>0x[0-9a-fA-F]+|(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<sign>\*\*|&&|\|\||==|!=|<=|>=|\?\?|[-+*/%^<>!?:()\[\]{},#]))"
)


class BadCondition(Invalid):
    """The condition is no expression about `result`. The message says where and why."""


class Kind(StrEnum):
    """What an expression gives."""

    NUMBER = "a number"
    TRUTH = "true or false"
    LIST = "a list of numbers"


_Compute = Callable[["_Scope"], Value]


@dataclass(frozen=True)
class _Scope:
    """What names stand for: the result, and `#`, the element that is looked at."""

    result: tuple[float, ...]
    element: float | None = None


@dataclass(frozen=True)
class _Part:
    kind: Kind
    compute: _Compute


def parse(text: str) -> Callable[[tuple[float, ...]], bool]:
    """What tells whether the condition is true of a result; that raises LookupError where a value is missing or is no
    number. Raises BadCondition."""
    if len(text) > _LONGEST:
        raise BadCondition(f"the condition has {len(text)} characters, more than {_LONGEST}")
    part = _Parser(text).whole()
    if part.kind is not Kind.TRUTH:
        said = f"{text.strip()!r} gives {part.kind}, not true or false"
        raise BadCondition(f"{said}: compare it, as in result[0] >= 0.95")
    return lambda result: bool(part.compute(_Scope(result)))


_BINDS = {
    "||": 10, "or": 10, "&&": 15, "and": 15, "==": 20, "!=": 20, "<": 20, "<=": 20, ">": 20, ">=": 20, "in": 20,
    "not in": 20, "+": 30, "-": 30, "*": 60, "/": 60, "%": 60, "**": 100, "^": 100,
}  # fmt: skip
_NOT, _SIGNED = 50, 90


class _Parser:
    """Top-down operator precedence (Pratt, 1973): linear in the text, with a limit on how deep it nests."""

    def __init__(self, text: str) -> None:
        self._text, self._tokens, self._next, self._depth, self._in_each = text, _tokens(text), 0, 0, False

    def whole(self) -> _Part:
        part = self._ternary()
        if self._peek():
            raise self._wrong(f"{self._peek()!r} is not expected here")
        return part

    # ── tokens ─────────────────────────────────────────────────────────────────────────────────────────────

    def _peek(self) -> str:
        return self._tokens[self._next][0] if self._next < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        self._next += 1
        return token

    def _want(self, token: str) -> None:
        if self._peek() != token:
            raise self._wrong(f"{token!r} is missing")
        self._next += 1

    def _wrong(self, why: str) -> BadCondition:
        at = self._tokens[self._next][1] if self._next < len(self._tokens) else len(self._text)
        return BadCondition(f"{self._text.strip()!r}, column {at + 1}: {why}")

    def _wanted(self, part: _Part, kind: Kind) -> _Part:
        """The part, where it gives `kind`; a list gives its first number where a number is wanted."""
        if part.kind is kind or (kind is Kind.NUMBER and part.kind is Kind.LIST):
            return part
        raise self._wrong(f"{kind} is wanted before this, and it is {part.kind}")

    # ── operators ──────────────────────────────────────────────────────────────────────────────────────────

    def _ternary(self) -> _Part:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._wrong(f"nested more than {_DEEPEST} deep")
        condition = self._binary(0)
        if self._peek() == "?":
            condition = self._choice(condition)
        self._depth -= 1
        return condition

    def _choice(self, condition: _Part) -> _Part:
        self._wanted(condition, Kind.TRUTH)
        self._take()
        yes = self._ternary()
        self._want(":")
        no = self._ternary()
        if yes.kind is not no.kind:
            raise self._wrong(f"one side of the choice gives {yes.kind}, the other {no.kind}")
        return _Part(yes.kind, lambda s: yes.compute(s) if condition.compute(s) else no.compute(s))

    def _binary(self, binding: int) -> _Part:
        left = self._unary()
        while (sign := self._operator()) and _BINDS[sign] >= binding:
            self._next += 2 if sign == "not in" else 1
            right_first = sign in ("**", "^")
            right = self._binary(_BINDS[sign] + (not right_first))
            left = self._joined(sign, left, right)
        return left

    def _operator(self) -> str:
        token = self._peek()
        if token == "not" and self._next + 1 < len(self._tokens) and self._tokens[self._next + 1][0] == "in":
            return "not in"
        return token if token in _BINDS else ""

    def _joined(self, sign: str, left: _Part, right: _Part) -> _Part:
        if sign in ("&&", "and", "||", "or"):
            first, then = (self._wanted(part, Kind.TRUTH).compute for part in (left, right))
            if sign in ("&&", "and"):
                return _Part(Kind.TRUTH, lambda s: bool(first(s)) and bool(then(s)))
            return _Part(Kind.TRUTH, lambda s: bool(first(s)) or bool(then(s)))
        if sign in ("in", "not in"):
            one, many = self._wanted(left, Kind.NUMBER).compute, self._wanted(right, Kind.LIST).compute
            return _Part(Kind.TRUTH, lambda s: (number_of(one(s)) in values_of(many(s))) is (sign == "in"))
        if sign in ("==", "!=") and left.kind is right.kind is Kind.TRUTH:
            return _Part(Kind.TRUTH, lambda s: (left.compute(s) is right.compute(s)) is (sign == "=="))
        a, b = (self._wanted(part, Kind.NUMBER).compute for part in (left, right))
        if compare := COMPARE.get(sign):
            return _Part(Kind.TRUTH, lambda s: compare(number_of(a(s)), number_of(b(s))))
        compute = ARITHMETIC[sign]
        return _Part(Kind.NUMBER, lambda s: compute(first_of(a(s)), first_of(b(s))))

    def _unary(self) -> _Part:
        if self._peek() in ("!", "not"):
            self._take()
            negated = self._wanted(self._nested(_NOT), Kind.TRUTH)
            return _Part(Kind.TRUTH, lambda s: not negated.compute(s))
        if self._peek() in ("-", "+"):
            factor = -1.0 if self._take() == "-" else 1.0
            signed = self._wanted(self._nested(_SIGNED), Kind.NUMBER)
            return _Part(Kind.NUMBER, lambda s: factor * first_of(signed.compute(s)))
        part = self._primary()
        while self._peek() == "[":
            part = self._indexed(part)
        return part

    def _nested(self, binding: int) -> _Part:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._wrong(f"nested more than {_DEEPEST} deep")
        part = self._binary(binding)
        self._depth -= 1
        return part

    def _indexed(self, part: _Part) -> _Part:
        self._wanted(part, Kind.LIST)
        self._take()
        index = self._wanted(self._ternary(), Kind.NUMBER)
        self._want("]")
        return _Part(Kind.NUMBER, lambda s: item(values_of(part.compute(s)), number_of(index.compute(s))))

    # ── values and functions ───────────────────────────────────────────────────────────────────────────────

    def _primary(self) -> _Part:
        token = self._peek()
        if token == "(":
            self._take()
            part = self._ternary()
            self._want(")")
            return part
        if token == "[":
            return self._literal_list()
        if token == "#":
            return self._element()
        if token[:1].isdigit() or (token[:1] == "." and len(token) > 1):
            return self._constant()
        if token[:1].isalpha():
            return self._name()
        raise self._wrong("something is missing here" if not token else f"{token!r} is not expected here")

    def _constant(self) -> _Part:
        token = self._take().replace("_", "")
        value = float(int(token, 16)) if token[:2] == "0x" else float(token)
        return _Part(Kind.NUMBER, lambda _: value)

    def _literal_list(self) -> _Part:
        self._take()
        parts = [self._wanted(self._ternary(), Kind.NUMBER)]
        while self._peek() == ",":
            self._take()
            parts.append(self._wanted(self._ternary(), Kind.NUMBER))
        self._want("]")
        return _Part(Kind.LIST, lambda s: tuple(first_of(part.compute(s)) for part in parts))

    def _element(self) -> _Part:
        if not self._in_each:
            raise self._wrong("'#' stands for an element, inside all(…), any(…), filter(…) and the like")
        self._take()
        return _Part(Kind.NUMBER, lambda s: s.element if s.element is not None else math.nan)

    def _name(self) -> _Part:
        name = self._peek()
        if name in ("true", "false"):
            self._take()
            return _Part(Kind.TRUTH, lambda _: name == "true")
        if name == "result":
            self._take()
            return _Part(Kind.LIST, lambda s: s.result)
        if self._next + 1 < len(self._tokens) and self._tokens[self._next + 1][0] == "(":
            return self._call(name)
        raise self._wrong(f"{name!r} is not known: a condition is about result")

    def _call(self, name: str) -> _Part:
        known = {*OF_NUMBER, *OF_LIST, *TRUTHS, *OVER, "filter", "map", "default", "isNil"}
        if name not in known:
            raise self._wrong(f"{name}() is not known; known are {', '.join(sorted(known))}")
        self._next += 2
        first = self._ternary()
        part = self._applied(name, first)
        self._want(")")
        return part

    def _applied(self, name: str, first: _Part) -> _Part:
        if name in OVER or name in ("filter", "map"):
            return self._over(name, self._wanted(first, Kind.LIST))
        if name == "default":
            return self._default(self._wanted(first, Kind.NUMBER))
        if name == "isNil":
            return _Part(Kind.TRUTH, lambda _: False)
        if name in OF_LIST:
            values, of_list = self._wanted(first, Kind.LIST).compute, OF_LIST[name]
            return _Part(Kind.NUMBER, lambda s: float(of_list(values_of(values(s)))))
        value = self._wanted(first, Kind.NUMBER).compute
        if name in TRUTHS:
            truth = TRUTHS[name]
            return _Part(Kind.TRUTH, lambda s: truth(first_of(value(s))))
        of_number = OF_NUMBER[name]
        return _Part(Kind.NUMBER, lambda s: of_number(first_of(value(s))))

    def _default(self, part: _Part) -> _Part:
        """Of a value that is missing or no number."""
        self._want(",")
        otherwise = self._wanted(self._ternary(), Kind.NUMBER)

        def compute(scope: _Scope) -> Value:
            try:
                return number_of(part.compute(scope))
            except LookupError:
                return first_of(otherwise.compute(scope))

        return _Part(Kind.NUMBER, compute)

    def _over(self, name: str, values: _Part) -> _Part:
        self._want(",")
        braced = self._peek() == "{"
        if braced:
            self._take()
        outer, self._in_each = self._in_each, True
        each = self._ternary()
        self._in_each = outer
        if braced:
            self._want("}")
        self._wanted(each, Kind.NUMBER if name == "map" else Kind.TRUTH)

        def told(scope: _Scope) -> list[tuple[float, Value]]:
            found = values_of(values.compute(scope))
            return [(element, each.compute(_Scope(scope.result, element))) for element in found]

        if name == "map":
            return _Part(Kind.LIST, lambda s: tuple(first_of(value) for _, value in told(s)))
        if name == "filter":
            return _Part(Kind.LIST, lambda s: tuple(element for element, true in told(s) if true))
        over = OVER[name]
        kind = Kind.NUMBER if name == "count" else Kind.TRUTH
        return _Part(kind, lambda s: over([bool(true) for _, true in told(s)]))


def _tokens(text: str) -> list[tuple[str, int]]:
    """Each with its place in the text."""
    found, at, end = [], 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            place = at + len(text[at:]) - len(text[at:].lstrip())
            raise BadCondition(f"{text.strip()!r}, column {place + 1}: {text[place]!r} is not expected here")
        found.append((match[0].strip(), match.end() - len(match[0].strip())))
        at = match.end()
    return found
