"""`errors:` and `routes:` of an environment: which responses count as failed, and which paths are judged separately."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated

from pydantic import AfterValidator, Field, PlainValidator, WithJsonSchema

from pilotage.config.fields import Misplaced, Section, UrlPath
from pilotage.model.grpc import STATUSES

MOST_ROUTES = 8
"""Routes of one environment: each has a cluster of every version in the router."""

_FAILED = STATUSES[1:]
_CLASSES = ("5xx", "4xx")


Kind = str | int | dict[str, list[str]]
"""`5xx` or `4xx`, a single status, or gRPC statuses under `grpc`."""


def _kind(value: object) -> Kind:
    if isinstance(value, dict):
        return _grpc(value)
    if isinstance(value, str) and value in _CLASSES:
        return value
    if isinstance(value, int) and not isinstance(value, bool) and 300 <= value <= 599:
        return value
    if isinstance(value, str) and value.isdigit():
        raise ValueError(f"{value!r} is text: write the status {value} without quotes")
    raise ValueError(f"{value!r} is not 5xx, 4xx, a status from 300 to 599 such as 404, or {{grpc: [UNAVAILABLE]}}")


def _grpc(value: dict[str, list[str]]) -> Kind:
    names = value.get("grpc")
    if set(value) != {"grpc"} or not isinstance(names, list) or not names:
        raise ValueError("write gRPC statuses as {grpc: [UNAVAILABLE, INTERNAL]}")
    for name in names:
        if name not in _FAILED:
            close = get_close_matches(str(name).upper(), _FAILED, n=1, cutoff=0.5)
            more = f"did you mean {close[0]}?" if close else f"known are {', '.join(_FAILED)}"
            raise ValueError(f"{name!r} is not a gRPC error status; {more}")
    return value


_KIND_SCHEMA = {
    "anyOf": [
        {"enum": list(_CLASSES)},
        {"type": "integer", "minimum": 300, "maximum": 599},
        {
            "type": "object",
            "description": "Calls that count as failed by their gRPC status.",
            "properties": {
                "grpc": {
                    "type": "array",
                    "minItems": 1,
                    "items": {"enum": list(_FAILED)},
                    "description": "gRPC statuses, such as UNAVAILABLE.",
                }
            },
            "required": ["grpc"],
            "additionalProperties": False,
        },
    ]
}

ErrorKind = Annotated[Kind, PlainValidator(_kind), WithJsonSchema(_KIND_SCHEMA)]
"""One kind of answer that counts as failed."""


def _some(kinds: list[Kind] | None) -> list[Kind] | None:
    if kinds == []:
        raise ValueError("name at least one kind of error, such as 5xx")
    return kinds


def server_errors() -> list[Kind]:
    """What fails where nothing else is configured."""
    return ["5xx"]


ErrorKinds = Annotated[list[ErrorKind], AfterValidator(_some)]


def _narrow(path: str) -> str:
    if path == "/":
        raise ValueError("/ is every path: name a part of the service, and use errors: of the environment for the rest")
    if any(c in path for c in "?#*{}"):
        raise ValueError(f"{path!r} is not a prefix of paths such as /api: no query, wildcard or placeholder")
    return path


class RouteSection(Section):
    """A part of the service that is judged separately."""

    path: Annotated[UrlPath, AfterValidator(_narrow)] = Field(
        description="Path prefix: /api matches /api and /api/…, not /apix."
    )
    errors: ErrorKinds | None = Field(
        None, description="Responses that count as failed on this route. Default: `errors` of the environment."
    )


def check_routes(routes: list[RouteSection]) -> list[RouteSection]:
    """Raises ValueError for too many, Misplaced for one that no request can reach: the first match wins."""
    if len(routes) > MOST_ROUTES:
        raise ValueError(f"name at most {MOST_ROUTES} routes, got {len(routes)}")
    for index, route in enumerate(routes):
        for earlier in routes[:index]:
            if route.path == earlier.path:
                raise Misplaced(f"{route.path} is listed twice", index)
            if route.path.startswith(earlier.path.rstrip("/") + "/"):
                raise Misplaced(
                    f"{route.path} matches no request, because {earlier.path} comes before it; put it first", index
                )
    return routes
