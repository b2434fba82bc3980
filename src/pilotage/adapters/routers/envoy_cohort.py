"""A cohort among Envoy's routes: whose requests go to its version is one look at a table in Lua for each request.

The table is part of the route configuration, so that members and weights change at the same moment. What a running
Envoy shows is read back member by member; text that these functions would not have written is an error.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from pilotage.adapters.routers.envoy_resources import TYPE
from pilotage.model.json import JsonObject, each, list_at, object_at, text_at

MOST = 50_000
"""Members of a cohort. Envoy takes up as many in a second, on a machine of two busy cores (decision 111)."""

_INPUT = "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput"
_BEGIN, _END = "local members = {", "}\nfunction envoy_match(value) return members[value] == true end\n"
_ENTRY = re.compile(r'\["((?:[A-Za-z0-9._-]|\\[0-9]{3})*)"\]=true')
_ESCAPED = re.compile(rb"\\([0-9]{3})")
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")


def divided(
    header: str, members: tuple[str, ...], inside: Sequence[JsonObject], outside: Sequence[JsonObject]
) -> JsonObject:
    """Of a virtual host: requests whose header is one of `members` meet the routes `inside`, all others those
    `outside`. Envoy joins the values of a header that is sent twice by a comma: such a request is nobody's."""
    table: JsonObject = {
        "name": "envoy.string_matcher.lua",
        "typed_config": {
            "@type": f"{TYPE}.extensions.string_matcher.lua.v3.Lua",
            "source_code": {"inline_string": _table(members)},
        },
    }
    asked: JsonObject = {"name": "header", "typed_config": {"@type": _INPUT, "header_name": header}}
    one: JsonObject = {
        "predicate": {"single_predicate": {"input": asked, "value_match": {"custom": table}}},
        "on_match": _routes("members", inside),
    }
    return {"matcher": {"matcher_list": {"matchers": [one]}, "on_no_match": _routes("others", outside)}}


def members_in(host: JsonObject) -> tuple[str, tuple[str, ...]]:
    """The header that the virtual host looks at, and the members. Raises ValueError."""
    asked = object_at(_matcher(host), "predicate", "single_predicate")
    code = text_at(asked, "value_match", "custom", "typed_config", "source_code", "inline_string")
    members = tuple(_plain(found) for found in _ENTRY.findall(code))
    if _table(members) != code:
        raise ValueError("its table of members was edited")
    return text_at(asked, "input", "typed_config", "header_name"), members


def inside(host: JsonObject) -> list[JsonObject]:
    """The routes of members. Raises ValueError."""
    return each(object_at, _matcher(host), "on_match", "action", "typed_config", "routes")


def outside(host: JsonObject) -> list[JsonObject]:
    """The routes of everybody else; all there are where no cohort is set. Raises ValueError."""
    if "matcher" not in host:
        return each(object_at, host, "routes")
    return each(object_at, host, "matcher", "on_no_match", "action", "typed_config", "routes")


def _matcher(host: JsonObject) -> JsonObject:
    (one,) = list_at(host, "matcher", "matcher_list", "matchers")
    return object_at([one], 0)


def _routes(name: str, routes: Sequence[JsonObject]) -> JsonObject:
    listed: JsonObject = {"@type": f"{TYPE}.config.route.v3.RouteList", "routes": list(routes)}
    return {"action": {"name": name, "typed_config": listed}}


@lru_cache(maxsize=4)
def _table(members: tuple[str, ...]) -> str:
    return _BEGIN + ",".join(f'["{_escaped(member)}"]=true' for member in members) + _END


def _escaped(member: str) -> str:
    return "".join(chr(byte) if byte in _PLAIN else f"\\{byte:03d}" for byte in member.encode())


def _plain(escaped: str) -> str:
    return _ESCAPED.sub(lambda found: bytes([int(found[1])]), escaped.encode()).decode()
