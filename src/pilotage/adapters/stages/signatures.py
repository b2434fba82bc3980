"""Checks signatures with one public key that the project keeps: ECDSA P-256 with SHA-256, or Ed25519."""

from __future__ import annotations

import mmap
from pathlib import Path

from pilotage.adapters.ports import AdapterError
from pilotage.adapters.stages.envelopes import Envelope, FileSignature
from pilotage.adapters.stages.provenance import Unproven

_MOST = 64 * 1024


class KeyVerifier:
    """key: a file in PEM. Log entries and time stamps of a bundle are not looked at: the key alone is trusted. Raises
    AdapterError for a key that cannot be used."""

    def __init__(self, key: Path) -> None:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        try:
            with key.open("rb") as file:
                found = load_pem_public_key(file.read(_MOST))
        except OSError as error:
            raise AdapterError(f"the key {key} cannot be read: {error.strerror}") from None
        except (ValueError, UnsupportedAlgorithm):
            raise AdapterError(f"{key} is not a public key in PEM") from None
        if isinstance(found, ec.EllipticCurvePublicKey) and isinstance(found.curve, ec.SECP256R1):
            self._curve: ec.EllipticCurvePublicKey | None = found
            self._edwards: ed25519.Ed25519PublicKey | None = None
        elif isinstance(found, ed25519.Ed25519PublicKey):
            self._curve, self._edwards = None, found
        else:
            raise AdapterError(f"{key} is not a key of ECDSA P-256 or Ed25519")
        self._shown = key.name

    def envelope(self, found: Envelope) -> None:
        """One good signature is enough; those of other keys are others' concern."""
        if not any(self._is_good(signature, found.signed) for signature in found.signatures):
            raise Unproven(f"it has no signature by {self._shown}")

    def file(self, found: FileSignature, digest: str, content: Path | None) -> None:
        if found.digest and found.digest != digest:
            raise Unproven("it is the signature of another file")
        if not self._is_of_file(found.signature, digest, content):
            raise Unproven(f"it has no signature by {self._shown}")

    def _is_good(self, signature: bytes, message: bytes | memoryview) -> bool:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec

        try:
            if self._curve is not None:
                self._curve.verify(signature, message, ec.ECDSA(hashes.SHA256()))
            elif self._edwards is not None:
                self._edwards.verify(signature, message)
        except InvalidSignature:
            return False
        return self._curve is not None or self._edwards is not None

    def _is_of_file(self, signature: bytes, digest: str, content: Path | None) -> bool:
        """ECDSA signs the digest, which is known; Ed25519 signs the file itself, which is mapped and not read in."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

        if self._curve is not None:
            try:
                self._curve.verify(signature, bytes.fromhex(digest), ec.ECDSA(Prehashed(hashes.SHA256())))
            except InvalidSignature:
                return False
            return True
        if content is None:
            raise Unproven("Ed25519 signs content, and of an image there is only the digest")
        with content.open("rb") as file:
            if content.stat().st_size == 0:
                return self._is_good(signature, b"")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped, memoryview(mapped) as seen:
                return self._is_good(signature, seen)
