"""A route: its path, who may use it, what it takes and gives, and the function that answers.

All routes stand in one table (`table.py`). The server, its OpenAPI description and the test of every role against every
route are made from it, so no route can be without a permission.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, TypeAlias, TypeVar

import msgspec
from starlette.responses import Response

from pilotage.app.permissions import Permission, Thing
from pilotage.app.project import Project
from pilotage.app.roles import Eyes
from pilotage.engine.records.version import Version
from pilotage.model.access import Identity

if TYPE_CHECKING:
    from starlette.requests import Request

    from pilotage.web.site import Site

_T = TypeVar("_T")

NOTHING = Thing(service="")
"""What a request is about that names no service."""


class Audience(StrEnum):
    """Who may use a route that needs no permission in a service or environment."""

    ANYONE = "anyone"
    SIGNED_IN = "signed in"


class Kind(StrEnum):
    """How a route answers. API: JSON and problems · PAGE: HTML, login where it is needed · FORM: a POST of a page, with
    the session's CSRF token, answered by a redirect · PUBLIC: for people and programs without an account, as the
    route's own function proves and reads them."""

    API = "api"
    PAGE = "page"
    FORM = "form"
    PUBLIC = "public"


class Sharing(StrEnum):
    """Who gets the same answer of a GET if they ask within half a second (`shared.py`)."""

    NOBODY = "nobody"
    IDENTITY = "the same identity"
    """It depends on nothing of the request but its address."""
    ROLES = "whoever has the same roles"
    """It depends on nothing of the reader but what they may do; the page shows the name only as it is."""


class Turn(StrEnum):
    """When a request waits for another one that changes the same thing (`about`)."""

    ALWAYS = "always"
    IF_MATCH = "with If-Match"
    """Otherwise it waits for nobody: it takes users off a version, or lasts until a worker has answered."""
    OWN = "never"
    """Its function compares within the transaction that changes."""


class Pace(StrEnum):
    """In which threads a request is carried out (`threads.py`)."""

    USUAL = "usual"
    URGENT = "urgent"
    """It takes users off a version, or shows the form for it, and waits for nobody."""
    BACK = "back"
    """As urgent; but it lasts until a router or a worker has answered."""
    WATCH = "watch"
    """Load balancers and monitors ask it to know whether the server lives."""
    SIGN_IN = "sign in"
    """It hashes a password, which takes memory and processor time."""


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a request carries: the base of all bodies."""

    as_they_come: ClassVar[frozenset[str]] = frozenset()
    """Fields whose texts may hold anything, such as files."""


class Query(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The parameters of a URL: the base of all queries."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request, checked: its identity has the route's permission. project: for this identity, for the service of the
    path, where it names one · params: of the path · raw: the body as it came · form: fields of a page's form · csrf:
    for the forms of the page that answers · version: of store and configuration, as of when it began ·
    thing: what the permission was asked for."""

    site: Site
    request: Request
    route: Route
    project: Project
    identity: Identity | None
    params: Mapping[str, str]
    raw: bytes = b""
    body: object = None
    query: object = None
    form: Mapping[str, str] = field(default_factory=dict)
    csrf: str = ""
    version: Version = (0, 0)
    thing: Thing = NOTHING

    def body_as(self, type_: type[_T]) -> _T:
        assert isinstance(self.body, type_)
        return self.body

    def query_as(self, type_: type[_T]) -> _T:
        assert isinstance(self.query, type_)
        return self.query

    @property
    def who(self) -> Identity:
        """The identity, on routes that need one."""
        assert self.identity is not None
        return self.identity

    @property
    def traceparent(self) -> str:
        """The trace that the request belongs to, as W3C's header names it; empty for none."""
        return self.request.headers.get("traceparent", "")[:200]

    @cached_property
    def eyes(self) -> Eyes:
        """What the identity sees and may do."""
        custom = self.site.custom_roles(self.version) if self.identity is not None else {}
        return Eyes(identity=self.identity, custom=custom)

    def sees(self, service: str, environment: str = "") -> bool:
        """Whether what happens there is shown to this identity."""
        return self.eyes.sees(service, environment)

    def may(self, permission: Permission, service: str = "", environment: str = "") -> bool:
        """Whether the identity may do this there: a page shows no button that would be refused."""
        return self.eyes.may(permission, Thing(service=service, environment=environment))


Made: TypeAlias = tuple[tuple[str, str], ...]
"""What a request recorded: kind (`rollout` or `command`) and id."""

Answer: TypeAlias = "Callable[[Asked], Response] | Callable[[Asked], Awaitable[Response]]"
"""A plain function runs in a thread; a coroutine in the event loop, which it must not block."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Route:
    """One method of one path. permission: asked for the place that the path names (`place.py`) · takes, query: types of
    body and parameters · gives: type of the answer's body; None for pages and empty answers · media: its media type ·
    also: other media types that the query may ask for · status: of success · about: the path of the GET that shows what
    this changes; its ETag is what `If-Match` names · turn: when it waits for others that change that · pace: in which
    threads it is carried out · keeps: a coroutine that keeps its answer under an `Idempotency-Key` by itself · secret:
    the answer has a secret that is shown once, and must be kept nowhere · remade: makes the answer of a request whose
    server died from what it had recorded; such a request may be carried out again as long as it has made no rollout and
    no command · shared: who else gets the answer of a GET that somebody asked for just before."""

    method: str
    path: str
    permission: Permission | Audience
    answer: Answer
    summary: str
    kind: Kind = Kind.API
    takes: type[Body] | None = None
    query: type[Query] | None = None
    gives: type[msgspec.Struct] | None = None
    media: str = "application/json"
    also: tuple[str, ...] = ()
    status: int = 200
    about: str = ""
    turn: Turn = Turn.ALWAYS
    pace: Pace = Pace.USUAL
    keeps: bool = False
    secret: bool = False
    shared: Sharing = Sharing.NOBODY
    alone: bool = False
    """Answered without the store, whoever asks: whether a process lives depends on nothing else."""
    remade: Callable[[Asked, Made], Response] | None = None

    @property
    def changes(self) -> bool:
        """A GET never does."""
        return self.method != "GET"

    @property
    def public(self) -> bool:
        """Whether it belongs to the API that is described; pages have JSON of their own."""
        return self.path.startswith("/api/")

    @property
    def medias(self) -> tuple[str, ...]:
        """Every media type of a successful answer."""
        return self.media, *self.also

    @property
    def name(self) -> str:
        """For OpenAPI's operationId and for metrics."""
        return f"{self.method.lower()} {self.path}"
