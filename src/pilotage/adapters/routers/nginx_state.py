"""What an nginx serves, as text: a line for each fact, its parts quoted as in URLs.

The same text is in three places: in the owned file, so that it survives a restart; in the running nginx, which answers
it when asked; and, in mode lua, in what the controller sends. Lua reads it without a JSON library.
"""

from __future__ import annotations

import hashlib
import re
import socket
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, unquote

from pilotage.adapters import resolving
from pilotage.adapters.cohorts import members_of
from pilotage.adapters.ports import AdapterError, Backends
from pilotage.model.traffic import Cohort, HeaderRoute, Split
from pilotage.model.wave import digest_of

_RESOLVES_WITHIN = 3.0
MOST = 5_000
"""Members of a cohort: nginx tells all of them at every look."""
_LONGEST = 700_000
"""Bytes of a state: nginx takes it in one request."""
_HEADER = re.compile(r"[A-Za-z0-9-]{1,100}")
"""nginx drops headers with underscores, unless it is told otherwise."""


@dataclass(frozen=True)
class Peer:
    """An instance. ip: where its host is: nginx does not start when it cannot resolve a name, so none is written."""

    host: str
    ip: str
    port: int


@dataclass(frozen=True)
class State:
    """A split, and the instances of each version."""

    split: Split
    peers: dict[str, tuple[Peer, ...]]

    @property
    def endpoints(self) -> dict[str, frozenset[tuple[str, int]]]:
        return {version: frozenset((one.host, one.port) for one in peers) for version, peers in self.peers.items()}

    @property
    def text(self) -> str:
        """Its lines; the first one is a digest of the others."""
        lines = "".join(f"{line}\n" for line in _lines(self))
        return f"generation {digest(lines)}\n{lines}"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def state_for(split: Split, backends: Backends, before: Callable[[], State | None] = lambda: None) -> State:
    """What an nginx with this split and these instances serves. before: what it was told last; where hosts were counts
    while no name server tells. Raises AdapterError if a version that gets requests has no instance, or a host has no
    address."""
    wanted = [] if split.closed else [version for version, _ in split.weights]
    wanted += [route.version for route in split.header_routes] + ([split.mirror.version] if split.mirror else [])
    if missing := next((version for version in wanted if not backends.get(version)), None):
        raise AdapterError(f"no instance of {missing} to send requests to")
    if split.mirror:
        raise AdapterError("router nginx cannot mirror requests")
    for route in split.header_routes:
        if not _HEADER.fullmatch(route.header):
            raise AdapterError(f"nginx cannot route by the header {route.header!r}: use letters, digits and dashes")
    if split.cohort:
        _refuse_unfit(split.cohort)
    found = _places({place for places in backends.values() for place in places}, before)
    peers = {
        version: tuple(Peer(host, found[host, port], port) for host, port in sorted(set(places)))
        for version, places in sorted(backends.items())
        if places
    }
    return State(split, peers)


def _refuse_unfit(cohort: Cohort) -> None:
    members = members_of(cohort, MOST)
    if not _HEADER.fullmatch(cohort.header):
        raise AdapterError(f"nginx cannot route by the header {cohort.header!r}: use letters, digits and dashes")
    if sum(len(_quoted(member)) + 8 for member in members) > _LONGEST:
        raise AdapterError(f"the names of a cohort of {cohort.size:,} are too long for nginx together")


@lru_cache(maxsize=4)
def state_of(text: str) -> State:
    """The state that `State.text` describes: asked again every second. Raises ValueError."""
    weights: list[tuple[str, int]] = []
    routes: list[HeaderRoute] = []
    peers: dict[str, tuple[Peer, ...]] = {}
    closed, members = False, list[str]()
    named: tuple[str, str] | None = None
    for row in text.splitlines():
        match [unquote(part) for part in row.split(" ")]:
            case ["closed", value]:
                closed = value == "yes"
            case ["weight", weight, version]:
                weights.append((version, int(weight)))
            case ["route", header, value, version]:
                routes.append(HeaderRoute(header, value, version))
            case ["peer", host, ip, port, version]:
                peers[version] = (*peers.get(version, ()), Peer(host, ip, int(port)))
            case ["cohort", header, version]:
                named = header, version
            case ["member", name]:
                members.append(name)
            case ["generation", _]:
                pass
            case _:
                raise ValueError(f"{row[:80]!r} is no line of Pilotage")
    cohort = None
    if named:
        told = tuple(members)
        cohort = Cohort(header=named[0], version=named[1], digest=digest_of(told), size=len(told), members=told)
    return State(Split(tuple(weights), tuple(routes), closed=closed, cohort=cohort), peers)


def _lines(state: State) -> Iterator[str]:
    split = state.split
    yield f"closed {'yes' if split.closed else 'no'}"
    for version, weight in split.weights:
        yield f"weight {weight} {_quoted(version)}"
    for route in split.header_routes:
        yield f"route {_quoted(route.header)} {_quoted(route.value)} {_quoted(route.version)}"
    if cohort := split.cohort:
        yield f"cohort {_quoted(cohort.header)} {_quoted(cohort.version)}"
        yield from (f"member {_quoted(member)}" for member in members_of(cohort, MOST))
    for version, peers in state.peers.items():
        for one in peers:
            yield f"peer {_quoted(one.host)} {_quoted(one.ip)} {one.port} {_quoted(version)}"


def _quoted(text: str) -> str:
    return quote(text, safe="")


def _places(wanted: Iterable[tuple[str, int]], before: Callable[[], State | None]) -> dict[tuple[str, int], str]:
    """Where each instance is. Raises AdapterError."""
    found: dict[tuple[str, int], str] = {}
    known: dict[tuple[str, int], str] = {}
    for place in sorted(wanted):
        if place in known:
            found[place] = known[place]  # the name server is not waited for once more
            continue
        try:
            found[place] = _ip(*place)
        except AdapterError:
            state = before()
            known = {(one.host, one.port): one.ip for there in state.peers.values() for one in there} if state else {}
            if place not in known:
                raise
            found[place] = known[place]
    return found


def _ip(host: str, port: int) -> str:
    """The same one of several, in whichever order they are answered: another one would be another configuration."""
    try:
        found = resolving.addresses(host, port, _RESOLVES_WITHIN)
        _, place = min((family != socket.AF_INET, str(place[0])) for family, _, _, _, place in found)
    except (OSError, ValueError) as error:
        raise AdapterError(f"instance {host}:{port} has no address: {error}") from error
    return place
