"""Conditions such as `result[0] >= 0.95 && result[0] < 2`: comparisons, and no host language."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from pilotage.model.errors import Invalid

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}
_TERM = re.compile(
    r"\s*(?P<value>result(?:\[\d{1,4}\])?|default\(\s*result(?:\[\d{1,4}\])?\s*,\s*(?P<default>-?\d+(?:\.\d+)?)\s*\))"
    r"\s*(?P<operator><=|>=|==|!=|<|>)\s*(?P<limit>-?\d+(?:\.\d+)?(?:[eE]-?\d+)?)\s*"
)


class BadCondition(Invalid):
    """The condition is not made of comparisons of `result` joined by `&&` and `||`."""


@dataclass(frozen=True)
class Condition:
    """`result[0] >= 0.95 && result[0] < 2`: comparisons joined by && or, less tightly, by ||.

    No host language is evaluated. `default(result, 0)` stands in for a missing value.
    """

    text: str
    _any: tuple[tuple[tuple[str, float, float | None, int], ...], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        alternatives = tuple(
            tuple(self._comparison(part) for part in alternative.split("&&")) for alternative in self.text.split("||")
        )
        object.__setattr__(self, "_any", alternatives)

    def _comparison(self, part: str) -> tuple[str, float, float | None, int]:
        match = _TERM.fullmatch(part)
        if match is None:
            raise BadCondition(
                f"{part.strip()!r} is not a comparison such as result[0] >= 0.95; join several with && or ||"
            )
        index = re.search(r"\[(\d+)\]", match["value"])
        default = float(match["default"]) if match["default"] else None
        return match["operator"], float(match["limit"]), default, int(index[1]) if index else 0

    def holds(self, result: tuple[float, ...]) -> bool:
        """Whether it is true of a result. Raises LookupError for a value that is not there or is no number."""
        return any(all(self._true(term, result) for term in alternative) for alternative in self._any)

    @staticmethod
    def _true(term: tuple[str, float, float | None, int], result: tuple[float, ...]) -> bool:
        compare, limit, default, index = term
        value = result[index] if index < len(result) and not math.isnan(result[index]) else default
        if value is None:
            raise LookupError(f"the result has no value at [{index}]")
        return _OPERATORS[compare](value, limit)
