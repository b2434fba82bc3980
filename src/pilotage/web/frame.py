"""What stands around every page: where one can go, what rolls now, what is frozen, and who one is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from pilotage.app.permissions import Thing
from pilotage.app.roles import Eyes, highest
from pilotage.model.access import Identity
from pilotage.web.route import Audience
from pilotage.web.site import Site

ENTRIES = (
    ("Now", "/", "h"), ("Services", "/services", "s"), ("Calendar", "/calendar", "c"), ("Releases", "/releases", "r"),
    ("Flags", "/flags", "f"), ("Incidents", "/incidents", "i"), ("Reports", "/reports", "p"), ("Audit", "/audit", "a"),
    ("Settings", "/settings", ","),
)  # fmt: skip
"""Of the navigation: word, path, and the key that leads there after `g`."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """key: pressed after `g`."""

    word: str
    path: str
    key: str
    here: bool


@dataclass(frozen=True, kw_only=True)
class Frozen:
    """A freeze that holds now. service, environment: of a declared one; empty for one of the calendar, which holds
    everywhere · until: Unix seconds."""

    name: str
    service: str
    environment: str
    until: float
    why: str


@dataclass(frozen=True, kw_only=True)
class Frame:
    """rolling: rollouts under way that this identity may see."""

    me: str = ""
    role: str = ""
    entries: tuple[Entry, ...] = ()
    rolling: int = 0
    frozen: tuple[Frozen, ...] = ()
    unread: str = ""
    """Why pilotage.yaml cannot be used; who is not signed in learns only that it cannot."""


def frame_of(site: Site, identity: Identity | None, eyes: Eyes, here: str) -> Frame:
    """here: path of the page, without the site's root."""
    if identity is None:
        return Frame(unread="the file has an error" if site.unread else "")
    return Frame(
        me=identity.name, role=highest(identity.grants), entries=tuple(_entries(site, eyes, here)),
        rolling=sum(eyes.sees(*place) for place in site.store.places_under_way()),
        frozen=tuple(_frozen(site, eyes)), unread=site.unread,
    )  # fmt: skip


def _entries(site: Site, eyes: Eyes, here: str) -> Iterator[Entry]:
    """Pages that there are and that the identity may open."""
    pages = {route.path: route for route in site.routes if route.method == "GET"}
    for word, path, key in ENTRIES:
        route = pages.get(path)
        if route is None:
            continue
        if not isinstance(route.permission, Audience) and not eyes.may(route.permission, Thing(service="")):
            continue
        yield Entry(word=word, path=path, key=key, here=here == path or (path != "/" and here.startswith(f"{path}/")))


def _frozen(site: Site, eyes: Eyes) -> Iterator[Frozen]:
    now = datetime.fromtimestamp(site.store.clock.now(), UTC)
    for freeze in site.frozen_days(now.astimezone(site.zone).date()):
        if freeze.begins <= now < freeze.ends:
            until = freeze.ends.timestamp()
            yield Frozen(name=freeze.name, service="", environment="", until=until, why="the calendar")
    for service, environment, freeze in site.store.freezes.holding(now.timestamp()):
        if eyes.sees(service, environment):
            yield Frozen(
                name=freeze.name, service=service, environment=environment, until=freeze.ends.timestamp(),
                why=freeze.source,
            )  # fmt: skip
