"""The event stream: everything that happens, as server-sent events."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextvars import ContextVar
from typing import Annotated

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from pilotage.app.roles import Eyes
from pilotage.model.errors import Unavailable
from pilotage.web import forgery
from pilotage.web.client import client_of
from pilotage.web.credentials import NotSignedIn, by_cookie, identity_of, known_identity
from pilotage.web.hub import Follower, Hub
from pilotage.web.problem import Refused
from pilotage.web.route import Asked, Audience, Query, Route
from pilotage.web.said import Message

ASK_AGAIN = 5.0
"""Seconds after which a stream asks again whose it is, however much happens; in silence it also says that it lives."""

_FIRST = b"retry: 2000\n\n"
_OVER = b'event: end\ndata: {"reason":"signed out"}\n\n'

_DROPPED: ContextVar[bool] = ContextVar("dropped", default=False)
"""Whether the stream that this task serves ends early because its client does not read."""

Name = Annotated[str, msgspec.Meta(max_length=200)]


class EventsQuery(Query, frozen=True, kw_only=True):
    """service, environment: only what happens there · rollout: only of the rollout or the way with this id · after: as
    `Last-Event-ID`, for clients that cannot send headers."""

    service: Name = ""
    environment: Name = ""
    rollout: Name = ""
    after: Annotated[str, msgspec.Meta(max_length=100)] = ""


class TooManyFollow(Unavailable):
    """The server has as many event streams as it serves."""


class TooManyOfOne(Refused):
    """This person, or this address, has as many event streams as one may have."""

    exit_status, http_status = 9, 429

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Retry-After": "10"}


class _Stream:
    """One client's. eyes: what it may see · due: when to ask again."""

    def __init__(self, asked: Asked, eyes: Eyes, last: str) -> None:
        self._asked, self._query, self._eyes = asked, asked.query_as(EventsQuery), eyes
        self._hub, self._last, self._allowed = asked.site.hub, last, True
        self._due = asyncio.get_running_loop().time() + ASK_AGAIN
        self.follower = Follower(self._wants, _named(asked), client_of(asked.request))

    def _wants(self, message: Message) -> bool:
        query = self._query
        if query.rollout not in ("", message.of) or query.service not in ("", message.service):
            return False
        if query.environment not in ("", message.environment):
            return False
        return self._eyes.sees(message.service, message.environment)

    async def parts(self, position: int) -> AsyncIterator[bytes]:
        """position: after which the follower gets what happens."""
        yield _FIRST
        async for text in self._missed(position):
            yield text
        while await self._still_allowed():
            try:
                async with asyncio.timeout_at(self._due):  # unlike wait_for, it loses no cancellation
                    heard = await self.follower.heard()
            except TimeoutError:
                yield b": still here\n\n"
                continue
            said = (one for one in heard if one is not None and (one.position is None or one.position > position))
            if text := b"".join(one.text for one in said if self._wants(one)):
                yield text
            if None in heard:
                return
        yield _OVER

    async def _missed(self, position: int) -> AsyncIterator[bytes]:
        """What happened since the client's last event, or that it has to read everything again."""
        at = int(self._last) if self._last.isdigit() and len(self._last) < 16 else None
        past = self._hub.past
        if at is None or at > position or not await past.reaches(at):
            kind = "reset" if self._last else "ready"
            yield b'id: %d\nevent: %s\ndata: {"position":%d}\n\n' % (position, kind.encode(), position)
            return
        while at < position:
            if not await self._still_allowed():
                return
            async with past.turn:
                found = await past.after(at)
                known = (one for one in found if one.position is not None and one.position <= position)
                text = b"".join(one.text for one in known if self._wants(one))
            if text:
                yield text
            if not found:
                break
            at = found[-1].position or position
        yield b'id: %d\nevent: ready\ndata: {"position":%d}\n\n' % (position, position)

    async def _still_allowed(self) -> bool:
        """As asked at most `ASK_AGAIN` ago."""
        loop = asyncio.get_running_loop()
        if self._allowed and loop.time() >= self._due:
            async with self._hub.asking:
                self._allowed = await self._known_still() or await run_in_threadpool(self._ask_again)
            self._due = loop.time() + ASK_AGAIN
        return self._allowed

    async def _known_still(self) -> bool:
        """Whether somebody has just found out that the same client may. False where nobody has."""
        site = self._asked.site
        try:
            version = await site.version_now.get()
        except Exception:
            return False
        identity = known_identity(site, self._asked.request, version)
        if identity is None or (custom := site.custom_roles_at_hand(version)) is None:
            return False
        self._eyes = Eyes(identity=identity, custom=custom)
        return True

    def _ask_again(self) -> bool:
        """Roles may have changed, and a session or token may have ended."""
        site = self._asked.site
        version = site.versions.now()
        try:
            identity = identity_of(site, self._asked.request, version)
        except NotSignedIn:
            return False
        self._eyes = Eyes(identity=identity, custom=site.custom_roles(version))
        return identity is not None


class EventStream(Response):
    """Sends until the client goes, is too slow, may no longer follow, or the server stops."""

    media_type = "text/event-stream"

    def __init__(self, stream: _Stream, hub: Hub) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._stream, self._hub = stream, hub

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._hub.started()
        except BaseException:
            self._hub.forget(self._stream.follower)
            raise
        with self._hub.followed(self._stream.follower) as position:
            tasks = [
                asyncio.create_task(self._send(position, send)),
                asyncio.create_task(self._gone(receive)),
                asyncio.create_task(self._stream.follower.lost.wait()),
            ]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        if self._stream.follower.lost.is_set():
            _end_quietly()

    async def _send(self, position: int, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        async for part in self._stream.parts(position):
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _gone(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass


def _end_quietly() -> None:
    """uvicorn takes an answer without an end for a fault, and the end would wait for the client to read."""
    _DROPPED.set(True)
    logging.getLogger("uvicorn.error").addFilter(_is_fault)


def _is_fault(_record: logging.LogRecord) -> bool:
    return not _DROPPED.get()


def _named(asked: Asked) -> str:
    return f"{asked.who.kind}:{asked.who.name}"


def _refuse_more(asked: Asked) -> None:
    """Nobody takes the streams of all others. Raises TooManyFollow, TooManyOfOne."""
    hub, limits, address = asked.site.hub, asked.site.limits, client_of(asked.request)
    if hub.full:
        raise TooManyFollow("this server has as many event streams as it serves; ask again later")
    mine, here = hub.streams_of(_named(asked), address)
    if limits.streams and mine >= limits.streams:
        raise TooManyOfOne(f"you have {mine} event streams open here, and {limits.streams} are possible: close some")
    # From this machine itself come all whom a proxy sends that nobody named with --proxy.
    if limits.streams_of_address and here >= limits.streams_of_address and not address.startswith(("127.", "::1")):
        raise TooManyOfOne(f"{here} event streams go to your address, and no more are possible")


async def _events(asked: Asked) -> Response:
    if by_cookie(asked.request):
        forgery.require_own_page(asked.site, asked.request)
    if asked.request.method == "HEAD":
        return Response(media_type="text/event-stream")
    eyes = await run_in_threadpool(lambda: asked.eyes)
    last = asked.request.headers.get("last-event-id", "") or asked.query_as(EventsQuery).after
    stream = _Stream(asked, eyes, last.strip()[:100])
    _refuse_more(asked)
    asked.site.hub.expect(stream.follower)  # counted at once: others may ask before its answer begins
    return EventStream(stream, asked.site.hub)


ROUTES = (
    Route(
        method="GET", path="/api/v1/events", permission=Audience.SIGNED_IN, answer=_events, query=EventsQuery,
        media="text/event-stream", summary="Follow everything that happens, as server-sent events.",
    ),
)  # fmt: skip
