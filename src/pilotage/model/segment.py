"""Segments of users (R16): named rules on the context that a service evaluates a flag with.

A context without the attribute of a condition does not satisfy it, whatever the operator: providers differ here, and
nobody gets a feature because nothing is known of them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

GROUP = "group"
"""The attribute that names a user's group, for segments without a rule of their own."""


class Operator(StrEnum):
    """How a condition compares an attribute with its values."""

    IN = "in"
    """It is one of them."""
    NOT_IN = "not-in"
    """It is none of them."""
    STARTS_WITH = "starts-with"
    """It starts with one of them."""
    ENDS_WITH = "ends-with"
    """It ends with one of them."""
    CONTAINS = "contains"
    """One of them is a part of it."""
    AT_LEAST = "at-least"
    """It is a number, and not below the only one."""
    LESS_THAN = "less-than"
    """It is a number below the only one."""
    VERSION_AT_LEAST = "version-at-least"
    """It is a semantic version, and not below the only one."""
    VERSION_LESS_THAN = "version-less-than"
    """It is a semantic version below the only one."""


NUMERIC = (Operator.AT_LEAST, Operator.LESS_THAN)
VERSIONS = (Operator.VERSION_AT_LEAST, Operator.VERSION_LESS_THAN)


_PART = r"(0|[1-9][0-9]*)"
_VERSION = re.compile(
    rf"v?{_PART}(?:\.{_PART})?(?:\.{_PART})?(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?"
)
_WHOLE_VERSION = re.compile(
    rf"{_PART}\.{_PART}\.{_PART}(-({_PART}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)(\.({_PART}|[0-9]*[A-Za-z-][0-9A-Za-z-]*))*)?"
)


def is_version(text: str) -> bool:
    """Whether it is a whole semantic version, such as 4.10.0 or 4.10.0-rc.1 (https://semver.org), as every provider
    takes one."""
    return _WHOLE_VERSION.fullmatch(text) is not None


@dataclass(frozen=True, kw_only=True)
class Condition:
    """attribute: of the evaluation context · values: texts; of a comparison of numbers or versions exactly one."""

    attribute: str
    operator: Operator
    values: tuple[str, ...]

    def holds(self, context: Mapping[str, object]) -> bool:
        """Whether a context satisfies it: what every provider must answer."""
        found = context.get(self.attribute)
        if found is None:
            return False
        match self.operator:
            case Operator.IN:
                return _text(found) in self.values
            case Operator.NOT_IN:
                return _text(found) not in self.values
            case Operator.STARTS_WITH:
                return isinstance(found, str) and found.startswith(self.values)
            case Operator.ENDS_WITH:
                return isinstance(found, str) and found.endswith(self.values)
            case Operator.CONTAINS:
                return isinstance(found, str) and any(value in found for value in self.values)
            case Operator.AT_LEAST | Operator.LESS_THAN:
                number = _number(found)
                return number is not None and (number < float(self.values[0])) is (self.operator is Operator.LESS_THAN)
            case Operator.VERSION_AT_LEAST | Operator.VERSION_LESS_THAN:
                version, other = _precedence(str(found)), _precedence(self.values[0])
                return bool(version and other) and (version < other) is (self.operator is Operator.VERSION_LESS_THAN)


@dataclass(frozen=True, kw_only=True)
class Segment:
    """The users whose context satisfies every condition."""

    conditions: tuple[Condition, ...]

    def holds(self, context: Mapping[str, object]) -> bool:
        """Whether a context belongs to it."""
        return all(condition.holds(context) for condition in self.conditions)


def group(name: str) -> Segment:
    """The users whose context names them as members of a group."""
    return Segment(conditions=(Condition(attribute=GROUP, operator=Operator.IN, values=(name,)),))


def _number(found: object) -> float | None:
    if isinstance(found, bool) or not isinstance(found, (int, float)) or math.isnan(found):
        return None
    return float(found)


def _text(found: object) -> str:
    """5.0 is 5 in JSON."""
    return str(int(found)) if isinstance(found, float) and found.is_integer() else str(found)


def _precedence(text: str) -> tuple[object, ...]:
    """Sorts as semantic versions do (https://semver.org/#spec-item-11); empty for what is none. As providers do, a `v`
    in front and missing numbers are accepted."""
    if (found := _VERSION.fullmatch(text)) is None:
        return ()
    numbers = tuple(int(part or 0) for part in found.groups()[:3])
    early = (found[4] or "").split(".") if found[4] else []
    parts = tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in early)
    return *numbers, not early, parts
