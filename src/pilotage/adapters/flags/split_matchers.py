"""A segment as matchers of a rule of Split, all of which must hold.

SDKs differ in what a negated matcher says of a context without the attribute, so its presence is asked for first.
Numbers are left out: SDKs compare whole numbers only, and drop others.
"""

from __future__ import annotations

from collections.abc import Iterator

from pilotage.model.json import Json, JsonObject
from pilotage.model.segment import Condition, Operator, Segment


def matchers_of(segment: Segment) -> list[JsonObject]:
    """As the API shows them."""
    return [matcher for condition in segment.conditions for matcher in _matchers(condition)]


def _matchers(condition: Condition) -> Iterator[JsonObject]:
    def matcher(kind: str, *, negate: bool = False, **value: Json) -> JsonObject:
        return {"negate": negate, "type": kind, "attribute": condition.attribute, **value}

    texts: list[Json] = list(condition.values)
    match condition.operator:
        case Operator.IN:
            yield matcher("IN_LIST_STRING", strings=texts)
        case Operator.NOT_IN:
            yield matcher("MATCHES_STRING", string=".*")
            yield matcher("IN_LIST_STRING", negate=True, strings=texts)
        case Operator.STARTS_WITH:
            yield matcher("STARTS_WITH_STRING", strings=texts)
        case Operator.ENDS_WITH:
            yield matcher("ENDS_WITH_STRING", strings=texts)
        case Operator.CONTAINS:
            yield matcher("CONTAINS_STRING", strings=texts)
        case Operator.VERSION_AT_LEAST:
            yield matcher("GREATER_THAN_OR_EQUAL_TO_SEMVER", string=_whole(condition.values[0]))
        case Operator.VERSION_LESS_THAN:
            yield matcher("LESS_THAN_OR_EQUAL_TO_SEMVER", string=_whole(condition.values[0]))
            yield matcher("EQUAL_TO_SEMVER", negate=True, string=_whole(condition.values[0]))
        case Operator.AT_LEAST | Operator.LESS_THAN:
            raise ValueError(f"Split cannot compare by {condition.operator}")


def _whole(version: str) -> str:
    """Split wants three numbers."""
    return version + ".0" * (2 - version.count(".")) if version.replace(".", "").isdigit() else version
