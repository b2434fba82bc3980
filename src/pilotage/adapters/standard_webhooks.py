"""Verifies signatures by Standard Webhooks (https://www.standardwebhooks.com): HMAC-SHA256 over id, time and body."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping

from pilotage.adapters.ports import AdapterError

STALE = 300.0
"""Seconds that the time of a request may differ from now."""
_PREFIX, _VERSION = "whsec_", "v1,"
_MOST_SIGNATURES = 8
"""While a secret is replaced, a request has one signature for each."""
_LONGEST_ID = 200


class BadSignature(AdapterError):
    """Not signed with this secret, or at another time."""


def key_of(secret: str) -> bytes:
    """The key in a secret such as `whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw`. Raises AdapterError."""
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if len(key) < 16:
        raise AdapterError(f"the secret is not {_PREFIX} followed by at least 16 bytes in base64")
    return key


def verify(headers: Mapping[str, str], body: bytes, key: bytes, now: float) -> str:
    """The message's id. headers: by name in lower case · now: Unix seconds. Raises BadSignature."""
    identity, at, given = (headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
    if not identity or len(identity) > _LONGEST_ID:
        raise BadSignature("webhook-id is missing or too long")
    if not (at.isascii() and at.isdigit() and len(at) <= 12) or abs(now - int(at)) > STALE:
        raise BadSignature("webhook-timestamp is missing, too old or in the future")
    expected = (_VERSION + signature(identity, int(at), body, key)).encode()
    # Compare all of them, so that the time tells nothing.
    if not sum(hmac.compare_digest(expected, one.encode()) for one in given.split(" ")[:_MOST_SIGNATURES]):
        raise BadSignature("webhook-signature does not match")
    return identity


def signature(identity: str, at: int, body: bytes, key: bytes) -> str:
    """In base64, without the version before it."""
    signed = f"{identity}.{at}.".encode() + body
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
