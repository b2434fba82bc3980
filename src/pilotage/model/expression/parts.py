"""What the parts of a condition give and how they compute it: each is made of smaller ones, whose kinds it checks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pilotage.model.expression.arithmetic import (
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


class Kind(StrEnum):
    """What a part gives."""

    NUMBER = "a number"
    TRUTH = "true or false"
    LIST = "a list of numbers"


class WrongKind(Exception):
    """A part gives something else than is wanted of it."""


@dataclass(frozen=True)
class Scope:
    """Values of names: the result, and `#`, the current element."""

    result: tuple[float, ...]
    element: float | None = None


@dataclass(frozen=True)
class Part:
    """compute: raises LookupError where a value is missing or is no number."""

    kind: Kind
    compute: Callable[[Scope], Value]


def wanted(part: Part, kind: Kind) -> Part:
    """The part, where it gives `kind`; a list gives its first number where a number is wanted. Raises WrongKind."""
    if part.kind is kind or (kind is Kind.NUMBER and part.kind is Kind.LIST):
        return part
    raise WrongKind(f"{kind} is wanted before this, and it is {part.kind}")


# ── values ─────────────────────────────────────────────────────────────────────────────────────────────────

RESULT = Part(Kind.LIST, lambda s: s.result)
ELEMENT = Part(Kind.NUMBER, lambda s: s.element if s.element is not None else math.nan)


def constant(value: float) -> Part:
    return Part(Kind.NUMBER, lambda _: value)


def truth(value: bool) -> Part:
    return Part(Kind.TRUTH, lambda _: value)


def list_of(parts: Sequence[Part]) -> Part:
    values = [wanted(part, Kind.NUMBER).compute for part in parts]
    return Part(Kind.LIST, lambda s: tuple(first_of(value(s)) for value in values))


def indexed(values: Part, index: Part) -> Part:
    many, at = wanted(values, Kind.LIST).compute, wanted(index, Kind.NUMBER).compute
    return Part(Kind.NUMBER, lambda s: item(values_of(many(s)), number_of(at(s))))


# ── operators ──────────────────────────────────────────────────────────────────────────────────────────────


def negated(part: Part) -> Part:
    true = wanted(part, Kind.TRUTH).compute
    return Part(Kind.TRUTH, lambda s: not true(s))


def signed(factor: float, part: Part) -> Part:
    value = wanted(part, Kind.NUMBER).compute
    return Part(Kind.NUMBER, lambda s: factor * first_of(value(s)))


def choice(condition: Part, yes: Part, no: Part) -> Part:
    true = wanted(condition, Kind.TRUTH).compute
    if yes.kind is not no.kind:
        raise WrongKind(f"one side of the choice gives {yes.kind}, the other {no.kind}")
    return Part(yes.kind, lambda s: yes.compute(s) if true(s) else no.compute(s))


def joined(sign: str, left: Part, right: Part) -> Part:
    if sign in ("&&", "and", "||", "or"):
        return _of_truths(sign, left, right)
    if sign in ("in", "not in"):
        one, many = wanted(left, Kind.NUMBER).compute, wanted(right, Kind.LIST).compute
        return Part(Kind.TRUTH, lambda s: (number_of(one(s)) in values_of(many(s))) is (sign == "in"))
    if sign in ("==", "!=") and left.kind is right.kind is Kind.TRUTH:
        return Part(Kind.TRUTH, lambda s: (left.compute(s) is right.compute(s)) is (sign == "=="))
    if sign in ("==", "!=") and Kind.LIST in (left.kind, right.kind):
        these, those = (wanted(part, Kind.LIST).compute for part in (left, right))
        return Part(Kind.TRUTH, lambda s: (values_of(these(s)) == values_of(those(s))) is (sign == "=="))
    a, b = (wanted(part, Kind.NUMBER).compute for part in (left, right))
    if compare := COMPARE.get(sign):
        return Part(Kind.TRUTH, lambda s: compare(number_of(a(s)), number_of(b(s))))
    compute = ARITHMETIC[sign]
    return Part(Kind.NUMBER, lambda s: compute(first_of(a(s)), first_of(b(s))))


def _of_truths(sign: str, left: Part, right: Part) -> Part:
    """The right side is computed only where the left one leaves it open."""
    first, then = (wanted(part, Kind.TRUTH).compute for part in (left, right))
    if sign in ("&&", "and"):
        return Part(Kind.TRUTH, lambda s: bool(first(s)) and bool(then(s)))
    return Part(Kind.TRUTH, lambda s: bool(first(s)) or bool(then(s)))


# ── functions ──────────────────────────────────────────────────────────────────────────────────────────────

OF_EACH = frozenset({*OVER, "filter", "map"})
"""Functions that evaluate an expression for each element of a list."""

FUNCTIONS = frozenset({*OF_NUMBER, *OF_LIST, *TRUTHS, *OF_EACH, "default", "isNil"})


def applied(name: str, argument: Part) -> Part:
    """A function of one argument. No value here is ever nil."""
    if name == "isNil":
        return truth(False)
    if name in OF_LIST:
        values, of_list = wanted(argument, Kind.LIST).compute, OF_LIST[name]
        return Part(Kind.NUMBER, lambda s: float(of_list(values_of(values(s)))))
    value = wanted(argument, Kind.NUMBER).compute
    if name in TRUTHS:
        of_value = TRUTHS[name]
        return Part(Kind.TRUTH, lambda s: of_value(first_of(value(s))))
    of_number = OF_NUMBER[name]
    return Part(Kind.NUMBER, lambda s: of_number(first_of(value(s))))


def default(part: Part, otherwise: Part) -> Part:
    """`otherwise`, where the part's value is missing or no number."""
    value, instead = wanted(part, Kind.NUMBER).compute, wanted(otherwise, Kind.NUMBER).compute

    def compute(scope: Scope) -> Value:
        try:
            return number_of(value(scope))
        except LookupError:
            return first_of(instead(scope))

    return Part(Kind.NUMBER, compute)


def of_each(name: str, values: Part, asked: Part) -> Part:
    """asked: the expression for each element, which is `#` in it."""
    many = wanted(values, Kind.LIST).compute
    wanted(asked, Kind.NUMBER if name == "map" else Kind.TRUTH)

    def told(scope: Scope) -> list[tuple[float, Value]]:
        return [(element, asked.compute(Scope(scope.result, element))) for element in values_of(many(scope))]

    if name == "map":
        return Part(Kind.LIST, lambda s: tuple(first_of(value) for _, value in told(s)))
    if name == "filter":
        return Part(Kind.LIST, lambda s: tuple(element for element, true in told(s) if true))
    over = OVER[name]
    kind = Kind.NUMBER if name == "count" else Kind.TRUTH
    return Part(kind, lambda s: over([bool(true) for _, true in told(s)]))
