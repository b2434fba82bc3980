"""`pilotage login` and `logout`: a token for this machine, by a person in a browser."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pilotage.adapters.server_client import Refused, ServerClient
from pilotage.app.remote.keyring import forget, keep
from pilotage.model.errors import Unavailable
from pilotage.model.json import text_at, whole_at


@dataclass(frozen=True, kw_only=True)
class Asked:
    """url: of the page on which a person says yes · code: what it must show."""

    url: str
    code: str


def sign_in(url: str, show: Callable[[Asked], None]) -> Path:
    """Ask, show where to say yes, wait until somebody did. Returns the file that keeps the token. Raises
    PilotageError."""
    client = ServerClient(url, "")
    asked = client.post("/api/v1/login", {"host": platform.node()})
    path, secret = text_at(asked, "page"), text_at(asked, "secret")
    # The path has what a proxy puts before it, and so may the address that was typed.
    prefix = path.partition("/login")[0]
    root = client.url.removesuffix(prefix) if prefix else client.url
    show(Asked(url=f"{root}{path}", code=text_at(asked, "code")))
    until = time.monotonic() + whole_at(asked, "expires_in")
    while time.monotonic() < until:
        time.sleep(whole_at(asked, "interval"))
        try:
            return keep(url, text_at(client.post("/api/v1/login/token", {"secret": secret}), "token"))
        except Refused as refused:
            if refused.status != 409:
                raise
    raise Unavailable("nobody said yes in time", cure="run `pilotage login` again")


def sign_out(url: str) -> bool:
    """Forget the token of a server; False where none was kept."""
    return forget(url)
