"""The description of the API (OpenAPI 3.1), made from the table of routes and the classes that they take and give."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version

import msgspec

from pilotage.model.json import Json, JsonObject, object_at
from pilotage.web.problem import Problem
from pilotage.web.route import Audience, Route

JSON = "application/json"
_STREAM = "text/event-stream"
_REFS = "#/components/schemas/{name}"
_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")

_INTRODUCTION = """Everything that the command line can read and do. Errors are problems (RFC 9457); their `code` is
stable. A POST with an `Idempotency-Key` is carried out once, however often it is sent. An answer's `ETag` sent back
as `If-Match` keeps a change from being made of something that has changed since."""

_IDEMPOTENCY_KEY: JsonObject = {
    "name": "Idempotency-Key", "in": "header", "required": False, "schema": {"type": "string", "maxLength": 255},
    "description": "A random text, new for each thing that you want done: repeat it when you repeat the request.",
}  # fmt: skip
_IF_MATCH: JsonObject = {
    "name": "If-Match", "in": "header", "required": False, "schema": {"type": "string"},
    "description": "The ETag of what you have seen. If it has changed since, nothing is done (412).",
}  # fmt: skip
_IF_NONE_MATCH: JsonObject = {
    "name": "If-None-Match", "in": "header", "required": False, "schema": {"type": "string"},
    "description": "The ETag of the answer that you have. If nothing has changed, the answer is empty (304).",
}  # fmt: skip
_LAST_EVENT: JsonObject = {
    "name": "Last-Event-ID", "in": "header", "required": False, "schema": {"type": "string"},
    "description": "The id of the last event that you have: the stream goes on after it.",
}  # fmt: skip


def described(routes: Iterable[Route], root: str = "") -> JsonObject:
    """root: the path under which a proxy shows the server."""
    listed = [one for one in routes if one.public]
    shapes, parts = _shapes(listed)
    paths: dict[str, dict[str, Json]] = {}
    for route in listed:
        there = paths.setdefault(_PARAMETER.sub(r"{\1}", route.path), {})
        there[route.method.lower()] = _operation(route, shapes)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Pilotage", "version": version("pilotage"), "description": _flat(_INTRODUCTION),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": root or "/"}],
        "security": [{"token": []}, {"session": []}],
        "tags": [{"name": name} for name in dict.fromkeys(_tag(route) for route in listed)],
        "paths": dict(paths),
        "components": {
            "schemas": parts,
            "responses": {"problem": _problem("What went wrong, and what would be right.")},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "A personal or service token."},
                "session": {
                    "type": "apiKey", "in": "cookie", "name": "pilotage",
                    "description": "The session of a browser. Changes also need its Origin.",
                },
            },
        },
    }  # fmt: skip


def operation_id(route: Route) -> str:
    words = [word for word in re.split(r"\W+", _PARAMETER.sub(r"\1", route.path)) if word not in ("", "api", "v1")]
    return "_".join((route.method.lower(), *words))


def parameters_of(path: str) -> tuple[str, ...]:
    """Names of the parameters of a path."""
    return tuple(_PARAMETER.findall(path))


def _shapes(routes: Sequence[Route]) -> tuple[Mapping[type, JsonObject], JsonObject]:
    taken = [kind for route in routes for kind in (route.takes, route.gives) if kind is not None]
    fields = [one.type for route in routes if route.query for one in msgspec.structs.fields(route.query)]
    kinds: list[type] = list(dict.fromkeys([Problem, *taken]))
    made = msgspec.json.schema_components([*kinds, *fields], ref_template=_REFS)
    shapes, parts = msgspec.json.decode(msgspec.json.encode(made))  # defaults such as () become what JSON has
    return dict(zip(kinds, map(object_at, shapes), strict=False)), object_at(parts)


def _operation(route: Route, shapes: Mapping[type, JsonObject]) -> JsonObject:
    found: dict[str, Json] = {
        "operationId": operation_id(route),
        "summary": route.summary,
        "tags": [_tag(route)],
        "x-permission": route.permission.value,
        "parameters": [*_of_path(route), *_of_query(route), *_of_headers(route)],
        "responses": _answers(route, shapes),
    }
    if route.permission is Audience.ANYONE:
        found["security"] = []
    if route.takes is not None:
        found["requestBody"] = {"required": True, "content": {JSON: {"schema": shapes[route.takes]}}}
    return found


def _of_path(route: Route) -> list[JsonObject]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in parameters_of(route.path)
    ]


def _of_query(route: Route) -> list[JsonObject]:
    if route.query is None:
        return []
    meanings = field_meanings(route.query)
    return [
        {
            "name": one.encode_name, "in": "query", "required": one.required, "description": meanings[one.name],
            "schema": object_at(msgspec.json.schema(one.type, ref_template=_REFS)),
        }
        for one in msgspec.structs.fields(route.query)
    ]  # fmt: skip


def _of_headers(route: Route) -> list[JsonObject]:
    if route.media == _STREAM:
        return [_LAST_EVENT]
    streams = inspect.iscoroutinefunction(route.answer) and not route.keeps
    once = route.method == "POST" and route.permission is not Audience.ANYONE and not streams
    found = (_IDEMPOTENCY_KEY, once), (_IF_MATCH, bool(route.about)), (_IF_NONE_MATCH, not route.changes)
    return [header for header, taken in found if taken]


def _answers(route: Route, shapes: Mapping[type, JsonObject]) -> JsonObject:
    good: dict[str, Json] = {"description": "Done." if route.changes else "Found."}
    if route.gives is not None:
        good["content"] = {JSON: {"schema": shapes[route.gives]}}
    elif route.status != 204:
        good["content"] = {media: {"schema": {}} for media in route.medias}
    if route.status == 202:
        good["headers"] = {"Location": {"description": "Where to see how it goes on.", "schema": {"type": "string"}}}
    problem: JsonObject = {"$ref": "#/components/responses/problem"}
    failed: JsonObject = {str(status): problem for status in _failures(route)}
    same: JsonObject = (
        {} if route.changes or route.media == _STREAM else {"304": {"description": "Nothing has changed."}}
    )
    return {str(route.status): good, **same, **failed, "default": problem}


def _failures(route: Route) -> list[int]:
    possible = {400, 401, 429}
    if route.permission is not Audience.ANYONE:
        possible |= {403}
    if parameters_of(route.path):
        possible |= {404}
    if route.changes:
        possible |= {404, 408, 409, 413, 503}
    if route.changes and route.takes is not None:
        possible |= {415}
    if route.method == "POST":
        possible |= {422}
    if route.about:
        possible |= {412}
    return sorted(possible | {500, 503})


def _problem(description: str) -> JsonObject:
    return {
        "description": description,
        "content": {"application/problem+json": {"schema": {"$ref": _REFS.format(name=Problem.__name__)}}},
    }


def _tag(route: Route) -> str:
    return route.path.removeprefix("/api/v1/").partition("/")[0]


def field_meanings(kind: type[msgspec.Struct]) -> Mapping[str, str]:
    """What a class's text says of its fields, as `name: meaning · other: …`, or the text below a field."""
    text = _flat(inspect.getdoc(kind) or "")
    return {name: _meaning(text, name) for name in kind.__struct_fields__}


def _meaning(text: str, name: str) -> str:
    for part in text.split(" · "):
        names, colon, meaning = part.partition(": ")
        if colon and name in re.split(r"[,. ]+", names):
            return meaning.strip().rstrip(".") + "."
    return ""


def _flat(text: str) -> str:
    return " ".join(text.split())
