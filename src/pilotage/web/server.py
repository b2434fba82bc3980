"""The application that uvicorn runs: every route of the table, static files, and headers that each answer carries."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.routing import Route as Starlet
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pilotage.web.assets import asset_answer
from pilotage.web.crossing import Crossing, Nowhere
from pilotage.web.measured import Measured
from pilotage.web.request_id import CURRENT, HEADER, id_for
from pilotage.web.route import Route
from pilotage.web.site import Site
from pilotage.web.table import ROUTES

_ID = HEADER.lower().encode()
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def application(site: Site, routes: tuple[Route, ...] = ROUTES) -> ASGIApp:
    """routes: more specific paths first."""
    site.routes = routes
    listed = [Starlet(path, Crossing(site, there)) for path, there in _by_path(routes).items()]
    static = Starlet("/static/{digest}/{name}", asset_answer, methods=["GET"])
    paths = {one.endpoint: one.path for one in (*listed, static)}
    inner = Starlette(routes=[*listed, static], exception_handlers={404: Nowhere(site)})
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
        given = next((value for name, value in scope.get("headers", ()) if name == _ID), b"")
        identity = id_for(given.decode("latin-1"))
        CURRENT.set(identity)

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers[HEADER] = identity
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if self._site.secure:
                    headers.setdefault("Strict-Transport-Security", "max-age=31536000")
            await send(message)

        await self._inner(_below(scope, self._site.root), receive, guarded)


def _below(scope: Scope, root: str) -> Scope:
    """The request with the path that a proxy shows, whether the proxy passes that on or takes it away."""
    if not root or scope["type"] not in ("http", "websocket"):
        return scope
    path: str = scope["path"]
    whole = path if path == root or path.startswith(f"{root}/") else root + path
    return {**scope, "path": whole, "root_path": root}
