"""A ramp as a definition in flagd's format (https://flagd.dev/reference/flag-definitions), and back.

Segments are JsonLogic in the flag's own targeting. Each is an `and` that starts with the segment's name: a text is true
in JsonLogic, so the name changes no answer, and whoever reads the file sees it. A context without the attribute is in
no segment, which JsonLogic alone does not say of negations and of `null < 3`.
"""

from __future__ import annotations

from collections.abc import Callable

from pilotage.model.flag import OFF, Ramp
from pilotage.model.json import Json, JsonObject, each, find, list_at, text_at, whole_at
from pilotage.model.segment import GROUP, Condition, Operator, Segment, group
from pilotage.model.traffic import WHOLE

SegmentOf = Callable[[str], Segment]
"""The rule of a name in a ramp's groups, such as `FlagSection.segment_of`."""


def definition_of(ramp: Ramp, segment_of: SegmentOf = group) -> JsonObject:
    """The fields of the flag that Pilotage writes."""
    fractional: JsonObject = {
        "fractional": [
            {"cat": [{"var": "$flagd.flagKey"}, {"var": "targetingKey"}]},
            ["on", ramp.share],
            ["off", WHOLE - ramp.share],
        ]
    }
    everyone: Json = "on" if ramp.share == WHOLE else "off" if ramp.share == 0 else fractional
    targeting: JsonObject = {"if": [_members(ramp.groups, segment_of), "on", everyone]}
    return {
        "state": "ENABLED",
        "variants": {"on": True, "off": False},
        "defaultVariant": "off",
        "targeting": targeting,
    }


def ramp_of(flag: JsonObject, segment_of: SegmentOf = group) -> Ramp | None:
    """The ramp that a definition written by Pilotage expresses; None for any other definition. A flag without a rule is
    off."""
    if flag.get("state") == "DISABLED" or not flag.get("targeting"):
        return OFF if flag.get("defaultVariant") == "off" else None
    try:
        members, _, everyone = list_at(flag, "targeting", "if")
        fixed = {"on": WHOLE, "off": 0}
        share = fixed.get(everyone) if isinstance(everyone, str) else whole_at(everyone, "fractional", 1, 1)
        ramp = Ramp(_names(members), share) if share is not None else None
    except ValueError:
        return None
    written = {name: flag.get(name) for name in definition_of(OFF)}
    return ramp if ramp is not None and written == definition_of(ramp, segment_of) else None


def _members(groups: tuple[str, ...], segment_of: SegmentOf) -> JsonObject:
    """Names without a rule of their own are one list, as they have always been."""
    if all(segment_of(name) == group(name) for name in groups):
        return {"in": [{"var": GROUP}, list(groups)]}
    return {"or": [{"and": [name, *map(_rule, segment_of(name).conditions)]} for name in groups]}


def _names(members: Json) -> tuple[str, ...]:
    if find(members, "or") is None:
        return tuple(each(text_at, members, "in", 1))
    return tuple(text_at(one, "and", 0) for one in list_at(members, "or"))


def _rule(condition: Condition) -> JsonObject:
    attribute: JsonObject = {"var": condition.attribute}
    known: JsonObject = {"!==": [attribute, None]}
    values: list[Json] = list(condition.values)
    first = condition.values[0]
    match condition.operator:
        case Operator.IN:
            return {"in": [attribute, _as_typed(condition.values)]}
        case Operator.NOT_IN:
            return {"and": [known, {"!": [{"in": [attribute, _as_typed(condition.values)]}]}]}
        case Operator.STARTS_WITH:
            return {"or": [{"starts_with": [attribute, value]} for value in values]}
        case Operator.ENDS_WITH:
            return {"or": [{"ends_with": [attribute, value]} for value in values]}
        case Operator.CONTAINS:
            return {"or": [{"in": [value, attribute]} for value in values]}
        case Operator.AT_LEAST:
            return {"and": [known, {">=": [attribute, _number(first)]}]}
        case Operator.LESS_THAN:
            return {"and": [known, {"<": [attribute, _number(first)]}]}
        case Operator.VERSION_AT_LEAST:
            return {"and": [known, {"sem_ver": [attribute, ">=", first]}]}
        case Operator.VERSION_LESS_THAN:
            return {"and": [known, {"sem_ver": [attribute, "<", first]}]}


def _as_typed(values: tuple[str, ...]) -> list[Json]:
    """JsonLogic tells the number 5 from the text "5"; a segment means both."""
    numbers = [int(value) for value in values if value.isascii() and value.removeprefix("-").isdigit()]
    return [*values, *(one for one in numbers if str(one) in values and abs(one) < 1 << 53)]


def _number(text: str) -> int | float:
    number = float(text)
    return int(number) if number.is_integer() else number
