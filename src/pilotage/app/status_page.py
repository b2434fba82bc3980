"""Writes the status page as files that any web server serves, and that stay when the controller is gone."""

from __future__ import annotations

import errno
import math
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pilotage.adapters.files import write_durably
from pilotage.adapters.static_server import serve
from pilotage.app.project import Project
from pilotage.app.publication import Publication, publication_of
from pilotage.engine.records.shown import Shown, planned, recorded
from pilotage.engine.records.store import Store
from pilotage.model.errors import Invalid
from pilotage.render.status import files_of
from pilotage.report.status import StatusPage, status_of

_LONGEST = 60.0
"""Seconds after which the page is made anew though nothing was recorded: what was planned has become the past."""


class Publisher:
    """Makes the page anew when something was recorded that it may show, or a minute has passed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._shown = Shown(store)
        self._made: tuple[object, ...] = ()
        self._at = -math.inf

    def renew(self, publication: Publication, now: float) -> None:
        """now: seconds since 1970. Raises OSError where the folder cannot be written."""
        found = (publication, *recorded(self._store, now))
        if found == self._made and now - self._at < _LONGEST:
            return
        # Where it cannot be written, that is found again only then.
        self._made, self._at = found, now
        page = page_of(self._store, self._shown, publication.title, publication.places, now)
        write_status(Path(publication.folder), page, publication.address)


def page_of(store: Store, shown: Shown, title: str, places: Mapping[str, str], now: float) -> StatusPage:
    """places: service → the environment that its public uses."""
    return status_of(title, list(places), shown.of(places, now), planned(store, places, now), now)


def write_status(folder: Path, page: StatusPage, address: str) -> bool:
    """Each file at once or not at all; returns whether anything changed. Raises OSError, also where a link lies in the
    folder's place by now."""
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


@contextmanager
def served(folder: Path, host: str, port: int) -> Iterator[str]:
    """Serve the folder's files; gives their address."""
    with serve(folder, host, port) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{host}:{server.server_address[1]}/"
