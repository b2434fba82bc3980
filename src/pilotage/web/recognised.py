"""Identities that were found out just now: a browser or a program asks several times a second.

Whatever takes something from an identity is in the audit log, so its number tells at once. An expiry counts within a
second.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from pilotage.app.identity.secrets import hash_of
from pilotage.engine.records.version import Version
from pilotage.model.access import Identity

_STAY = 1.0
"""Seconds, also for what somebody writes into the tables by hand."""
_REMEMBERED = 1000


@dataclass
class Recognised:
    """By the hash of the secret that was sent, and its address."""

    _known: OrderedDict[tuple[str, str], tuple[Version, float, Identity]] = field(default_factory=OrderedDict)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def get(
        self, secret: str, address: str, version: Version, now: float, find: Callable[[], Identity | None]
    ) -> Identity | None:
        """version: as of which at least it must be right."""
        if (known := self.known(secret, address, version, now)) is not None:
            return known
        key, found = (hash_of(secret), address), find()
        with self._turn:
            self._known.pop(key, None)
            if found is not None:
                self._known[key] = (version, now, found)
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return found

    def known(self, secret: str, address: str, version: Version, now: float) -> Identity | None:
        """None where it has to be found out."""
        with self._turn:
            known = self._known.get((hash_of(secret), address))
        return known[2] if known is not None and known[0] == version and 0 <= now - known[1] <= _STAY else None
