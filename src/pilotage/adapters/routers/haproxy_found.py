"""An HAProxy by the folder of its router alone: the way back without a store, `pilotage down`, `pilotage status`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from pilotage.model.traffic import WHOLE, Split

if TYPE_CHECKING:
    from pilotage.adapters.routers.haproxy import HAProxyRouter
    from pilotage.adapters.routers.haproxy_record import Remembered

RECORD = "haproxy.json"


def found(folder: Path) -> HAProxyFound | None:
    """The HAProxy that has a split of this folder; None where none has."""
    if not (folder / RECORD).exists():
        return None
    from pilotage.adapters.routers.haproxy_record import remembered

    told = remembered(folder)
    return HAProxyFound(folder, told) if told else None


class HAProxyFound:
    """The FoundRouter port. It starts and stops no HAProxy: that belongs to other people."""

    def __init__(self, folder: Path, told: Remembered) -> None:
        self._folder, self._told = folder, told

    def runs(self) -> bool:
        from pilotage.adapters.ports import AdapterError

        try:
            return bool(self._router().runtime.process().pid)
        except AdapterError:
            return False

    def died(self) -> bool:
        return not self.runs()

    def split(self) -> Split | None:
        from pilotage.adapters.ports import AdapterError

        try:
            return self._router().read()
        except AdapterError:
            return self._told.split

    def addresses(self, version: str) -> Iterable[tuple[str, int]]:
        from pilotage.adapters.ports import AdapterError

        try:
            return (self._router().endpoints() or {}).get(version, frozenset())
        except AdapterError:
            return self._told.instances.get(version, ())

    def lead_all(self, version: str, instances: Iterable[tuple[str, int]]) -> bool:
        """An HAProxy that does not answer starts with what its files say from now on."""
        from pilotage.adapters.ports import AdapterError

        split, router = Split(((version, WHOLE),)), self._router()
        try:
            router.change(split, {version: sorted(instances)})
        except AdapterError:
            if not self.runs():
                return False
            # Users are led back although a file cannot be written, as on a full disk.
            if router.read() != split:
                raise
        return router.read() == split

    def stop(self, within: float) -> bool:  # noqa: ARG002
        from pilotage.adapters.ports import AdapterError

        try:
            self._router().withdraw()
        except AdapterError:
            return True
        return False

    def _router(self) -> HAProxyRouter:
        from pilotage.adapters.fence import Fence
        from pilotage.adapters.routers.haproxy import HAProxyRouter

        told, unused = self._told, Fence(self._folder / "unused", 0)
        return HAProxyRouter(self._folder, unused, told.settings, told.place, owner=told.owner)
