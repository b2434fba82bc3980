"""Answers that were kept a moment ago, given out in the event loop: they need no thread, and no request waits for them.

Nothing here waits for the store or works anything out. Who asks, what they may do and the answer itself are at hand as
of the version that counts now, or the request goes the usual way, in a thread. Of many who send the same request at
once one goes that way; the others wait for it and look again. Meanwhile an answer may become twice as old as usual.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from pilotage.app.roles import admits
from pilotage.engine.records.version import Version
from pilotage.model.access import Identity
from pilotage.web import forgery
from pilotage.web.client import client_of
from pilotage.web.credentials import cookie_name, known_identity
from pilotage.web.finishing import finished
from pilotage.web.hosts import refuse_strange_host
from pilotage.web.preconditions import with_etag
from pilotage.web.route import Asked, Audience, Kind, Route, Sharing
from pilotage.web.shared import Kept, answer_for, key_of, reader_of
from pilotage.web.site import Site

_PATIENCE = 10.0
"""Seconds that a request waits for another one that is the same."""

_Same: TypeAlias = tuple[str, ...]

_log = logging.getLogger(__name__)


@dataclass
class UnderWay:
    """Requests to one route that went the usual way; others that are the same wait for them."""

    _begun: dict[_Same, asyncio.Event] = field(default_factory=dict)

    def of(self, same: _Same) -> asyncio.Event | None:
        """Set when it is over."""
        return self._begun.get(same)

    @contextmanager
    def leading(self, same: _Same) -> Iterator[None]:
        over = self._begun[same] = asyncio.Event()
        try:
            yield
        finally:
            if self._begun.get(same) is over:
                del self._begun[same]
            over.set()


def same_as(site: Site, request: Request) -> _Same:
    """What two requests have in common that get the same answer: also who sends them, before anybody looks."""
    sent = request.headers.get("authorization") or request.cookies.get(cookie_name(site), "")
    scope = request.scope
    return sent, scope["path"], scope["query_string"].decode("latin-1"), client_of(request)


async def at_hand(site: Site, route: Route, request: Request, under_way: UnderWay, same: _Same) -> Response | None:
    """None where the request has to go the usual way. Raises StrangeHost, TooMany."""
    if route.shared is Sharing.NOBODY or not same[0]:
        return None
    if (found := await _look(site, route, request, leads=under_way.of(same) is None)) is not None:
        return found
    if (other := under_way.of(same)) is None:
        return None
    try:
        async with asyncio.timeout(_PATIENCE):
            await other.wait()
    except TimeoutError:
        return None
    return await _look(site, route, request, leads=True)


async def _look(site: Site, route: Route, request: Request, *, leads: bool) -> Response | None:
    """leads: nobody else makes the answer anew, so an old one must not do."""
    try:
        version = await site.version_now.get()
    except Exception as error:
        _log.debug("the version of the store is not known: %s", error)
        return None  # whoever goes the usual way hears what is wrong
    identity, configured = known_identity(site, request, version), site.configured_at_hand
    if identity is None or configured is None:
        return None
    key, whole = key_of(route, request, reader_of(route, identity)), (version, configured)
    kept = site.shared.at_hand(key, whole, site.store.clock.now(), old=not leads)
    if kept is None or not _may(site, route, identity, kept, version):
        return None
    if route.kind is Kind.PAGE:
        refuse_strange_host(site, request)
    request.state.actor = identity.name
    request.state.limits = site.limits.take(f"{identity.kind}:{identity.name}", known=True)
    asked = Asked(
        site=site, request=request, route=route, project=site.project, identity=identity, params={},
        csrf=forgery.token_for(site, request), version=version,
    )  # fmt: skip
    return finished(asked, with_etag(asked, answer_for(asked, kept)))


def _may(site: Site, route: Route, identity: Identity, kept: Kept, version: Version) -> bool:
    """Asked anew for each reader. False also where that is not known here."""
    custom = site.custom_roles_at_hand(version)
    if custom is None:
        return False
    return isinstance(route.permission, Audience) or admits(identity, route.permission, kept.thing, custom) is None
