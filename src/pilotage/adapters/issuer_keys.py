"""Public keys of issuers of id-tokens, fetched over HTTP and kept for an hour; again when a token names one that is
unknown, but not for each such token."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from pilotage.adapters.http import get_json
from pilotage.adapters.ports import AdapterError
from pilotage.model.json import Json, WrongJson, list_at, text_at

_STAY = 3600.0
_AGAIN_AFTER = 30.0
_TIMEOUT = 5.0
_MOST_KEYS = 100


@dataclass(frozen=True, kw_only=True)
class _Kept:
    keys: tuple[Json, ...]
    at: float


class IssuerKeys:
    """Of all issuers that a server asks. again_after: seconds between two looks because of an unknown key."""

    def __init__(self, again_after: float = _AGAIN_AFTER, now: Callable[[], float] = time.monotonic) -> None:
        self._again_after, self._now = again_after, now
        self._kept: dict[str, _Kept] = {}
        self._turn = threading.Lock()

    def of(self, issuer: str, kid: str) -> tuple[Json, ...]:
        """JSON Web Keys of the issuer, fresh if none of those that are known has this id. Raises AdapterError."""
        with self._turn:
            kept, now = self._kept.get(issuer), self._now()
            if kept is None or now - kept.at > _STAY or (_lacks(kept, kid) and now - kept.at >= self._again_after):
                try:
                    kept = _Kept(keys=_fetched(issuer), at=now)
                except AdapterError:
                    if kept is None:
                        raise
                self._kept[issuer] = kept
            return kept.keys


def _lacks(kept: _Kept, kid: str) -> bool:
    return not any(isinstance(one, dict) and one.get("kid") == kid for one in kept.keys)


def _fetched(issuer: str) -> tuple[Json, ...]:
    """Raises AdapterError."""
    found = get_json(f"{issuer.rstrip('/')}/.well-known/openid-configuration", _TIMEOUT)
    try:
        address = text_at(found, "jwks_uri")
        if text_at(found, "issuer").rstrip("/") != issuer.rstrip("/"):
            raise AdapterError(f"{issuer} says that it is another issuer")
        if urlsplit(address).scheme != urlsplit(issuer).scheme:
            raise AdapterError(f"{issuer} has its keys at {address}, which is not as safe")
        return tuple(list_at(get_json(address, _TIMEOUT), "keys")[:_MOST_KEYS])
    except WrongJson as wrong:
        raise AdapterError(f"{issuer}: {wrong}") from None
