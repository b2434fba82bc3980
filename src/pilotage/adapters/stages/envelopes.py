"""Reads what is signed: DSSE envelopes, Sigstore bundles, and the older bundles of cosign. Verifies nothing."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass

from pilotage.model.json import Json, WrongJson, find, list_at, object_at, text_at

_BUNDLE = "application/vnd.dev.sigstore.bundle"


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """A DSSE envelope. bundle: the Sigstore bundle that it came in, as JSON; empty for a bare one."""

    payload: bytes
    payload_type: str
    signatures: tuple[bytes, ...]
    bundle: str = ""

    @property
    def signed(self) -> bytes:
        """What the signatures are of: the pre-authentication encoding of DSSE v1."""
        kind = self.payload_type.encode()
        return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(self.payload), self.payload)


@dataclass(frozen=True, kw_only=True)
class FileSignature:
    """Of a file itself. digest: SHA-256 that the bundle names, hexadecimal; empty where it names none."""

    signature: bytes
    digest: str = ""
    bundle: str = ""


Signed = Envelope | FileSignature


def signed_in(document: Json) -> Signed:
    """Raises WrongJson for anything else."""
    whole = object_at(document)
    if str(find(whole, "mediaType") or "").startswith(_BUNDLE):
        text = json.dumps(document)
        if "dsseEnvelope" in whole:
            return _envelope(find(whole, "dsseEnvelope"), text)
        return _file_signature(whole, text)
    if "payload" in whole:
        return _envelope(document, "")
    if "base64Signature" in whole:
        return FileSignature(signature=decoded(text_at(whole, "base64Signature")))
    raise WrongJson("it is neither a DSSE envelope nor a bundle of Sigstore or cosign")


def _envelope(document: Json, bundle: str) -> Envelope:
    signatures = tuple(decoded(text_at(one, "sig")) for one in list_at(document, "signatures"))
    return Envelope(
        payload=decoded(text_at(document, "payload")), payload_type=text_at(document, "payloadType"),
        signatures=signatures, bundle=bundle,
    )  # fmt: skip


def _file_signature(document: Json, bundle: str) -> FileSignature:
    algorithm = find(document, "messageSignature", "messageDigest", "algorithm")
    digest = find(document, "messageSignature", "messageDigest", "digest")
    if digest is not None and algorithm != "SHA2_256":
        raise WrongJson(f"its digest is {algorithm!r:.40}, and SHA2_256 is needed")
    return FileSignature(
        signature=decoded(text_at(document, "messageSignature", "signature")),
        digest=decoded(text_at(document, "messageSignature", "messageDigest", "digest")).hex() if digest else "",
        bundle=bundle,
    )


def decoded(text: str) -> bytes:
    """Base64 of either alphabet, as DSSE demands of readers. Raises WrongJson."""
    try:
        return base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        raise WrongJson(f"{text[:40]!r} is not base64") from None
