"""Writes the status page as files that any web server serves, and that stay when the controller is gone."""

from __future__ import annotations

import errno
import math
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from pilotage.adapters.files import write_durably
from pilotage.adapters.static_server import serve
from pilotage.app.project import Project
from pilotage.app.publication import Publication, noted, publication_of
from pilotage.engine.placement.sighting import sighting
from pilotage.engine.records.seen_days import count, counted
from pilotage.engine.records.shown import Shown, planned, recorded, said
from pilotage.engine.records.store import Store
from pilotage.model.errors import Invalid
from pilotage.model.seen_day import Sight
from pilotage.render.status import files_of
from pilotage.report.status import Condition, Seen, StatusPage, status_of
from pilotage.report.status_days import first_day

_LOOK_EVERY = 2.0
"""Seconds between two looks at whether services answer."""

_LONGEST = 60.0
"""Seconds after which the page is made again though nothing was recorded: what was planned has become the past."""

_LATE = 30.0
"""Seconds by which that may be late and still count as one look after the other."""

SIGHTS: Mapping[Condition, Sight] = {
    Condition.OPERATIONAL: Sight.GOOD, Condition.RELEASING: Sight.GOOD, Condition.DEGRADED: Sight.DEGRADED,
    Condition.DOWN: Sight.DOWN, Condition.MAINTENANCE: Sight.CLOSED,
}  # fmt: skip
"""What each condition counts as. A service that is not observed counts as nothing."""


class Publisher:
    """Makes the page again when something was recorded that it may show, or a minute has passed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._shown = Shown(store)
        self._made: tuple[object, ...] = ()
        self._at = self._looked = -math.inf
        self._noted: tuple[object, ...] = ()
        self._seen: Mapping[str, Seen] = {}
        self._known: Mapping[str, Condition] = {}
        self._since = -math.inf

    def renew(self, publication: Publication, now: float) -> None:
        """now: seconds since 1970. Raises OSError where the folder cannot be written."""
        noted = recorded(self._store, now)
        # A look from before the records changed is not about the present: what was not up then may serve now.
        if not 0 <= now - self._looked < _LOOK_EVERY or noted != self._noted:
            self._looked, self._noted, self._seen = now, noted, seen_now(self._store, publication.places, now)
        found = (publication, self._seen, *noted)
        if found == self._made and now - self._at < _LONGEST:
            return
        # Where it cannot be written, that is found again only then.
        before, self._made, self._at = self._at, found, now
        page = page_of(self._store, self._shown, publication.title, publication.places, now, self._seen)
        if self._count(publication.places, page, before, now):
            page = page_of(self._store, self._shown, publication.title, publication.places, now, self._seen)
        write_status(Path(publication.folder), replace(page, report=publication.report), publication.address)

    def _count(self, places: Mapping[str, str], page: StatusPage, before: float, now: float) -> bool:
        """Count how long each service was as the last page says; returns whether anything was counted. Whoever slept
        since then saw nothing."""
        known = {one.name: one.condition for one in page.services}
        awake = 0 <= now - before <= _LONGEST + _LATE
        if awake and known == self._known and now - self._since < _LONGEST:
            return False
        if awake:
            for service, condition in self._known.items():
                if service in places and (sight := SIGHTS.get(condition)):
                    count(self._store.engine, (service, places[service]), sight, self._since, now)
        self._known, self._since = known, now
        return awake


def page_of(
    store: Store, shown: Shown, title: str, places: Mapping[str, str], now: float, seen: Mapping[str, Seen]
) -> StatusPage:
    """places: service → the environment that its public uses · seen: by service, who answers its users."""
    coming, told = planned(store, places, now), said(store, places, now)
    seen_days = counted(store.engine, places, first_day(now))
    return status_of(title, list(places), shown.of(places, now), coming, now, seen, told, seen_days)


def seen_now(store: Store, places: Mapping[str, str], now: float) -> dict[str, Seen]:
    """Who answers the users of each service, as this machine sees it; of one at home elsewhere, whether its worker
    gives a sign. What was never deployed is left out."""
    found = {}
    for service, environment in places.items():
        home = store.home(store.directory, service, environment)
        if home is None:
            continue
        if home.is_here:
            here = sighting(store.directory, service, environment, now)
            found[service] = Seen(down=not here.serves, down_since=None if here.serves else here.down_since)
        else:
            heard = None if home.heard is None or not home.is_silent else round(now - home.heard)
            found[service] = Seen(unseen=home.is_silent, unseen_since=heard)
    return found


def write_status(folder: Path, page: StatusPage, address: str) -> bool:
    """Write each file completely or not at all; returns whether anything changed. Raises OSError, also if the folder
    has become a link."""
    folder.mkdir(parents=True, exist_ok=True)
    if folder.is_symlink():
        raise NotADirectoryError(errno.ENOTDIR, "a link, not a directory", str(folder))
    changed = False
    for name, text in files_of(page, address).items():
        place, content = folder / name, text.encode()
        if place.is_symlink() or not place.is_file() or place.read_bytes() != content:
            write_durably(place, content, shared=True)
            changed = True
    return changed


# ── for a project ──────────────────────────────────────────────────────────────────────────────────────────


class NoStatusPage(Invalid):
    """`pilotage.yaml` configures no status page."""


def publish(project: Project) -> Path:
    """Write what has changed of the status page. Returns its folder. Raises NoStatusPage, LeadsOutside, OSError."""
    wanted = publication_of(project.whole)
    if wanted is None:
        example = "status_page: {folder: public/status, environment: production}"
        raise NoStatusPage(f"{project.config} has no status page: add one, such as `{example}`")
    Publisher(project.store).renew(wanted, project.clock.now())
    return Path(wanted.folder)


def publish_if_wanted(project: Project) -> None:
    """As `publish`, by the word that was left for the worker; nothing where no page is wanted."""
    if (wanted := noted(project.directory)) is not None and project.has_store:
        Publisher(project.store).renew(wanted, project.clock.now())


@contextmanager
def served(folder: Path, host: str, port: int) -> Iterator[str]:
    """Serve the folder's files; gives their address."""
    with serve(folder, host, port) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{host}:{server.server_address[1]}/"
