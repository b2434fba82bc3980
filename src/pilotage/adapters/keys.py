"""The installation's signing key (Ed25519), and the public keys that verify its signatures.

The private key is in the state folder (`keys/signing.pem`, mode 0600), or where `signing.key` says. Public keys stay in
`keys/public/` after a rotation, so old signatures can still be verified.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pilotage.adapters.files import private_folder, write_durably
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.secrets import resolve

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

HEAD, BUNDLE = "pilotage head 1", "pilotage bundle 1"
"""What a signature is for; it is signed too, so that one kind never passes for another."""

_FOLDER, _PRIVATE, _PUBLIC = "keys", "signing.pem", "public"


class KeyUnusable(AdapterError):
    """The signing key is missing or unusable. The message says where, and what to do."""


@dataclass(frozen=True, kw_only=True)
class Signed:
    """A signature. key: the id of the public key that it is checked with · signature: base64."""

    key: str
    signature: str


class Signer:
    """Signs with one private key. `id` names its public key, `public` is that key as PEM."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = _public_pem(private.public_key())
        self.id = key_id(self.public)

    def sign(self, purpose: str, content: bytes) -> Signed:
        signature = self._private.sign(_message(purpose, content))
        return Signed(key=self.id, signature=base64.b64encode(signature).decode())


def signer_of(directory: Path, reference: str | None = None) -> Signer:
    """The key of the state folder, or the one that `reference` (a path or `secret://…`) leads to.

    Creates the folder's key on first use, but never a second one: a key that is gone is reported, not replaced.
    Raises KeyUnusable.
    """
    signer = _own(directory) if reference is None else Signer(_private(_referenced(reference), reference))
    _keep_public(directory, signer)
    return signer


def rotate(directory: Path) -> Signer:
    """Replace the state folder's key by a new one. Public keys of earlier ones stay."""
    path = directory / _FOLDER / _PRIVATE
    with contextlib.suppress(KeyUnusable):
        _keep_public(directory, _own(directory))
    if path.exists():
        path.rename(path.with_name(f"{_PRIVATE}.{time.time_ns()}.old"))
    _create(path)
    for old in path.parent.glob(f"{_PRIVATE}.*.old"):
        old.unlink(missing_ok=True)
    signer = _own(directory)
    _keep_public(directory, signer)
    return signer


def known_keys(directory: Path) -> Mapping[str, str]:
    """Public keys of this installation, present and past, as PEM by id. Unreadable files are left out."""
    found = {}
    for path in sorted((directory / _FOLDER / _PUBLIC).glob("*.pem")):
        with contextlib.suppress(KeyUnusable, OSError):
            pem = read_public(path)
            found[key_id(pem)] = pem
    return found


def read_public(path: Path) -> str:
    """The public key in a file, as PEM. Raises KeyUnusable."""
    try:
        return _public_pem(_public(path.read_bytes()[:10_000]))
    except OSError as error:
        raise KeyUnusable(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError:
        raise KeyUnusable(f"{path}: not an Ed25519 public key in PEM. `pilotage key` prints one") from None


def key_id(pem: str) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of the raw public key."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    raw = _public(pem.encode()).public_bytes(Encoding.Raw, PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()[:16]


def is_signed(pem: str, purpose: str, content: bytes, signature: str) -> bool:
    """Whether the signature is that of this key, over this content, for this purpose."""
    from cryptography.exceptions import InvalidSignature

    try:
        _public(pem.encode()).verify(base64.b64decode(signature, validate=True), _message(purpose, content))
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def _message(purpose: str, content: bytes) -> bytes:
    return purpose.encode() + b"\n" + content


def _own(directory: Path) -> Signer:
    path = directory / _FOLDER / _PRIVATE
    if not path.exists():
        if any((directory / _FOLDER / _PUBLIC).glob("*.pem")):
            raise KeyUnusable(f"{path}: the signing key is gone. Restore it, or run `pilotage key rotate`")
        _create(path)
    try:
        if path.stat().st_mode & 0o077:
            raise KeyUnusable(f"{path}: other users can read the signing key. Run `chmod 600 {path}`")
        content = path.read_bytes()
    except OSError as error:
        raise KeyUnusable(f"{path}: the signing key cannot be read: {error.strerror}") from None
    return Signer(_private(content, str(path)))


def _create(path: Path) -> None:
    """A new private key at `path`, or the one that someone else put there at the same moment."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    content = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    beside = path.with_name(f".{path.name}.{os.getpid()}.{time.monotonic_ns()}")
    try:
        private_folder(path.parent)
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # A link, unlike a rename, never replaces the key of another process.
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(beside)
        beside.unlink()
    except OSError as error:
        raise KeyUnusable(f"{path}: the signing key cannot be written: {error.strerror}") from None


def _keep_public(directory: Path, signer: Signer) -> None:
    path = directory / _FOLDER / _PUBLIC / f"{signer.id}.pem"
    if path.exists():
        return
    try:
        write_durably(path, signer.public.encode("ascii"))
    except OSError as error:
        raise KeyUnusable(f"{path}: the public key cannot be kept: {error.strerror}") from None


def _referenced(reference: str) -> bytes:
    if reference.startswith("secret://"):
        try:
            return resolve(reference).reveal().encode()
        except AdapterError as error:
            raise KeyUnusable(f"signing.key: {error}") from None
    try:
        return Path(reference).read_bytes()
    except OSError as error:
        raise KeyUnusable(f"signing.key: {reference} cannot be read: {error.strerror}") from None


def _private(content: bytes, where: str) -> Ed25519PrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        found = load_pem_private_key(content, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        found = None
    if not isinstance(found, Ed25519PrivateKey):
        made = "`openssl genpkey -algorithm ed25519` makes one"
        raise KeyUnusable(f"{where}: not an unencrypted Ed25519 private key in PEM; {made}")
    return found


def _public(pem: bytes) -> Ed25519PublicKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        found = load_pem_public_key(pem)
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from None
    if not isinstance(found, Ed25519PublicKey):
        raise ValueError("not an Ed25519 public key")
    return found


def _public_pem(key: Ed25519PublicKey) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
