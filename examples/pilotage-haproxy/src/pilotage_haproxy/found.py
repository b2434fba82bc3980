"""An HAProxy of ours by its folder alone: the way back without a store, `pilotage down`, `pilotage status`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pilotage.ports import WHOLE, AdapterError, Fence, Split
from pilotage_haproxy.router import HAProxyRouter


def found(folder: Path) -> HAProxyFound | None:
    """The HAProxy that was started for this folder; None where none was."""
    return HAProxyFound(folder) if (folder / "haproxy.cfg").is_file() else None


class HAProxyFound:
    """The FoundRouter port. It never starts an HAProxy: one that does not answer cannot be told."""

    def __init__(self, folder: Path) -> None:
        unused = Fence(folder / "unused", 0)
        self._router = HAProxyRouter(folder, unused, listen="", cookie=None)

    def runs(self) -> bool:
        return self._router.runs()

    def died(self) -> bool:
        return not self.runs()

    def split(self) -> Split | None:
        try:
            return self._router.read()
        except AdapterError:
            return None

    def addresses(self, version: str) -> Iterable[tuple[str, int]]:
        try:
            return (self._router.endpoints() or {}).get(version, frozenset())
        except AdapterError:
            return ()

    def lead_all(self, version: str, instances: Iterable[tuple[str, int]]) -> bool:
        split = Split(((version, WHOLE),))
        self._router.change(split, {version: sorted(instances)})
        return self.split() == split

    def stop(self, within: float) -> bool:
        return self._router.ask_to_end(within)
