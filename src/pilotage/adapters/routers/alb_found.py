"""A listener of AWS by the folder of its router alone: the way back without a store, `pilotage down`, `pilotage
status`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from pilotage.model.traffic import WHOLE, Split

if TYPE_CHECKING:
    from pilotage.adapters.routers.alb import AlbRouter
    from pilotage.adapters.routers.alb_record import Remembered

RECORD = "alb.json"


def found(folder: Path) -> AlbFound | None:
    """The listener that has a split of this folder; None where none has."""
    if not (folder / RECORD).exists():
        return None
    from pilotage.adapters.routers.alb_record import remembered

    told = remembered(folder)
    return AlbFound(folder, told) if told else None


class AlbFound:
    """The FoundRouter port. It starts and stops no load balancer: that belongs to AWS."""

    def __init__(self, folder: Path, told: Remembered) -> None:
        self._folder, self._told = folder, told

    def runs(self) -> bool:
        from pilotage.adapters.ports import AdapterError

        try:
            self._router().listener.seen(look=True)
        except AdapterError:
            return False
        return True

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
            there = (self._router().endpoints() or {}).get(version, frozenset())
        except AdapterError:
            there = frozenset()
        return there or [(host, port) for host, port, _ in self._told.instances.get(version, ())]

    def lead_all(self, version: str, instances: Iterable[tuple[str, int]]) -> bool:
        from pilotage.adapters.ports import AdapterError

        split, router = Split(((version, WHOLE),)), self._router()
        try:
            router.change(split, {version: sorted(instances)})
        except AdapterError:
            if not self.runs():
                return False
            # Users are led back although the rest could not be tidied up.
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

    def _router(self) -> AlbRouter:
        from pilotage.adapters.fence import Fence
        from pilotage.adapters.routers.alb import AlbRouter

        told, unused = self._told, Fence(self._folder / "unused", 0)
        return AlbRouter(self._folder, unused, told.settings, service=told.service, environment=told.environment)
