"""The application that uvicorn runs: every route of the table, static files, and headers that each answer carries."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.routing import Route as Starlet
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pilotage.model.client_address import told
from pilotage.web.assets import asset_answer
from pilotage.web.by_word import ByWord
from pilotage.web.crossing import Crossing, Nowhere
from pilotage.web.measured import Measured
from pilotage.web.problem import Refused, problem_answer, problem_of
from pilotage.web.request_id import CURRENT, HEADER, id_for
from pilotage.web.route import Route
from pilotage.web.site import Site
from pilotage.web.table import ROUTES

_ID = HEADER.lower().encode()
_ALWAYS = (
    (
        b"content-security-policy",
        b"default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
"""Names as ASGI has them: in lower case."""
_SECURE = (*_ALWAYS, (b"strict-transport-security", b"max-age=31536000"))


def application(site: Site, routes: tuple[Route, ...] = ROUTES) -> ASGIApp:
    """routes: more specific paths first."""
    site.routes = routes
    listed = [Starlet(path, Crossing(site, there)) for path, there in _by_path(routes).items()]
    static = Starlet("/static/{digest}/{name}", asset_answer, methods=["GET"])
    paths = {one.endpoint: one.path for one in (*listed, static)}
    inner = Starlette(routes=[ByWord([*listed, static])], exception_handlers={404: Nowhere(site)})
    return Guarded(Measured(inner, site.traffic, paths), site)


def _by_path(routes: tuple[Route, ...]) -> Mapping[str, tuple[Route, ...]]:
    found: dict[str, tuple[Route, ...]] = {}
    for one in routes:
        found[one.path] = (*found.get(one.path, ()), one)
    return found


class Guarded:
    """Adds the headers that keep browsers from doing what a page of ours never needs."""

    def __init__(self, inner: ASGIApp, site: Site) -> None:
        self._inner, self._site = inner, site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if client := scope.get("client"):
            # A proxy that is trusted may still pass on what a client invented.
            scope["client"] = (told(client[0]), client[1])
        given = next((value for name, value in scope.get("headers", ()) if name == _ID), b"")
        identity = id_for(given.decode("latin-1"))
        CURRENT.set(identity)
        always = _SECURE if self._site.secure else _ALWAYS

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                said = [one for one in message.get("headers", ()) if one[0] != _ID]
                known = {name for name, _ in said}
                message["headers"] = [
                    *said, (_ID, identity.encode()), *(one for one in always if one[0] not in known)
                ]  # fmt: skip
            await send(message)

        if _has_two_lengths(scope):
            refusal = TwoLengths("a body has a Content-Length or a Transfer-Encoding, not both")
            await problem_answer(problem_of(refusal), refusal.headers)(scope, receive, guarded)
            return
        await self._inner(_below(scope, self._site.root), receive, guarded)


class TwoLengths(Refused):
    """A proxy and this server could disagree where the request ends, and take the rest for a request of its own."""

    closes = True


def _has_two_lengths(scope: Scope) -> bool:
    return {b"content-length", b"transfer-encoding"} <= {name for name, _ in scope.get("headers", ())}


def _below(scope: Scope, root: str) -> Scope:
    """The request with the path that a proxy shows, whether the proxy passes that on or takes it away."""
    if not root or scope["type"] not in ("http", "websocket"):
        return scope
    path: str = scope["path"]
    whole = path if path == root or path.startswith(f"{root}/") else root + path
    return {**scope, "path": whole, "root_path": root}
