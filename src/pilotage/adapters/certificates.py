"""A certificate of TLS and its key, as files: what is wrong with them, in a sentence."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

from pilotage.adapters.ports import AdapterError


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A certificate with its chain, and the key, in PEM. names: of the hosts that it is for · until: when it
    expires."""

    certificate: bytes
    key: bytes
    names: tuple[str, ...]
    until: datetime

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.certificate + b"\0" + self.key).hexdigest()[:32]


def pair_of(certificate: bytes, key: bytes, *, names: tuple[str, str], now: datetime) -> Pair:
    """The two, if users can be served with them now. names: of the two files, for sentences. Raises AdapterError."""
    where, beside = names
    try:
        chain = x509.load_pem_x509_certificates(certificate)
    except ValueError:
        raise AdapterError(f"{where} is no certificate in PEM format: use the file with the whole chain") from None
    leaf = chain[0]
    try:
        private = serialization.load_pem_private_key(key, password=None)
    except TypeError:
        raise AdapterError(
            f"the key in {beside} is encrypted: remove its passphrase, because nobody is there to type it"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise AdapterError(f"{beside} is no private key in PEM format") from None
    if _public(private.public_key()) != _public(leaf.public_key()):
        raise AdapterError(
            f"the key in {beside} does not belong to the first certificate in {where}: use the files of one "
            "certificate, and put that certificate before the ones of its chain"
        )
    if leaf.not_valid_after_utc <= now:
        raise AdapterError(f"the certificate in {where} expired on {_shown(leaf.not_valid_after_utc)}: renew it")
    if leaf.not_valid_before_utc > now:
        raise AdapterError(
            f"the certificate in {where} is valid only from {_shown(leaf.not_valid_before_utc)}: check the clock"
        )
    return Pair(certificate=certificate, key=key, names=_names(leaf), until=leaf.not_valid_after_utc)


def now() -> datetime:
    return datetime.now(UTC)


def _public(key: object) -> bytes:
    encoded: bytes = key.public_bytes(  # type: ignore[attr-defined]
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return encoded


def _names(leaf: x509.Certificate) -> tuple[str, ...]:
    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return tuple(found.get_values_for_type(x509.DNSName)) + tuple(
            str(one) for one in found.get_values_for_type(x509.IPAddress)
        )
    except (x509.ExtensionNotFound, ValueError):
        return tuple(str(one.value) for one in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME))


def _shown(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M UTC")
