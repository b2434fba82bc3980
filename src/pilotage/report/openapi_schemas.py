"""Compares two JSON Schemas of an OpenAPI document, for those who send such values or for those who read them.

What callers send must still be accepted: a schema of requests must not become narrower. What they read must stay what
they know: a schema of responses must not become wider. Both are one question, asked in the two directions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pilotage.model.json import Json, JsonObject, find
from pilotage.report.openapi_kinds import Certainty, Direction, Documents, SchemaChange
from pilotage.report.openapi_references import flat, has_reference, reference_of, resolved, types_of

_DEEPEST = 40


@dataclass(frozen=True, kw_only=True)
class _At:
    """Where a comparison is. seen: pairs of references on the way here, each compared once."""

    documents: Documents
    direction: Direction
    place: str = ""
    depth: int = 0
    seen: frozenset[tuple[str, str]] = frozenset()

    @property
    def sent(self) -> bool:
        return self.direction is Direction.SENT

    def into(self, name: str) -> _At:
        return replace(self, place=f"{self.place}/{name}" if self.place else name, depth=self.depth + 1)

    def change(self, what: str, cure: str, certainty: Certainty = Certainty.BREAKS) -> SchemaChange:
        return SchemaChange(place=self.place, what=what, cure=cure, certainty=certainty)


def compare(old: Json, new: Json, documents: Documents, direction: Direction) -> Iterator[SchemaChange]:
    """What breaks callers, from the schema of one version to that of the next."""
    yield from _compare(old, new, _At(documents=documents, direction=direction))


def _compare(old: Json, new: Json, at: _At) -> Iterator[SchemaChange]:
    pair = (reference_of(old), reference_of(new))
    if at.depth > _DEEPEST or (any(pair) and pair in at.seen):
        return
    at = replace(at, seen=at.seen | {pair}) if any(pair) else at
    one, other = resolved(old, at.documents.old), resolved(new, at.documents.new)
    if one == other and not has_reference(one):
        return
    one, other = flat(one, at.documents.old), flat(other, at.documents.new)
    found = list(_types(one, other, at))
    yield from found
    if found:
        return  # nothing else can be compared
    yield from _values(one, other, at)
    yield from _limits(one, other, at)
    yield from _text(one, other, at)
    yield from _opaque(one, other, at)
    yield from _alternatives(one, other, at)
    yield from _properties(one, other, at)
    yield from _members(one, other, at)


# ── the value itself ───────────────────────────────────────────────────────────────────────────────────────


def _types(old: JsonObject, new: JsonObject, at: _At) -> Iterator[SchemaChange]:
    before, after = types_of(old), types_of(new)
    wide, narrow = (before, after) if at.sent else (after, before)
    if not narrow or wide == narrow:
        return
    missing = frozenset(one for one in wide if one not in narrow and not (one == "integer" and "number" in narrow))
    if missing == {"null"}:
        if at.sent:
            yield at.change("no longer accepts null", "do not send null")
        else:
            yield at.change("can now be null", "expect null")
    elif missing or not wide:
        was, now = _listed(before), _listed(after)
        yield at.change(f"is now {now}, was {was}", f"send {now}" if at.sent else f"expect {now}")


def _listed(types: frozenset[str]) -> str:
    return " or ".join(sorted(types)) or "of any type"


def _values(old: JsonObject, new: JsonObject, at: _At) -> Iterator[SchemaChange]:
    before, after = _allowed(old), _allowed(new)
    if at.sent and after is not None:
        gone = None if before is None else [one for one in before if one not in after]
        if gone is None:
            yield at.change(f"accepts only {_shown(after)} now", "send one of these")
        elif gone:
            yield at.change(f"no longer accepts {_shown(gone)}", f"send one of {_shown(after)}")
    elif not at.sent and before is not None:
        more = None if after is None else [one for one in after if one not in before]
        if more is None:
            yield at.change(f"can now be other values than {_shown(before)}", "expect any value", Certainty.MAY_BREAK)
        elif more:
            replaced = not any(one in before for one in after or ())
            certain = Certainty.BREAKS if replaced else Certainty.MAY_BREAK
            yield at.change(f"can now be {_shown(more)}", "handle that value", certain)


def _allowed(schema: JsonObject) -> Sequence[Json] | None:
    if "const" in schema:
        return [schema["const"]]
    values = schema.get("enum", schema.get("x-extensible-enum"))
    return values if isinstance(values, list) else None


def _shown(values: Sequence[Json]) -> str:
    shown = [one if isinstance(one, str) else repr(one) for one in values[:6]]
    return ", ".join(shown) + (f" and {len(values) - 6} more" if len(values) > 6 else "")


_UPPER, _LOWER = 1, -1
_LIMITS = (
    (_UPPER, "maximum", "number", "the largest value"), (_UPPER, "exclusiveMaximum", "number", "the upper bound"),
    (_UPPER, "maxLength", "string", "the longest text"), (_UPPER, "maxItems", "array", "the longest list"),
    (_UPPER, "maxContains", "array", "the largest number of matching items"),
    (_UPPER, "maxProperties", "object", "the largest number of properties"),
    (_LOWER, "minimum", "number", "the smallest value"), (_LOWER, "exclusiveMinimum", "number", "the lower bound"),
    (_LOWER, "minLength", "string", "the shortest text"), (_LOWER, "minItems", "array", "the shortest list"),
    (_LOWER, "minContains", "array", "the smallest number of matching items"),
    (_LOWER, "minProperties", "object", "the smallest number of properties"),
)  # fmt: skip
"""Which side a keyword limits, of which type, and what it is called."""


def _limits(old: JsonObject, new: JsonObject, at: _At) -> Iterator[SchemaChange]:
    types = types_of(old) | types_of(new)
    types |= {"number"} if "integer" in types else set()
    for side, key, kind, words in _LIMITS:
        if types and kind not in types:
            continue
        before, after = _number(old.get(key)), _number(new.get(key))
        wide, narrow = (before, after) if at.sent else (after, before)
        if narrow is None or (wide is not None and side * wide <= side * narrow):
            continue
        if side is _LOWER and kind != "number" and wide is None and narrow <= 0:
            continue  # nothing is shorter than nothing
        now = "not limited any more" if after is None else f"now {after:g}"
        was = "" if before is None else f", was {before:g}"
        cure = "send values within it" if at.sent else "expect values beyond it"
        yield at.change(f"{words} is {now}{was}", cure)


def _number(value: Json) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _text(old: JsonObject, new: JsonObject, at: _At) -> Iterator[SchemaChange]:
    for key in ("format", "pattern"):
        before, after = old.get(key), new.get(key)
        wide, narrow = (before, after) if at.sent else (after, before)
        if narrow is None or narrow == wide:
            continue
        certain = Certainty.BREAKS if key == "format" or (at.sent and wide is None) else Certainty.MAY_BREAK
        if key == "format" and (str(narrow), str(wide)) in _TAKES:
            continue
        now = f"now {after}" if after is not None else "gone"
        was = "" if before is None else f", was {before}"
        yield at.change(f"its {key} is {now}{was}", f"{'send' if at.sent else 'expect'} the new {key}", certain)


_TAKES = frozenset((("int64", "int32"), ("double", "float")))
"""Formats of which the first takes every value of the second."""

_OPAQUE = (
    "not", "if", "then", "else", "dependentSchemas", "dependentRequired", "propertyNames", "contains", "prefixItems",
    "unevaluatedItems", "unevaluatedProperties", "patternProperties", "uniqueItems", "multipleOf",
    "contentMediaType", "contentEncoding", "contentSchema", "anyOf (further)", "oneOf (further)",
)  # fmt: skip
"""Keywords that each make a schema narrower, in ways that are not looked into."""


def _opaque(old: JsonObject, new: JsonObject, at: _At) -> Iterator[SchemaChange]:
    for key in _OPAQUE:
        before, after = old.get(key), new.get(key)
        wide, narrow = (before, after) if at.sent else (after, before)
        if narrow in (None, False) or narrow == wide:
            continue
        certain = Certainty.BREAKS if wide in (None, False) else Certainty.MAY_BREAK
        word = "new" if before is None else "gone" if after is None else "different"
        yield at.change(f"its condition {key} is {word}", f"check what you {at.direction} against it", certain)


# ── alternatives, properties, members ──────────────────────────────────────────────────────────────────────


def _alternatives(old: JsonObject, new: JsonObject, at: _At) -> Iterator[SchemaChange]:
    before, after = _choices(old), _choices(new)
    if not before and not after:
        return
    left = [one for one in before if not _same(one, after, at.documents, old_first=True)]
    come = [one for one in after if not _same(one, before, at.documents, old_first=False)]
    if len(left) == len(come) == 1:
        yield from _compare(left[0], come[0], at.into("alternative"))
    elif at.sent and left and after:
        yield at.change(f"no longer accepts {_called(left)}", "send another alternative")
    elif at.sent and not before:
        if not any(not list(_compare(old, one, at)) for one in after):
            yield at.change(f"accepts only {_called(after)} now", "send one of these")
    elif not at.sent and come and before:
        yield at.change(f"can now be {_called(come)}", "handle that alternative")


def _choices(schema: JsonObject) -> list[Json]:
    for key in ("oneOf", "anyOf"):
        found = schema.get(key)
        if isinstance(found, list):
            return list(found)
    return []


def _same(one: Json, others: Sequence[Json], documents: Documents, *, old_first: bool) -> bool:
    mine, theirs = (documents.old, documents.new) if old_first else (documents.new, documents.old)
    whole = resolved(one, mine)
    return any(
        (reference_of(one) and reference_of(one) == reference_of(o)) or resolved(o, theirs) == whole for o in others
    )


def _called(alternatives: Sequence[Json]) -> str:
    return ", ".join(
        reference_of(one).rpartition("/")[2] or str(find(one, "title") or find(one, "type") or "another alternative")
        for one in alternatives
    )


def _properties(old: JsonObject, new: JsonObject, at: _At) -> Iterator[SchemaChange]:
    before, after = _named(old, at.documents.old, at), _named(new, at.documents.new, at)
    needed, needs = _required(old), _required(new)
    for name, schema in before.items():
        inner = at.into(name)
        if name not in after:
            yield from _removed(name, name in needed, new, inner)
            continue
        if (
            at.sent
            and name in needs
            and name not in needed
            and "default" not in resolved(after[name], at.documents.new)
        ):
            yield inner.change("is now required", "always send it")
        if not at.sent and name in needed and name not in needs:
            yield inner.change("is no longer always there", "expect it to be missing")
        yield from _compare(schema, after[name], inner)
    for name in after:
        has_default = "default" in resolved(after[name], at.documents.new)
        if at.sent and name not in before and name in needs and not has_default:
            yield at.into(name).change("is new and required", "send it")


def _named(schema: JsonObject, document: Json, at: _At) -> dict[str, Json]:
    """Properties that this direction has: callers send none that is read-only, and read none that is write-only."""
    found = schema.get("properties")
    hidden = "readOnly" if at.sent else "writeOnly"
    named = found.items() if isinstance(found, Mapping) else ()
    return {name: one for name, one in named if resolved(one, document).get(hidden) is not True}


def _removed(name: str, needed: bool, new: JsonObject, at: _At) -> Iterator[SchemaChange]:
    if not at.sent:
        certain = Certainty.BREAKS if needed else Certainty.MAY_BREAK
        yield at.change("is gone", f"do without {name}", certain)
    elif new.get("additionalProperties") is False:
        yield at.change("is gone, and unknown properties are refused", "do not send it")
    else:
        yield at.change("is gone", "it has no effect any more", Certainty.MAY_BREAK)


def _required(schema: JsonObject) -> frozenset[str]:
    named = schema.get("required")
    return frozenset(one for one in named if isinstance(one, str)) if isinstance(named, list) else frozenset()


def _members(old: JsonObject, new: JsonObject, at: _At) -> Iterator[SchemaChange]:
    if "items" in old and "items" in new:
        yield from _compare(old["items"], new["items"], at.into("[]"))
    before, after = old.get("additionalProperties"), new.get("additionalProperties")
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _compare(before, after, at.into("{}"))
    elif (
        at.sent
        and after is False
        and before is not False
        and types_of(old) <= {"object", "null"}
        and "properties" in old
    ):
        yield at.change("refuses unknown properties now", "send only properties that it names")
