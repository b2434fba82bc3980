"""Schemas of an OpenAPI document as they are meant: references followed, `allOf` merged, types named."""

from __future__ import annotations

from collections.abc import Mapping

from pilotage.model.json import Json, JsonObject, find

_DEEPEST = 40
"""Steps of references within references."""


def resolved(value: Json, document: Json) -> JsonObject:
    """What stands behind a reference within its document; an empty object for anything else that is no schema."""
    for _ in range(_DEEPEST):
        reference = reference_of(value)
        if not reference:
            break
        if not reference.startswith("#/"):
            return {"$ref": reference}
        parts = [part.replace("~1", "/").replace("~0", "~") for part in reference[2:].split("/")]
        target = find(document, *parts)
        beside = {k: v for k, v in value.items() if k != "$ref"} if isinstance(value, Mapping) else {}
        value = {**target, **beside} if isinstance(target, Mapping) and beside else target
    if value is False:
        return {"not": {}}
    return value if isinstance(value, Mapping) else {}


def reference_of(value: Json) -> str:
    reference = value.get("$ref") if isinstance(value, Mapping) else None
    return reference if isinstance(reference, str) else ""


def has_reference(value: Json) -> bool:
    if isinstance(value, Mapping):
        return "$ref" in value or any(has_reference(one) for one in value.values())
    return any(has_reference(one) for one in value) if isinstance(value, list) else False


def flat(schema: JsonObject, document: Json, inside: frozenset[str] = frozenset()) -> JsonObject:
    """With the parts of its `allOf` merged into it, and a lone alternative beside null taken as nullable. inside: the
    references on the way here, none of which is followed again."""
    merged: dict[str, Json] = {k: v for k, v in schema.items() if k != "allOf"}
    parts = schema.get("allOf")
    for part in parts if isinstance(parts, list) else ():
        if (reference := reference_of(part)) not in inside or not reference:
            merged = _both(merged, flat(resolved(part, document), document, inside | {reference}))
    for key in ("anyOf", "oneOf"):
        alone, reference = _nullable_alone(merged.get(key), document)
        if alone is not None and (reference not in inside or not reference):
            rest = {k: v for k, v in merged.items() if k != key}
            merged = _both(rest, {**flat(alone, document, inside | {reference}), "nullable": True})
    return merged


def _nullable_alone(alternatives: Json, document: Json) -> tuple[JsonObject | None, str]:
    """Of two alternatives one of which is null, the other one and its reference."""
    if not isinstance(alternatives, list) or len(alternatives) != 2:
        return None, ""
    read = [(resolved(one, document), reference_of(one)) for one in alternatives]
    others = [(one, reference) for one, reference in read if one.get("type") != "null"]
    return others[0] if len(others) == 1 else (None, "")


def _both(one: JsonObject, other: JsonObject) -> dict[str, Json]:
    """A schema of what both accept, keyword by keyword; where they contradict each other, of the second."""
    merged: dict[str, Json] = {**one}
    for key, value in other.items():
        mine = merged.get(key)
        if isinstance(mine, Mapping) and isinstance(value, Mapping) and key == "properties":
            merged[key] = {**mine, **value}
        elif key == "required" and isinstance(mine, list) and isinstance(value, list):
            merged[key] = [*mine, *(name for name in value if name not in mine)]
        elif key in ("anyOf", "oneOf") and mine is not None:
            merged[f"{key} (further)"] = value
        else:
            merged[key] = value
    return merged


def types_of(schema: JsonObject) -> frozenset[str]:
    """Types that a schema names, null among them; none where it takes any."""
    named = schema.get("type")
    types = {one for one in (named if isinstance(named, list) else [named]) if isinstance(one, str)}
    if not types and "properties" in schema:
        types = {"object"}
    if not types and "items" in schema:
        types = {"array"}
    nullable = schema.get("nullable") is True
    return frozenset({*types, "null"}) if types and nullable else frozenset(types)
