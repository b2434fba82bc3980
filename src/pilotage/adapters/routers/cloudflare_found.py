"""A load balancer at Cloudflare by the router's folder alone."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from pilotage.adapters.ports import AdapterError
from pilotage.model.traffic import WHOLE, Split

if TYPE_CHECKING:
    from pilotage.adapters.routers.cloudflare import CloudflareRouter
    from pilotage.adapters.routers.cloudflare_record import Record

_log = logging.getLogger(__name__)


def found(folder: Path) -> CloudflareFound | None:
    """The load balancer that was last set from this folder; None where none was, or the record cannot be read."""
    if not (folder / "cloudflare.json").is_file():
        return None
    from pilotage.adapters.routers.cloudflare_record import remembered

    record = remembered(folder)
    return None if record is None else CloudflareFound(folder, record)


class CloudflareFound:
    """The FoundRouter port. The token comes from its reference, which must lead to it here, too."""

    def __init__(self, folder: Path, record: Record) -> None:
        self._record, self._router = record, _router(folder, record)

    def runs(self) -> bool:
        return self._shown() is not None

    def died(self) -> bool:
        """Cloudflare runs it."""
        return False

    def split(self) -> Split | None:
        if (shown := self._shown()) is not None:
            return shown
        weights = tuple(self._record.weights.items())
        return Split(weights, closed=self._record.closed) if weights else None

    def addresses(self, version: str) -> Iterable[tuple[str, int]]:
        return sorted(self._endpoints().get(version, ()))

    def lead_all(self, version: str, instances: Iterable[tuple[str, int]]) -> bool:
        others = {name: sorted(places) for name, places in self._endpoints().items()}
        return self._router.lead(Split(((version, WHOLE),)), {**others, version: sorted(instances)})

    def stop(self, within: float) -> bool:  # noqa: ARG002
        try:
            self._router.stop()
        except AdapterError as error:
            # It is somebody else's, who has to mend it: whoever stops the rest need not wait for that.
            _log.warning("%s still has Pilotage's pools: %s", self._record.settings.balancer, error)
        return False

    def _shown(self) -> Split | None:
        try:
            return self._router.shown()
        except AdapterError:
            return None

    def _endpoints(self) -> dict[str, frozenset[tuple[str, int]]]:
        try:
            return self._router.endpoints() or {}
        except AdapterError:
            return {}


def _router(folder: Path, record: Record) -> CloudflareRouter:
    from pilotage.adapters.cloudflare_api import CloudflareApi
    from pilotage.adapters.routers.cloudflare import CloudflareRouter
    from pilotage.adapters.secrets import resolve

    access = record.access
    api = CloudflareApi(base=access.base, token=lambda: resolve(access.token), account=access.account, zone=access.zone)
    return CloudflareRouter(folder, None, api, access, record.settings)
