"""Makes docs/reference/api.md from the server's table of routes. `python docs/reference.py` writes it."""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Iterable, Mapping
from functools import cache

import json_page
import msgspec

from pilotage.model import output
from pilotage.web.openapi import field_meanings
from pilotage.web.route import Body, Query, Route
from pilotage.web.table import ROUTES

_OPENING = """# REST API

After this page you can read and change everything from a program: each command of the shell has its route.

```sh
export TOKEN=pilotage_pat_…                       # made under Settings → Tokens, or by `pilotage login`
curl -H "Authorization: Bearer $TOKEN" https://pilotage.example/api/v1/rollouts
curl -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -H "Idempotency-Key: $(uuidgen)" \\
     -d '{"reason": "errors at checkout"}' https://pilotage.example/api/v1/rollouts/ID/abort
```

`GET /api/v1/openapi.json` describes all of it (OpenAPI 3.1). Times, durations and weights are as in the
[JSON output](json.md).

## Errors

An error is a problem (RFC 9457) with the media type `application/problem+json`. Its `code` is one of the
[errors](errors.md) and stays the same in later versions; `exit_status` is that of the command.

```json
{"title": "Not allowed", "status": 403, "code": "forbidden", "exit_status": 8,
 "detail": "ada may not deploy in shop/production; has viewer, needs deployer, approver or admin"}
```

## Changes

A POST with an `Idempotency-Key` is carried out once, however often you send it. `If-Match` is up to you: send
the `ETag` of what you saw, and the request changes nothing if that has changed since (status 412, with the present
state as `present`). Without it, the request counts whatever is there. Send it with `approve` and `promote`. An abort
needs none.

## Pages of a list

A list that can grow comes in pages of `limit` entries. Send its `next` as `after`, or follow the header
`Link`. Entries that are added meanwhile move nothing on a later page.

## Change only what you have seen

Each GET has an `ETag`. Send it as `If-Match` with a change: if the thing has changed since, nothing is done, and the
answer (412) has its present state. Of two such requests at once, one is carried out
([why](../decisions/0137-a-change-waits-for-its-turn.md)).

## Do it once

Send a new random `Idempotency-Key` with each POST, and the same one when you repeat it. Every server of the store knows
what became of it:

| answer | meaning |
|---|---|
| the first answer, with `Idempotency-Replayed: true` | It was carried out. |
| 409 `request-running` | It is still at work. Ask again after `Retry-After` seconds. |
| 409 `answer-lost` | It was carried out, and the answer is lost or had a secret. Look at what it changes. |
| 422 `key-reused` | The key belongs to another request. |

`POST /shell` keeps only how a command ended ([why](../decisions/0138-a-command-line-is-carried-out-once.md)).

## Permissions

Each route names the permission that it needs, for the service and environment in its path.
`signed in` needs none: such a list shows only what you may read.
"""


def page() -> str:
    """The page."""
    listed = [one for one in ROUTES if one.public]
    sections = [_OPENING, "## Routes\n"]
    tags = dict.fromkeys(_tag(one) for one in listed)
    for tag in tags:
        sections += [f"### {tag}\n", _routes(one for one in listed if _tag(one) == tag)]
    sections.append("## Bodies\n")
    taken = [one.takes for one in listed if one.takes is not None and _fields(one.takes)]
    bodies = dict.fromkeys(part for kind in taken for part in (kind, *json_page.parts(kind)))
    sections += [_structure(one) for one in sorted(bodies, key=lambda one: one.__name__)]
    sections.append("## Queries\n")
    queries = dict.fromkeys(one.query for one in listed if one.query is not None)
    sections += [_structure(one) for one in sorted(queries, key=lambda one: one.__name__)]
    sections.append("## Answers\n\nWhat a command prints too is described under [JSON output](json.md).\n")
    given = [one.gives for one in listed if one.gives is not None]
    answers = dict.fromkeys(part for kind in given for part in (kind, *json_page.parts(kind)))
    own = [one for one in answers if one not in _elsewhere()]
    sections += [_structure(one) for one in sorted(own, key=lambda one: one.__name__)]
    return "\n".join(sections)


def _tag(route: Route) -> str:
    return route.path.removeprefix("/api/v1/").partition("/")[0]


@cache
def _elsewhere() -> Mapping[type, str]:
    """Classes that the page of JSON outputs describes, each with the anchor of its heading."""
    listed = output.outputs()
    parts = [part for kind in listed.values() for part in json_page.parts(kind)]
    titled = {kind: command for command, kind in listed.items()}
    return {**{part: part.__name__.lower() for part in parts}, **{kind: _anchor(titled[kind]) for kind in titled}}


def _routes(routes: Iterable[Route]) -> str:
    lines = ["| route | does | permission | takes | gives |", "|---|---|---|---|---|"]
    for one in routes:
        takes = _link(one.takes or one.query)
        media = ", ".join(f"`{name}`" for name in one.medias if name != "application/json")
        gives = _link(one.gives) or media
        shown = f"`{one.method} {one.path.removeprefix('/api/v1')}`"
        lines.append(f"| {shown} | {one.summary} | {one.permission} | {takes} | {gives} |")
    return "\n".join(lines) + "\n"


def _link(kind: type[msgspec.Struct] | None) -> str:
    if kind is None or (issubclass(kind, (Body, Query)) and not _fields(kind)):
        return ""
    if kind in _elsewhere():
        anchor = _elsewhere()[kind]
        return f"[{kind.__name__}](json.md{f'#{anchor}' if anchor else ''})"
    return f"[{kind.__name__}](#{kind.__name__.lower()})"


def _anchor(title: str) -> str:
    """Empty where sites differ in what they make of the heading."""
    words = re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", title.lower()))
    return "" if "--" in words or ":" in title else words


def _fields(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    return kind.__struct_fields__


def _structure(kind: type[msgspec.Struct]) -> str:
    hints = typing.get_type_hints(kind)
    meanings = {
        name: json_page.words_under_fields(kind).get(name) or said or json_page.USUAL.get(name, "")
        for name, said in field_meanings(kind).items()
    }
    text = " ".join((inspect.getdoc(kind) or "").split())
    lines = [f"### {kind.__name__}\n"]
    if not any(field_meanings(kind).values()):
        lines.append(f"{text}\n")
    lines += ["| field | type | meaning |", "|---|---|---|"]
    for one in msgspec.structs.fields(kind):
        if one.name == "schema":
            continue
        required = "" if one.required or not issubclass(kind, (Body, Query)) else "; optional"
        lines.append(f"| `{one.encode_name}` | {_type(hints[one.name])}{required} | {meanings[one.name]} |")
    return "\n".join(lines) + "\n"


def _type(hint: object) -> str:
    plain = {str: "text", int: "whole number", float: "number", bool: "true or false", typing.Any: "any"}
    if hint in plain:
        return plain[hint]
    arguments = typing.get_args(hint)
    if isinstance(hint, types.UnionType):
        inner = [one for one in arguments if one is not types.NoneType]
        return " or ".join(map(_type, inner)) + (", or null" if types.NoneType in arguments else "")
    if typing.get_origin(hint) is typing.Annotated:
        return _type(arguments[0])
    if typing.get_origin(hint) is typing.Literal:
        return ", ".join(f"`{one}`" for one in arguments)
    if typing.get_origin(hint) is tuple:
        return f"list of {_type(arguments[0])}"
    if arguments:
        return f"{_type(arguments[-1])} by name"
    name = getattr(hint, "__name__", str(hint))
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return _link(hint)
    return f"`{name}`"
