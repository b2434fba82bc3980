"""Brings a version to every host of a fleet, in the background and on all hosts at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping, Sequence
from functools import partial

from pilotage.adapters.fence import Fence
from pilotage.adapters.fleets.host_view import HostView
from pilotage.adapters.hosts.host import said_of
from pilotage.adapters.hosts.together import BRINGING, Errand
from pilotage.adapters.ports import AdapterError, NeverStarts
from pilotage.model.observation import CheckStatus, Preparation
from pilotage.model.text import line

_AGAIN_AFTER = 3.0
"""Seconds before a host that could not be prepared is tried again."""


class Preparations:
    """Of one fleet, by version. Nothing of it outlives this controller: the hosts know what is finished."""

    def __init__(self, views: Mapping[str, HostView], fence: Fence) -> None:
        self._views, self._fence, self._lock = views, fence, threading.Lock()
        self._errands: dict[tuple[str, str], Errand[str]] = {}
        self._failed: dict[tuple[str, str], tuple[float, AdapterError]] = {}
        self._done: dict[tuple[str, str], str] = {}

    def begin(self, version: str) -> None:
        """Begin on each host, or try again where that may help."""
        with self._lock:
            self._take()
            for host, view in self._views.items():
                key = (version, host)
                at, error = self._failed.get(key, (0.0, None))
                again = time.monotonic() - at >= _AGAIN_AFTER and not isinstance(error, NeverStarts)
                if key not in self._done and key not in self._errands and (error is None or again):
                    self._errands[key] = Errand(partial(view.runner.prepare, version, self._fence), BRINGING)

    def of(self, version: str) -> Preparation | None:
        with self._lock:
            self._take()
            mine = [host for host in self._views if (version, host) in self._done]
            failed = {
                host: error for host in self._views if (error := self._failed.get((version, host), (0.0, None))[1])
            }
            under_way = [host for host in self._views if (version, host) in self._errands]
        if not (mine or failed or under_way):
            return None
        never = {host: error for host, error in failed.items() if isinstance(error, NeverStarts)}
        if never and not under_way:
            return Preparation(status=CheckStatus.FAILED, detail=_said(never))
        if len(mine) == len(self._views):
            return Preparation(
                status=CheckStatus.PASSED, detail=_on(mine, {self._done[version, host] for host in mine})
            )
        waiting = f"{len(mine)} of {len(self._views)} hosts are ready"
        return Preparation(status=CheckStatus.RUNNING, detail=f"{waiting}; {_said(failed)}" if failed else waiting)

    def is_done(self, version: str, host: str) -> bool:
        with self._lock:
            self._take()
            return (version, host) in self._done

    def note(self, version: str, host: str, known_as: str) -> None:
        """Say that it was done by the way."""
        with self._lock:
            self._done[version, host] = known_as

    def _take(self) -> None:
        for key, errand in [(key, one) for key, one in self._errands.items() if one.is_done]:
            del self._errands[key]
            try:
                known_as = errand.result()
            except AdapterError as error:
                self._failed[key] = (time.monotonic(), error)
            else:
                self._failed.pop(key, None)
                self._done[key] = known_as


def _said(failed: Mapping[str, AdapterError]) -> str:
    return line("; ".join(dict.fromkeys(said_of(host, error) for host, error in failed.items())), 1000)


def _on(hosts: Sequence[str], known_as: Collection[str]) -> str:
    ready = f"ready on {len(hosts)} hosts" if len(hosts) > 1 else "ready"
    digests = line(", ".join(sorted(filter(None, known_as))), 500)
    return f"{ready}: {digests}" if digests else ready
