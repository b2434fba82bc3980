"""Proves that a message comes from who has the secret: as GitHub, GitLab and Standard Webhooks sign, or by a header.

Signatures are verified over the bytes as they came, before anything reads them, in a time that tells nothing.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from pilotage.adapters.ports import AdapterError
from pilotage.adapters.standard_webhooks import BadSignature, key_of, verify

_LONGEST_ID = 200


@dataclass(frozen=True, kw_only=True)
class Proven:
    """delivery: the sender's id of the message, the same when it is sent again; empty where there is none · event: what
    kind of message the sender says it is."""

    delivery: str
    event: str


def prove(
    kind: str, secret: str, header: str, headers: Mapping[str, str], body: bytes, now: float
) -> Proven:  # fmt: skip
    """headers: by name in lower case. Raises BadSignature, and AdapterError for a secret that is none."""
    match kind:
        case "github":
            # https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries
            expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
            _same(expected, headers.get("x-hub-signature-256", ""), "X-Hub-Signature-256")
            # X-GitHub-Delivery is not signed; a body that is sent again is the same, and no other is.
            event = headers.get("x-github-event", "")[:_LONGEST_ID]
            return Proven(delivery=hashlib.sha256(body).hexdigest(), event=event)
        case "gitlab":
            # https://docs.gitlab.com/user/project/integrations/webhooks/
            _same(secret, headers.get("x-gitlab-token", ""), "X-Gitlab-Token")
            delivery = "idempotency-key" if "idempotency-key" in headers else "x-gitlab-event-uuid"
            return _proven(headers, delivery, "x-gitlab-event")
        case "signed":
            return Proven(delivery=verify(headers, body, key_of(secret), now), event="")
        case "token":
            name = header or "authorization"
            _same(secret if header else f"Bearer {secret}", headers.get(name.lower(), ""), name)
            # Registries number nothing; the same bytes are the same message.
            return Proven(delivery=hashlib.sha256(body).hexdigest(), event="")
        case _:
            raise AdapterError(f"no message is proven by {kind!r}")


def _same(expected: str, given: str, name: str) -> None:
    if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "surrogateescape")):
        raise BadSignature(f"{name} is missing or wrong")


def _proven(headers: Mapping[str, str], delivery: str, event: str) -> Proven:
    return Proven(delivery=headers.get(delivery, "")[:_LONGEST_ID], event=headers.get(event, "")[:_LONGEST_ID])
