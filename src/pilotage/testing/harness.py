"""What the contract tests must know of an adapter: how to open it again, and how to make things happen around it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import urllib3

from pilotage.adapters.notifier import Delivery, Notifier
from pilotage.adapters.ports import Backends, Flags, Fleet, Metrics, Queries, Router
from pilotage.model.capabilities import FlagsCapabilities, FleetCapabilities, MetricsCapabilities, RouterCapabilities
from pilotage.model.json import JsonObject
from pilotage.model.message import Message
from pilotage.model.segment import GROUP, Segment
from pilotage.model.traffic import Split


def wait_until(true: Callable[[], object], seconds: float = 10.0, what: str = "it did not come about") -> None:
    """Wait until `true()`; fail with `what` after a generous time."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, what
        time.sleep(0.02)


class RouterUnderTest:
    """A router with real requests through it.

    open: another controller's view of the same router, by the token of its fence · can: its capabilities as configured
    · url: where users reach it · cookie: the one that identifies users, for sticky routers · kill: kill the router's
    process, if there is one · own: the secret by which it recognises synthetic requests, if configured.
    """

    def __init__(
        self,
        open: Callable[[int], Router],  # noqa: A002
        can: RouterCapabilities,
        *,
        url: str,
        cookie: str = "session",
        kill: Callable[[], None] | None = None,
        own: Callable[[], str] | None = None,
    ) -> None:
        self._open, self.can, self.url, self.cookie, self.kill, self.own = open, can, url, cookie, kill, own
        self.router = self.again()
        self._pool = urllib3.PoolManager(maxsize=8)
        self._kept: dict[str, str] = {}

    def again(self, token: int = 1) -> Router:
        """A new controller's view."""
        return self._open(token)

    def take(self, split: Split, backends: Backends) -> None:
        """Apply a split, and wait until it is so."""
        self.router.apply(split, backends)
        self.wait_for(split)

    def wait_for(self, split: Split) -> None:
        until = time.monotonic() + 5 * max(1.0, self.can.settle)
        while self.router.read() != split:
            assert time.monotonic() < until, f"the router shows {self.router.read()}"
            time.sleep(0.01)
        # What a router reports, its workers take up a few milliseconds later.
        time.sleep(0.05)

    def weight(self, permille: int) -> int:
        """The weight, rounded up to what the router can set."""
        return -(-permille // self.can.grain) * self.can.grain

    def ask(self, path: str = "/", *, user: str | None = None, **headers: str) -> str:
        """Which version answers. user: the value of their cookie at first; a router that only knows cookies of its own
        gives them another, which they keep as a browser does."""
        if user:
            headers["Cookie"] = self._kept.get(user, f"{self.cookie}={user}")
        answer = self.answer(path, **headers)
        given = answer.headers.get("set-cookie", "").partition(";")[0]
        if user and given.startswith(f"{self.cookie}="):
            self._kept[user] = given
        return answer.data.decode()

    def answer(self, path: str = "/", method: str = "GET", **headers: str) -> urllib3.BaseHTTPResponse:
        return self._pool.request(method, self.url + path, headers=headers, timeout=5.0, retries=False)


class User:
    """A user with a cookie jar, empty at first."""

    def __init__(self, routed: RouterUnderTest) -> None:
        self._routed, self.cookie = routed, ""

    def ask(self, path: str = "/", method: str = "GET") -> str:
        answer = self._routed.answer(path, method, **({"Cookie": self.cookie} if self.cookie else {}))
        if given := answer.headers.get("set-cookie"):
            self.cookie = given.partition(";")[0]
        return answer.data.decode()


@dataclass(kw_only=True)
class FleetUnderTest:
    """A fleet that runs real instances."""

    open: Callable[[int], Fleet]
    """Another controller's view of the same fleet, by the token of its fence."""
    can: FleetCapabilities = field(default_factory=FleetCapabilities)
    versions: tuple[str, str] = ("1.0", "2.0")
    """Two versions that start and are healthy."""
    seconds: float = 10.0
    """How long an instance may take to become healthy, or to exit."""
    missing: str = ""
    """A version that cannot be had, for a fleet that prepares; empty if there is none here."""


@dataclass(kw_only=True)
class CountsUnderTest:
    """A source of counts, and users that it counts."""

    open: Callable[[], Metrics]
    happen: Callable[[str, int, int], None]
    """`happen(version, well, failed)`: so many requests to a version succeed, and so many fail."""
    can: MetricsCapabilities = field(default_factory=MetricsCapabilities)
    restart: Callable[[], None] | None = None
    """Let the source forget everything, as a restart does."""
    silence: Callable[[], None] | None = None
    """Let the source answer no more."""
    now: Callable[[], float] = time.time
    """The source's clock, Unix seconds."""


@dataclass(kw_only=True)
class QueriesUnderTest:
    """A system that answers queries, with two figures in it: 0.97 and 0.99."""

    open: Callable[[], Queries]
    one: str
    """A query for the first alone."""
    several: str
    """A query for both."""
    nothing: str
    """A query that is right, and for which there is no figure."""
    refused: str
    """A query that the system does not understand, or may not answer."""
    old: str = ""
    """A query whose newest figure is too old; empty where there is none."""
    secret: str = ""
    """What opens the system, and may not be shown."""
    silence: Callable[[], None] | None = None
    """Let the system answer no more."""


@dataclass(kw_only=True)
class FlagsUnderTest:
    """One flag of a provider."""

    open: Callable[[int], Flags]
    """Another controller's view of the same flag, by the token of its fence."""
    can: FlagsCapabilities = field(default_factory=FlagsCapabilities)
    open_with: Callable[[int, Mapping[str, Segment]], Flags] | None = None
    """The same where these segments are configured, by name (`written` shows them as in `pilotage.yaml`); without it,
    its capabilities must say that it has no operators."""
    evaluate: Callable[[str, Mapping[str, str | int | float]], bool] | None = None
    """What a service answers a user with these attributes: `evaluate(user, {"tier": "free"})`."""
    is_on: Callable[[str, str], bool] | None = None
    """What a service answers a user: `is_on(user, group)`; an empty group for none. Not needed with `evaluate`."""
    edit: Callable[[], None] | None = None
    """Somebody changes, at the provider, who gets the flag."""
    edit_neighbour: Callable[[str], None] | None = None
    """Set another flag of the same provider to a value."""
    neighbour: Callable[[], str] | None = None
    """What the other flag says."""

    @property
    def answers(self) -> Callable[[str, str], bool] | None:
        """As `is_on`, by what there is; None if nothing here answers as a service would."""
        if self.is_on is not None or self.evaluate is None:
            return self.is_on
        evaluate = self.evaluate
        return lambda user, group: evaluate(user, {GROUP: group} if group else {})


def written(segments: Mapping[str, Segment]) -> dict[str, list[dict[str, str | list[str]]]]:
    """Segments as `flag.segments` has them in `pilotage.yaml`."""
    return {
        name: [
            {"attribute": one.attribute, "operator": one.operator.value, "values": list(one.values)}
            for one in segment.conditions
        ]
        for name, segment in segments.items()
    }


@dataclass(kw_only=True)
class NotifierUnderTest:
    """A channel, and the receiver behind it."""

    notifier: Notifier
    received: Callable[[], list[str]]
    """The keys of the messages that arrived, oldest first."""
    shown: Callable[[], str]
    """Everything that the receiver shows."""
    drops_repetitions: bool = False
    """The receiver knows a message that it has by its key, and keeps one."""
    refuse: Callable[[bool], None] | None = None
    """`refuse(permanent)`: let the receiver refuse the next message, for good or for now."""

    def send(self, message: Message, first: JsonObject | None = None, *, again: bool = False) -> JsonObject:
        return self.notifier.send(Delivery(message=message, first=first, again=again))
