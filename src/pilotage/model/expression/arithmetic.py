"""What conditions compute with: comparisons, arithmetic and functions, as Go and expr-lang compute them."""

from __future__ import annotations

import math
import operator
import statistics
from collections.abc import Callable, Sequence

Value = float | bool | tuple[float, ...]


def number_of(value: Value) -> float:
    if isinstance(value, tuple):
        value = item(value, 0)
    if math.isnan(value):
        raise LookupError("the result is no number (NaN)")
    return value


def item(values: tuple[float, ...], index: float) -> float:
    position = int(index) if index >= 0 else int(index) + len(values)
    if not 0 <= position < len(values):
        raise LookupError(f"the result has no value at [{index:g}]")
    return values[position]


def first_of(value: Value) -> float:
    """One number, which may be none (NaN)."""
    return item(value, 0) if isinstance(value, tuple) else value


def values_of(value: Value) -> tuple[float, ...]:
    assert isinstance(value, tuple)
    return value


COMPARE: dict[str, Callable[[float, float], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def _divide(left: float, right: float) -> float:
    """As IEEE 754 and Go do."""
    if right == 0:
        return math.nan if left == 0 else math.copysign(math.inf, left)
    return left / right


def _remainder(left: float, right: float) -> float:
    if right == 0:
        raise LookupError("a remainder of a division by 0")
    return math.fmod(left, right)


def _power(left: float, right: float) -> float:
    try:
        return math.pow(left, right)
    except OverflowError:
        return math.inf
    except ValueError:
        return math.nan


ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": _divide, "%": _remainder, "**": _power, "^": _power,
}  # fmt: skip


def _some(values: Sequence[float], name: str) -> Sequence[float]:
    if not values:
        raise LookupError(f"{name} of no values")
    return values


def _rounded(how: Callable[[float], float]) -> Callable[[float], float]:
    """`how`, and what is infinite stays so."""
    return lambda value: value if math.isinf(number_of(value)) else float(how(value))


def _half_away(value: float) -> float:
    """Half away from zero, as Go does."""
    return math.copysign(math.floor(abs(value) + 0.5), value)


OF_NUMBER: dict[str, Callable[[float], float]] = {
    "abs": lambda v: abs(number_of(v)), "ceil": _rounded(math.ceil), "floor": _rounded(math.floor),
    "round": _rounded(_half_away), "int": _rounded(int), "asInt": _rounded(int),
    "float": number_of, "asFloat": number_of,
}  # fmt: skip
OF_LIST: dict[str, Callable[[tuple[float, ...]], float]] = {
    "len": len, "sum": math.fsum, "mean": lambda v: math.fsum(v) / len(v) if v else 0.0,
    "median": lambda v: statistics.median(v) if v else 0.0, "max": lambda v: max(_some(v, "the largest")),
    "min": lambda v: min(_some(v, "the smallest")), "first": lambda v: _some(v, "the first")[0],
    "last": lambda v: _some(v, "the last")[-1],
}  # fmt: skip
TRUTHS: dict[str, Callable[[float], bool]] = {"isNaN": math.isnan, "isInf": math.isinf}
OVER: dict[str, Callable[[list[bool]], float | bool]] = {
    "all": all, "any": any, "none": lambda found: not any(found), "one": lambda found: sum(found) == 1, "count": sum,
}  # fmt: skip
