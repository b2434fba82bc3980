"""Writes the status page as files that any web server serves, and that stay when the controller is gone."""

from __future__ import annotations

import errno
import math
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from pilotage.adapters.files import write_durably
from pilotage.engine.publication import Publication
from pilotage.engine.reporting import rollouts_of
from pilotage.engine.store import Store
from pilotage.engine.tables import announcements, rollouts
from pilotage.render.status import files_of
from pilotage.report.status import Happened, Planned, Rollout, StatusPage, status_of

_SHOWN = timedelta(days=30).total_seconds()
_PLANNED = "status_page_start"
"""The announcement of the communication calendar that speaks to the status page."""

_LONGEST = 60.0
"""Seconds after which the page is made anew though nothing was recorded: what was planned has become the past."""


class Publisher:
    """Makes the page anew when something was recorded that it may show, or a minute has passed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._made: tuple[object, ...] = ()
        self._at = -math.inf

    def renew(self, publication: Publication, now: float) -> None:
        """now: seconds since 1970. Raises OSError where the folder cannot be written."""
        recorded = (publication, *_recorded(self._store, now))
        if recorded == self._made and now - self._at < _LONGEST:
            return
        # Where it cannot be written, that is found again only then.
        self._made, self._at = recorded, now
        page = page_of(self._store, publication.title, publication.places, now)
        write_status(Path(publication.folder), page, publication.address)


def _recorded(store: Store, now: float) -> tuple[object, ...]:
    """Changes with every event and every word about an announcement."""
    events = select(func.count(), func.sum(rollouts.c.events)).where(rollouts.c.created_at > now - _SHOWN)
    said = select(func.count(), func.max(announcements.c.at))
    with store.engine.connect() as connection:
        return (*connection.execute(events).one(), *connection.execute(said).one())


def page_of(store: Store, title: str, places: Mapping[str, str], now: float) -> StatusPage:
    """places: service → the environment that its public uses."""
    shown = [_rollout(store, r) for service, environment in places.items()
             for r in rollouts_of(store, service, environment) if r.created_at > now - _SHOWN]  # fmt: skip
    shown.sort(key=lambda r: r.events[0].at if r.events else 0.0)
    return status_of(title, list(places), shown, _planned(store, places, now), now)


def _rollout(store: Store, rollout: Any) -> Rollout:
    events = tuple(Happened(e.at, e.what) for e in store.events(rollout.id))
    closed = not rollout.status.final and store.live_views([rollout.id])[rollout.id].closed
    return Rollout(rollout.id, rollout.service, rollout.version, rollout.status.final, closed, events)


def _planned(store: Store, places: Mapping[str, str], now: float) -> tuple[Planned, ...]:
    """Releases whose announcements are tracked, and that have not begun."""
    query = select(announcements).where(
        announcements.c.item == _PLANNED, announcements.c.due > now, announcements.c.state != "skipped"
    )
    with store.engine.connect() as connection:
        rows = list(connection.execute(query.order_by(announcements.c.due)).mappings())
    return tuple(
        Planned(
            f"{row['service']}-{row['version']}", row["due"], f"{row['service']} {row['version']}",
            row["text"] or "A new version is released.",
        )
        for row in rows
        if places.get(row["service"]) == row["environment"]
    )  # fmt: skip


def write_status(folder: Path, page: StatusPage, address: str) -> bool:
    """Each file at once or not at all; returns whether anything changed. Raises OSError, also where a link lies in the
    folder's place by now."""
    folder.mkdir(parents=True, exist_ok=True)
    if folder.is_symlink():
        raise NotADirectoryError(errno.ENOTDIR, "a link, and no folder", str(folder))
    changed = False
    for name, text in files_of(page, address).items():
        place, content = folder / name, text.encode()
        if place.is_symlink() or not place.is_file() or place.read_bytes() != content:
            write_durably(place, content, shared=True)
            changed = True
    return changed
