"""Seals small secrets with a key that never lies in the database: second factors, and what a browser keeps for us.

The key is in the state folder (`keys/sealing`, mode 0600), or, for several servers of one store, in PILOTAGE_SECRET.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pilotage.adapters.files import private_folder
from pilotage.adapters.ports import AdapterError
from pilotage.model.json import Json

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

VARIABLE = "PILOTAGE_SECRET"
_FILE = Path("keys", "sealing")
_LEAST = 32
"""Characters of PILOTAGE_SECRET."""


class SealUnusable(AdapterError):
    """The key that seals second factors is missing or unusable, or something was sealed with another one."""


class Seal:
    """Encrypts and authenticates (Fernet: AES-128-CBC and HMAC-SHA256), each text for one purpose."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def close(self, purpose: str, content: Json, now: float) -> str:
        """URL-safe text. now: Unix seconds, from which its age counts."""
        return self._for(purpose).encrypt_at_time(json.dumps(content).encode(), int(now)).decode()

    def open(self, purpose: str, text: str, now: float, lifetime: float | None = None) -> Json:
        """What `close` was given. Raises SealUnusable for everything else, and for what is older than `lifetime`
        seconds."""
        from cryptography.fernet import InvalidToken

        sealed = self._for(purpose)
        try:
            opened = sealed.decrypt(text) if lifetime is None else sealed.decrypt_at_time(text, int(lifetime), int(now))
            found: Json = json.loads(opened)
        except (InvalidToken, ValueError):
            raise SealUnusable(f"this was sealed with another key, or too long ago ({VARIABLE}, {_FILE})") from None
        return found

    def _for(self, purpose: str) -> Fernet:
        from cryptography.fernet import Fernet
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        derived = HKDF(SHA256(), 32, salt=None, info=f"pilotage {purpose}".encode()).derive(self._key)
        return Fernet(base64.urlsafe_b64encode(derived))


def seal_of(directory: Path) -> Seal:
    """That of PILOTAGE_SECRET or of the state folder, whose key is made on first use. Raises SealUnusable."""
    given = os.environ.get(VARIABLE, "")
    if given:
        if len(given) < _LEAST:
            raise SealUnusable(f"{VARIABLE} has {len(given)} characters, at least {_LEAST} are needed")
        return Seal(given.encode())
    path = directory / _FILE
    try:
        if not path.exists():
            _create(path)
        if path.stat().st_mode & 0o077:
            raise SealUnusable(f"{path}: other users can read the key. Run `chmod 600 {path}`")
        content = path.read_bytes().strip()
    except OSError as error:
        raise SealUnusable(f"{path}: the key cannot be used: {error.strerror}") from None
    if len(content) < _LEAST:
        raise SealUnusable(f"{path}: the key is cut off. Restore it, or delete it: second factors are then set up anew")
    return Seal(content)


def _create(path: Path) -> None:
    """A new key, or the one that someone else put there at the same moment."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.{time.monotonic_ns()}")
    private_folder(path.parent)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secrets.token_urlsafe(48).encode())
        file.flush()
        os.fsync(file.fileno())
    with contextlib.suppress(FileExistsError):
        path.hardlink_to(beside)
    beside.unlink()
