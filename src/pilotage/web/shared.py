"""Answers that readers share for a moment: the same question at the same time is worked out once.

Two readers share an answer only if they have the same roles; then it is made for a reader without a name. The name and
the token for forms are put in where each answer leaves: marks that nobody can guess stand for them until then.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeAlias, cast

from markupsafe import escape
from starlette.requests import Request
from starlette.responses import Response

from pilotage.app.permissions import Thing
from pilotage.model.access import Identity
from pilotage.web.answers import Prepared, digest_of
from pilotage.web.packing import Cut, cut
from pilotage.web.route import NOTHING, Asked, Route, Sharing

_STAY = 0.5
"""Seconds: how old an answer may be of what workers do. What people do shows at once."""
_MOST_BYTES = 16_000_000
_PATIENCE = 10.0

_CSRF, _NAME = secrets.token_hex(32), f"n{secrets.token_hex(16)}"
_MARKS = (_CSRF.encode(), _NAME.encode())

Key: TypeAlias = tuple[Hashable, ...]


@dataclass(frozen=True, kw_only=True)
class Kept:
    """An answer with its marks. at: when its making began · version: of the store and the configuration, before
    that · thing: of which the permission was asked."""

    at: float
    version: Hashable
    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    thing: Thing = NOTHING

    @cached_property
    def digest(self) -> str:
        """Of the body; empty where each reader has another one."""
        return "" if self.cut.marks else digest_of(self.body)

    @cached_property
    def cut(self) -> Cut:
        """At its marks; compressed once for all readers."""
        return cut(self.body, _MARKS)

    def fits(self, version: Hashable, now: float, stay: float | None = None) -> bool:
        return self.version == version and 0 <= now - self.at <= (_STAY if stay is None else stay)


class Copy(Prepared):
    """An answer that was kept, for one reader. words: in place of the marks."""

    def __init__(self, kept: Kept, words: Sequence[bytes]) -> None:
        super().__init__(kept.cut.plain(words), kept.status)
        length = str(len(self.body)).encode()
        self.raw_headers = [(name, length if name == b"content-length" else value) for name, value in kept.headers]
        self._kept, self._words, self.digest = kept, words, kept.digest

    def packed(self) -> bytes:
        return self._kept.cut.packed(self._words)


@dataclass(kw_only=True)
class _Flight:
    """An answer that somebody makes now."""

    at: float
    made: Kept | None = None
    over: threading.Event = field(default_factory=threading.Event)


@dataclass
class Shared:
    """Those of one server, the last used ones last."""

    _kept: OrderedDict[Key, Kept] = field(default_factory=OrderedDict)
    _flights: dict[tuple[Key, Hashable], _Flight] = field(default_factory=dict)
    _size: int = 0
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def at_hand(self, key: Key, version: Hashable, now: float, *, old: bool) -> Kept | None:
        """An answer that is kept. old: whether one does that is being made anew."""
        with self._turn:
            found = self._kept.get(key)
            if found is None or not found.fits(version, now, _STAY * (1 + old)):
                return None
            self._kept.move_to_end(key)
            return found

    def get(self, key: Key, version: Hashable, now: float, make: Callable[[], Kept | Response]) -> Kept | Response:
        """make: a Response where it must not be kept."""
        with self._turn:
            found = self._kept.get(key)
            if found is not None and found.fits(version, now):
                self._kept.move_to_end(key)
                return found
            flight = self._flights.get((key, version))
            mine = flight is None or not 0 <= now - flight.at <= _STAY
            if flight is None or mine:
                flight = self._flights[key, version] = _Flight(at=now)
        if mine:
            return self._make(key, version, flight, make)
        flight.over.wait(_PATIENCE)
        return flight.made if flight.made is not None else make()

    def _make(
        self, key: Key, version: Hashable, flight: _Flight, make: Callable[[], Kept | Response]
    ) -> Kept | Response:
        try:
            made = make()
            if isinstance(made, Kept):
                flight.made = made
                self._keep(key, made)
            return made
        finally:
            with self._turn:
                if self._flights.get((key, version)) is flight:
                    del self._flights[key, version]
            flight.over.set()

    def _keep(self, key: Key, made: Kept) -> None:
        with self._turn:
            before = self._kept.pop(key, None)
            self._size += len(made.body) - (len(before.body) if before else 0)
            self._kept[key] = made
            while self._kept and (
                self._size > _MOST_BYTES or made.at - next(iter(self._kept.values())).at > 10 * _STAY
            ):
                self._size -= len(self._kept.popitem(last=False)[1].body)


def shared_answer(asked: Asked) -> Response:
    """What the route's function answers, or has just answered somebody who gets the same."""
    answer = cast("Callable[[Asked], Response]", asked.route.answer)
    if asked.route.shared is Sharing.NOBODY or asked.identity is None:
        return answer(asked)
    reader = reader_of(asked.route, asked.identity)
    site, now = asked.site, asked.site.store.clock.now()
    version = (asked.version, site.configured)
    key = key_of(asked.route, asked.request, reader)

    def make() -> Kept | Response:
        project = site.for_(reader, asked.params.get("service"))
        made = answer(replace(asked, identity=reader, project=project, csrf=_CSRF))
        body = getattr(made, "body", None)  # a stream has none
        if made.status_code != 200 or body is None:
            return answer_for(asked, _kept(made, body, now, version, asked.thing)) if body is not None else made
        return _kept(made, body, now, version, asked.thing)

    found = site.shared.get(key, version, now, make)
    return found if isinstance(found, Response) else answer_for(asked, found)


def reader_of(route: Route, identity: Identity) -> Identity:
    """For whom an answer is made that all get who are the same to the route."""
    reader = replace(identity, address="", token="")
    return replace(reader, name=_NAME, groups=()) if route.shared is Sharing.ROLES else reader


def key_of(route: Route, request: Request, reader: Identity) -> Key:
    return (route.name, request.scope["path"], request.scope["query_string"], reader)


def _kept(made: Response, body: bytes, at: float, version: Hashable, thing: Thing) -> Kept:
    headers = tuple(made.raw_headers)
    return Kept(at=at, version=version, status=made.status_code, headers=headers, body=bytes(body), thing=thing)


def answer_for(asked: Asked, kept: Kept) -> Response:
    """With the reader's own name and token."""
    name = str(escape(asked.identity.name)) if asked.identity is not None else ""
    return Copy(kept, (asked.csrf.encode(), name.encode()))
