"""Whether a message comes from the help desk that it says it comes from, as each vendor signs.

Zendesk: https://developer.zendesk.com/documentation/webhooks/verifying/ · Intercom and Jira: the header X-Hub-Signature
of WebSub (https://www.w3.org/TR/websub/#signing-content), SHA-1 and SHA-256 · a token in a header, where nothing is
signed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from pilotage.adapters.standard_webhooks import STALE, BadSignature

_ZENDESK, _ZENDESK_TIME = "x-zendesk-webhook-signature", "x-zendesk-webhook-signature-timestamp"
_HUB = "x-hub-signature"

Verify = Callable[[Mapping[str, str], bytes, str, float], None]
"""`verify(headers, body, secret, now)`; headers: by name in lower case · now: Unix seconds. Raises BadSignature."""


def zendesk(headers: Mapping[str, str], body: bytes, secret: str, now: float) -> None:
    """Base64 of the HMAC-SHA256 of time and body."""
    at, given = headers.get(_ZENDESK_TIME, ""), headers.get(_ZENDESK, "")
    try:
        read = datetime.fromisoformat(at)
        moment = (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise BadSignature(f"{_ZENDESK_TIME} is missing or no time") from None
    if abs(now - moment) > STALE:
        raise BadSignature(f"{_ZENDESK_TIME} is too old or in the future")
    expected = base64.b64encode(hmac.new(secret.encode(), at.encode() + body, hashlib.sha256).digest())
    _compare(expected.decode(), given, _ZENDESK)


def hub(method: str) -> Verify:
    """`method=` and the hexadecimal HMAC of the body. It has no time, so only the message's id tells a repetition."""

    def verify(headers: Mapping[str, str], body: bytes, secret: str, _: float) -> None:
        expected = f"{method}={hmac.new(secret.encode(), body, method).hexdigest()}"
        _compare(expected, headers.get(_HUB, ""), _HUB)

    return verify


def token(header: str) -> Verify:
    """The secret itself, in a header."""

    def verify(headers: Mapping[str, str], _body: bytes, secret: str, _: float) -> None:
        _compare(secret, headers.get(header.lower(), ""), header)

    return verify


def _compare(expected: str, given: str, header: str) -> None:
    if not hmac.compare_digest(expected.encode(), given.encode()):
        raise BadSignature(f"{header} does not match")
