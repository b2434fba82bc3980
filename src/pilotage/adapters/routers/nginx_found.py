"""An nginx that splits by our file, found by the router's folder alone."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from pilotage.adapters.files import read_leniently
from pilotage.adapters.ports import AdapterError
from pilotage.model.json import object_at, read_as
from pilotage.model.traffic import WHOLE, Split

if TYPE_CHECKING:
    from pilotage.adapters.routers.nginx import NginxRouter

_log = logging.getLogger(__name__)
RECORD = "nginx.json"
"""In the router's folder: its settings and its host, for the way back without a configuration."""


def found(folder: Path) -> NginxFound | None:
    """The nginx that was last told from this folder; None where none was, or the record of it cannot be read."""
    if not (folder / RECORD).is_file():
        return None
    router = _opened(folder)
    return None if router is None else NginxFound(router)


class NginxFound:
    """The FoundRouter port. It never starts an nginx: others do."""

    def __init__(self, router: NginxRouter) -> None:
        self._router = router

    def runs(self) -> bool:
        return self._shown() is not None

    def died(self) -> bool:
        return self._router.kept() is not None and not self.runs()

    def split(self) -> Split | None:
        if (shown := self._shown()) is not None:
            return shown
        kept = self._router.kept()
        return kept.split if kept else None

    def addresses(self, version: str) -> Iterable[tuple[str, int]]:
        kept = self._router.kept()
        return sorted(kept.endpoints.get(version, ())) if kept else ()

    def lead_all(self, version: str, instances: Iterable[tuple[str, int]]) -> bool:
        from pilotage.adapters.routers.nginx_state import state_for

        split, kept = Split(((version, WHOLE),)), self._router.kept()
        others = {name: sorted(places) for name, places in kept.endpoints.items()} if kept else {}
        try:
            self._router.change(state_for(split, {**others, version: sorted(instances)}, lambda: kept))
        except AdapterError:
            # In mode lua users are led back although its file cannot be written, as on a full disk.
            if self._shown() != split:
                raise
        return self._shown() == split

    def stop(self, within: float) -> bool:  # noqa: ARG002
        try:
            self._router.end()
        except AdapterError as error:
            # The process is somebody else's, who has to mend it: whoever stops the rest need not wait for that.
            _log.warning("nginx still has the configuration of %s: %s", self._router.url() or "this service", error)
        return False

    def _shown(self) -> Split | None:
        try:
            return self._router.read()
        except AdapterError:
            return None


def _opened(folder: Path) -> NginxRouter | None:
    from pilotage.adapters.hosts.place import host_in
    from pilotage.adapters.routers.nginx import NginxRouter
    from pilotage.adapters.routers.nginx_settings import Settings

    try:
        record = read_leniently(folder / RECORD)
        settings, where = read_as(Settings, record, "settings"), object_at(record, "host")
        return NginxRouter(folder, None, settings, host_in(where, folder), where)
    except ValueError:
        return None
