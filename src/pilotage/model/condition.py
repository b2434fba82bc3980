"""A condition of a rule, such as `result[0] >= 0.95 && result[0] < 2`: its text, and its compiled form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from pilotage.model.expression.parser import parse
from pilotage.model.expression.tokens import BadCondition as BadCondition


@dataclass(frozen=True)
class Condition:
    """`len(result) == 0 || result[0] >= 0.95`. `default(result, 0)` stands in for a missing value."""

    text: str
    _told: Callable[[tuple[float, ...]], bool] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_told", parse(self.text))

    def holds(self, result: tuple[float, ...]) -> bool:
        """Whether it is true of a result. Raises LookupError for a value that is not there or is no number."""
        return self._told(result)
