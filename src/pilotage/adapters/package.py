"""Whether the released artifact is the one that was there at the start, and signed: by Ed25519, or by minisign."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from pathlib import Path

from pilotage.adapters.ports import AdapterError

SUFFIXES = (".minisig", ".sig")
"""Of the signature's file next to the artifact, where none is named."""

_ED25519, _PREHASHED = b"Ed", b"ED"
_CHUNK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class PackageTask:
    """root: of the project; the other paths are relative to it · sha256: of the artifact when the rollout was created,
    empty if it was not there · public_key: a PEM file, or one of minisign; empty where no signature is required ·
    signature: empty for the file next to the artifact."""

    root: str
    artifact: str
    sha256: str
    public_key: str = ""
    signature: str = ""


def perform(task: PackageTask) -> str:
    """What was found, in a sentence. Raises AdapterError with what is wrong."""
    path = Path(task.root) / task.artifact
    digest = _sha256(path, task.artifact)
    if not task.sha256:
        raise AdapterError(f"{task.artifact} was not there when the rollout was created: deploy again")
    if digest != task.sha256:
        raise AdapterError(
            f"{task.artifact} has changed since the rollout was created: its SHA-256 is {digest[:12]}, and was "
            f"{task.sha256[:12]}"
        )
    if not task.public_key:
        return f"{task.artifact} has SHA-256 {digest[:12]}; no signature is required (readiness.signature)"
    signature = _signature_of(task)
    try:
        _verify(path, _read(Path(task.root) / task.public_key), _read(signature))
    except (ValueError, binascii.Error) as error:
        raise AdapterError(f"{signature.name} is no signature that {task.public_key} can check: {error}") from None
    return f"{task.artifact} has SHA-256 {digest[:12]} and a valid signature by {task.public_key}"


def _sha256(path: Path, name: str) -> str:
    found = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                found.update(chunk)
    except OSError as error:
        raise AdapterError(f"{name} cannot be read: {error.strerror}") from None
    return found.hexdigest()


def _signature_of(task: PackageTask) -> Path:
    root = Path(task.root)
    places = [root / task.signature] if task.signature else [root / f"{task.artifact}{end}" for end in SUFFIXES]
    found = next((path for path in places if path.is_file()), None)
    if found is None:
        raise AdapterError(f"{task.artifact} has no signature: {' or '.join(path.name for path in places)} is missing")
    return found


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()[:_CHUNK]
    except OSError as error:
        raise AdapterError(f"{path.name} cannot be read: {error.strerror}") from None


def _verify(artifact: Path, key: bytes, signature: bytes) -> None:
    """Raises AdapterError for a signature that is not valid, ValueError for files that are none of both kinds."""
    if key.lstrip().startswith(b"-----BEGIN"):
        _verify_pem(artifact, key, signature)
    else:
        _verify_minisign(artifact, key, signature)


def _verify_pem(artifact: Path, key: bytes, signature: bytes) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    public = load_pem_public_key(key)
    if not isinstance(public, Ed25519PublicKey):
        raise ValueError("the key is not an Ed25519 key")
    raw = signature if len(signature) == 64 else base64.b64decode(signature.strip(), validate=True)
    _check(public.public_bytes_raw(), raw, artifact.read_bytes(), artifact.name)


def _verify_minisign(artifact: Path, key: bytes, signature: bytes) -> None:
    """https://jedisct1.github.io/minisign/: algorithm, key id and bytes in base64, and a signature of the trusted
    comment, too."""
    public = _decoded((key.decode().strip().splitlines() or [""])[-1], 42)
    lines = signature.decode().splitlines()
    if len(lines) < 4 or not lines[2].startswith("trusted comment: "):
        raise ValueError("it has not the four lines of a minisign signature")
    signed = _decoded(lines[1], 74)
    if signed[2:10] != public[2:10]:
        raise AdapterError(f"{artifact.name} is signed with another key")
    content = artifact.read_bytes()
    if signed[:2] == _PREHASHED:
        content = hashlib.blake2b(content).digest()
    elif signed[:2] != _ED25519:
        raise ValueError("its algorithm is unknown")
    comment = lines[2].removeprefix("trusted comment: ").encode()
    _check(public[10:], signed[10:], content, artifact.name)
    _check(public[10:], _decoded(lines[3], 64), signed[10:] + comment, f"the comment on {artifact.name}")


def _decoded(text: str, length: int) -> bytes:
    found = base64.b64decode(text.strip(), validate=True)
    if len(found) != length:
        raise ValueError(f"{len(found)} bytes instead of {length}")
    return found


def _check(public: bytes, signature: bytes, content: bytes, name: str) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, content)
    except InvalidSignature:
        raise AdapterError(f"the signature of {name} is not valid") from None
