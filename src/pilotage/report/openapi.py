"""What of an HTTP API breaks its callers from one OpenAPI document (3.0 or 3.1) to the next, and what they must do.

Operations are those of both documents with the same method and path, whatever path parameters are called.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pilotage.model.json import Json, JsonObject, find
from pilotage.report.openapi_kinds import Certainty, Direction, Documents, SchemaChange
from pilotage.report.openapi_references import resolved, types_of
from pilotage.report.openapi_schemas import compare

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_PARAMETER = re.compile(r"\{[^{}/]*\}")


@dataclass(frozen=True, kw_only=True)
class ApiChange:
    """method: in capitals · place: such as `query parameter limit` or `response 200, items/price`; empty for the whole
    operation · what: has changed · cure: what callers must do."""

    method: str
    path: str
    place: str
    what: str
    cure: str
    certainty: Certainty = Certainty.BREAKS

    @property
    def sentence(self) -> str:
        """Such as `GET /orders: query parameter limit is gone`."""
        place = f"{self.place} " if self.place else ""
        return f"{self.method} {self.path}: {place}{self.what}"


@dataclass(frozen=True, kw_only=True)
class _Operation:
    """path: as its document has it · parameters: by place and name, path parameters by their number."""

    method: str
    path: str
    whole: JsonObject
    parameters: Mapping[tuple[str, str], JsonObject]
    security: tuple[frozenset[str], ...]


def changes_between_documents(old: Json, new: Json) -> tuple[ApiChange, ...]:
    """By path and method, certain ones first within an operation."""
    before, after = _operations(old), _operations(new)
    documents = Documents(old=old, new=new)
    found: list[ApiChange] = []
    for key, operation in before.items():
        if key in after:
            found += _dedupe(_compared(operation, after[key], documents))
        else:
            found.append(_gone(operation, after))
    return tuple(sorted(found, key=lambda one: (one.path, one.method, one.certainty)))


def _dedupe(found: Iterator[ApiChange]) -> list[ApiChange]:
    return list(dict.fromkeys(found))


def _gone(operation: _Operation, after: Mapping[tuple[str, str], _Operation]) -> ApiChange:
    """An operation that is not there any more; where it moved to, if it kept its id."""
    identity = operation.whole.get("operationId")
    moved = next((o for o in after.values() if identity and o.whole.get("operationId") == identity), None)
    same = [other.method for other in after.values() if _pattern(other.path) == _pattern(operation.path)]
    if moved:
        cure = f"call {moved.method} {moved.path}"
    elif same:
        cure = f"stop calling it; the path still has {', '.join(same)}"
    else:
        cure = "stop calling it"
    return ApiChange(method=operation.method, path=operation.path, place="", what="is gone", cure=cure)


# ── reading ────────────────────────────────────────────────────────────────────────────────────────────────


def _operations(document: Json) -> dict[tuple[str, str], _Operation]:
    paths = find(document, "paths")
    found = {}
    for path, item in paths.items() if isinstance(paths, Mapping) else ():
        whole = resolved(item, document)
        for method in METHODS:
            operation = whole.get(method)
            if isinstance(operation, Mapping):
                one = _operation(document, method.upper(), path, whole, operation)
                found[one.method, _pattern(path)] = one
    return found


def _pattern(path: str) -> str:
    return _PARAMETER.sub("{}", path.rstrip("/") or "/")


def _operation(document: Json, method: str, path: str, item: JsonObject, whole: JsonObject) -> _Operation:
    order = [name[1:-1] for name in _PARAMETER.findall(path)]
    parameters: dict[tuple[str, str], JsonObject] = {}
    for listed in (item.get("parameters"), whole.get("parameters")):
        for written in listed if isinstance(listed, list) else ():
            one = resolved(written, document)
            place, name = str(one.get("in", "")), str(one.get("name", ""))
            if place == "path" and name in order:
                name = str(order.index(name) + 1)
            parameters[place, name.lower() if place == "header" else name] = one
    required = whole.get("security", find(document, "security"))
    return _Operation(method=method, path=path, whole=whole, parameters=parameters, security=_security(required))


def _security(required: Json) -> tuple[frozenset[str], ...]:
    """Alternatives, each the schemes with their scopes that it needs; one that needs nothing where nothing is said."""
    alternatives = []
    for one in required if isinstance(required, list) else ():
        needed = set()
        for scheme, scopes in one.items() if isinstance(one, Mapping) else ():
            needed.add(scheme)
            needed.update(f"{scheme}:{scope}" for scope in scopes if isinstance(scopes, list))
        alternatives.append(frozenset(needed))
    return tuple(alternatives) or (frozenset(),)


# ── one operation ──────────────────────────────────────────────────────────────────────────────────────────


def _compared(old: _Operation, new: _Operation, documents: Documents) -> Iterator[ApiChange]:
    for place, change in (
        *_parameters(old, new, documents), *_body(old, new, documents), *_responses(old, new, documents),
        *_authentication(old, new),
    ):  # fmt: skip
        where = f"{place}, {change.place}" if change.place else place
        yield ApiChange(
            method=old.method, path=new.path, place=where, what=change.what, cure=change.cure,
            certainty=change.certainty,
        )  # fmt: skip


_Found = Iterator[tuple[str, SchemaChange]]


def _said(what: str, cure: str, certainty: Certainty = Certainty.BREAKS) -> SchemaChange:
    return SchemaChange(place="", what=what, cure=cure, certainty=certainty)


def _parameters(old: _Operation, new: _Operation, documents: Documents) -> _Found:
    for key, one in old.parameters.items():
        words = _parameter_words(one)
        if key not in new.parameters:
            yield words, _said("is gone", "it has no effect any more", Certainty.MAY_BREAK)
            continue
        other = new.parameters[key]
        if (
            other.get("required") is True
            and one.get("required") is not True
            and "default" not in _schema(other, documents.new)
        ):
            yield words, _said("is now required", "always send it")
        before, after = _schema(one, documents.old), _schema(other, documents.new)
        if "default" in before and before.get("default") != after.get("default"):
            now = f"now {after['default']!r}" if "default" in after else "gone"
            yield (
                words,
                _said(
                    f"has another default: it is {now}, was {before['default']!r}",
                    "send the value you mean",
                    Certainty.MAY_BREAK,
                ),
            )
        for change in compare(_written(one), _as_text(before, after, _written(other)), documents, Direction.SENT):
            yield words, change
    for key, other in new.parameters.items():
        if (
            key not in old.parameters
            and other.get("required") is True
            and "default" not in _schema(other, documents.new)
        ):
            yield _parameter_words(other), _said("is new and required", "send it")


def _as_text(before: JsonObject, after: JsonObject, written: Json) -> Json:
    """The schema that the texts of an old caller meet: a parameter is text on the wire, so a number is a text as well,
    and one value is a list of one."""
    was, now = types_of(before), types_of(after)
    if "array" in now and was and not was & {"array", "object"}:
        return {"nullable": "null" in was, **resolved(after.get("items"), {})} if "items" in after else {}
    if "string" in now and was and not was & {"string", "array", "object"}:
        return {**after, "type": [*was]}
    return written


def _parameter_words(one: JsonObject) -> str:
    return f"{one.get('in', '')} parameter {one.get('name', '')}"


def _written(parameter: JsonObject) -> Json:
    """The schema of a parameter or a header, wherever it stands."""
    if "schema" in parameter:
        return parameter["schema"]
    content = parameter.get("content")
    return find(next(iter(content.values())), "schema") if isinstance(content, Mapping) and content else {}


def _schema(parameter: JsonObject, document: Json) -> JsonObject:
    return resolved(_written(parameter), document)


def _body(old: _Operation, new: _Operation, documents: Documents) -> _Found:
    before = resolved(old.whole.get("requestBody"), documents.old)
    after = resolved(new.whole.get("requestBody"), documents.new)
    if after.get("required") is True and before.get("required") is not True:
        word = "is now required" if before else "is new and required"
        yield "request body", _said(word, "always send one")
    if before and not after:
        yield "request body", _said("is gone", "send none")
        return
    yield from _contents("request body", before, after, documents, Direction.SENT)


def _contents(words: str, before: JsonObject, after: JsonObject, documents: Documents, way: Direction) -> _Found:
    """Each media type of a body."""
    old, new = (_media(one) for one in (before, after))
    for name, schema in old.items():
        if name not in new:
            wider = next((other for other in new if _covers(other, name)), "")
            if new and not wider:
                act = f"send {', '.join(new)}" if way is Direction.SENT else f"read {', '.join(new)}"
                yield words, _said(f"is no longer {name}", act)
            elif not new and old:
                yield words, _said(f"is no longer {name}", "expect none")
            continue
        for change in compare(schema, new[name], documents, way):
            yield words, change


def _media(body: JsonObject) -> dict[str, Json]:
    content = body.get("content")
    named = content.items() if isinstance(content, Mapping) else ()
    return {name.lower().replace(" ", ""): find(one, "schema") or {} for name, one in named}


def _covers(wide: str, narrow: str) -> bool:
    """Whether `application/*` or `*/*` covers a media type, or it has parameters on top of it."""
    major = narrow.partition("/")[0]
    return wide in ("*/*", f"{major}/*") or narrow.partition(";")[0] == wide


def _responses(old: _Operation, new: _Operation, documents: Documents) -> _Found:
    before, after = _named(old.whole.get("responses")), _named(new.whole.get("responses"))
    for status, written in before.items():
        other = after.get(status, after.get(f"{status[:1]}XX", after.get("default")))
        words = f"response {status}"
        if other is None:
            if status.startswith("2"):
                now = ", ".join(one for one in after if one.startswith("2")) or "none that is named"
                yield words, _said("is gone", f"expect {now} in its place")
            continue
        one, two = resolved(written, documents.old), resolved(other, documents.new)
        yield from _contents(words, one, two, documents, Direction.READ)
        yield from _headers(words, one, two, documents)


def _named(responses: Json) -> dict[str, Json]:
    return (
        {str(name).upper() if str(name) != "default" else "default": one for name, one in responses.items()}
        if isinstance(responses, Mapping)
        else {}
    )


def _headers(words: str, before: JsonObject, after: JsonObject, documents: Documents) -> _Found:
    old, new = before.get("headers"), after.get("headers")
    there = {name.lower(): one for name, one in new.items()} if isinstance(new, Mapping) else {}
    for name, written in old.items() if isinstance(old, Mapping) else ():
        where, one = f"{words}, header {name}", resolved(written, documents.old)
        if name.lower() not in there:
            certain = Certainty.BREAKS if one.get("required") is True else Certainty.MAY_BREAK
            yield where, _said("is gone", "do without it", certain)
            continue
        other = resolved(there[name.lower()], documents.new)
        if one.get("required") is True and other.get("required") is not True:
            yield where, _said("is no longer always there", "expect it to be missing")
        for change in compare(_written(one), _written(other), documents, Direction.READ):
            yield where, change


def _authentication(old: _Operation, new: _Operation) -> _Found:
    """A way to authenticate that was enough must still be enough."""
    gone = [one for one in old.security if not any(other <= one for other in new.security)]
    if gone:
        ways = " or ".join(" and ".join(sorted(other)) or "nothing" for other in new.security)
        was = " or ".join(" and ".join(sorted(one)) or "no authentication" for one in gone)
        yield "authentication", _said(f"by {was} is no longer enough", f"authenticate with {ways}")
