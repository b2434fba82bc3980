"""A segment as clauses of a LaunchDarkly rule, all of which must match.

A clause of a context without the attribute never matches there, negated or not, as a segment wants it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from pilotage.model.json import Json, JsonObject
from pilotage.model.segment import Condition, Operator, Segment

_SEMVER = (
    r"^(0|[1-9]\d*)(\.(0|[1-9]\d*))?(\.(0|[1-9]\d*))?"
    r"(-[0-9A-Za-z]+[0-9A-Za-z.-]*)?(\+[0-9A-Za-z.-]+)?$"
)
"""What is no version is in no segment, and LaunchDarkly's own comparison negated would let it in."""


def clauses_of(segment: Segment, kind: str) -> list[JsonObject]:
    """As the API shows them, without their ids. kind: of the contexts."""
    return [clause for condition in segment.conditions for clause in _clause(condition, kind)]


def _clause(condition: Condition, kind: str) -> Iterator[JsonObject]:
    def clause(op: str, values: list[Json], *, negate: bool = False) -> JsonObject:
        return {"contextKind": kind, "attribute": condition.attribute, "op": op, "negate": negate, "values": values}

    texts: list[Json] = list(condition.values)
    match condition.operator:
        case Operator.IN:
            yield clause("in", _as_typed(condition.values))
        case Operator.NOT_IN:
            yield clause("in", _as_typed(condition.values), negate=True)
        case Operator.STARTS_WITH:
            yield clause("startsWith", texts)
        case Operator.ENDS_WITH:
            yield clause("endsWith", texts)
        case Operator.CONTAINS:
            yield clause("contains", texts)
        case Operator.AT_LEAST:
            yield clause("greaterThanOrEqual", [float(condition.values[0])])
        case Operator.LESS_THAN:
            yield clause("lessThan", [float(condition.values[0])])
        case Operator.VERSION_AT_LEAST:
            yield clause("matches", [_SEMVER])
            yield clause("semVerLessThan", texts, negate=True)
        case Operator.VERSION_LESS_THAN:
            yield clause("semVerLessThan", texts)


def _as_typed(values: tuple[str, ...]) -> list[Json]:
    """LaunchDarkly tells the number 5 from the text "5"; a segment means both."""
    found: list[Json] = [*values]
    for value in values:
        if value in ("True", "False"):
            found.append(value == "True")
        with contextlib.suppress(ValueError):
            number = float(value) if "." in value else int(value)
            if str(number) == value and abs(number) < 1 << 53:
                found.append(number)
    return found
