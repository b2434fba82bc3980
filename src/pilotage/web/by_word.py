"""Finds the route of a path by its words, instead of trying two hundred patterns one after the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from starlette.routing import BaseRoute, Match, Route
from starlette.types import Receive, Scope, Send

_FOUND = "pilotage.route"
_API = 3
"""Words of a path below `/api/v1/` that tell routes apart; of others, the first."""


class ByWord(BaseRoute):
    """Many routes as one, in their order. Each begins with a word that is no parameter."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = defaultdict[tuple[str, ...], list[Route]](list)
        for one in routes:
            self._routes[_words(one.path)].append(one)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http":
            return Match.NONE, {}
        partial: tuple[Match, Scope] = (Match.NONE, {})
        for one in self._routes.get(_words(scope["path"].removeprefix(scope.get("root_path", ""))), ()):
            match, child = one.matches(scope)
            if match is Match.FULL:
                return match, {**child, _FOUND: one}
            if match is Match.PARTIAL and partial[0] is Match.NONE:
                partial = (match, {**child, _FOUND: one})
        return partial

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await scope[_FOUND].handle(scope, receive, send)


def _words(path: str) -> tuple[str, ...]:
    words = path.split("/", _API + 1)
    return tuple(words[1 : _API + 1] if words[1:2] == ["api"] else words[1:2])
