"""A router by its folder alone, for when no configuration can be read: the way back without a store, `down`, `status`.

One explicit table, and the entry-point group `pilotage.found_router` of installed packages: each takes a folder and
gives what it found there, or None where the folder is not its own. Light: no configuration is imported.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Protocol

from pilotage.model.traffic import Split

_log = logging.getLogger(__name__)

TABLE = (
    "pilotage.adapters.routers.envoy_found:found",
    "pilotage.adapters.routers.traefik_found:found",
    "pilotage.adapters.routers.nginx_found:found",
    "pilotage.adapters.routers.haproxy_found:found",
    "pilotage.adapters.routers.cloudflare_found:found",
    "pilotage.adapters.routers.alb_found:found",
)
RECORDS = ("envoy.json", "traefik.json")
"""Names of the records of our own routers' processes, by which a router is found whose folder was moved."""


class FoundRouter(Protocol):
    """A router that was started for this folder, controlled by its files alone. No method checks the fence: a rollback
    here is an operator's, or that of a worker whose store is away."""

    def runs(self) -> bool:
        """Whether it runs. Changes nothing."""

    def died(self) -> bool:
        """Whether it is down although nobody stopped it. Changes nothing."""

    def split(self) -> Split | None:
        """Its current split, or the last one that was set; None if that cannot be read. Changes nothing."""

    def addresses(self, version: str) -> Iterable[tuple[str, int]]:
        """The instances of a version that it knows of. Changes nothing."""

    def lead_all(self, version: str, instances: Iterable[tuple[str, int]]) -> bool:
        """Send every user to `version`, testers and mirrors too. Returns whether the router confirms it; False if it
        does not answer. Raises AdapterError if it cannot be changed. Takes some seconds."""

    def stop(self, within: float) -> bool:
        """Ask it to stop, and kill it `within` seconds later. Returns whether it is still running; repeat the call
        until it is not."""


Finder = Callable[[Path], FoundRouter | None]


def found_router(folder: Path) -> FoundRouter | None:
    """The router of this folder; None if it belongs to no installed adapter."""
    if not folder.is_dir():
        return None
    for where in TABLE:
        if (found := _loaded(where)(folder)) is not None:
            return found
    # Packages are looked for only where something was left: most folders are ours or empty.
    finders = _added() if any(folder.iterdir()) else ()
    return next((found for finder in finders if (found := finder(folder)) is not None), None)


def found_routers(folders: Iterable[Path]) -> Iterator[FoundRouter]:
    """The router of each folder that has one."""
    return (found for folder in folders if (found := found_router(folder)) is not None)


@cache
def _loaded(where: str) -> Finder:
    module, _, name = where.partition(":")
    finder: Finder = getattr(import_module(module), name)
    return finder


@cache
def _added() -> tuple[Finder, ...]:
    from importlib.metadata import entry_points

    found: list[Finder] = []
    for entry in sorted(entry_points(group="pilotage.found_router"), key=lambda entry: entry.name):
        try:
            found.append(entry.load())
        except Exception as error:
            _log.warning("%s cannot be imported: %r", entry.value, error)
    return tuple(found)
