"""How a router distinguishes Pilotage's synthetic requests from users' requests: a header whose value only the two
know.

A router that can do this (`own_requests` among its capabilities) compares the header's value with `synthetic_token` of
its own folder, passes such a request on with the value 1, and removes the header from every other request.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from pathlib import Path

from pilotage.adapters.files import private_folder, set_aside

SYNTHETIC_HEADER = "x-pilotage-synthetic"
"""On every request of Pilotage's own. Services see it with the value 1, and never on a request of a user."""
_SECRET = re.compile(r"[0-9a-f]{32}")


def secret_of(directory: Path, name: str) -> str:
    """A random text of the router in `directory` that only this user's processes can read. It is created at the first
    call, and again if the file no longer holds one."""
    private_folder(directory)
    path = directory / name
    found = text_of(path)
    if found is not None and not _SECRET.fullmatch(found):
        set_aside(path, "it is no secret of ours")
        found = None
    if found is None:
        beside = path.with_name(f".{name}.{os.getpid()}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(16))
        # Whoever made it first has made it for everyone.
        with contextlib.suppress(FileExistsError):
            os.link(beside, path)
        beside.unlink()
    return path.read_text()


def synthetic_token(directory: Path) -> str:
    """The header value by which the router in `directory` knows Pilotage's own requests: a secret, so that no user can
    pass for one and hide what fails."""
    return secret_of(directory, "synthetic-token")


def text_of(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        return None
