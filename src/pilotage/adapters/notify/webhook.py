"""Any receiver: one JSON document a message, signed as Standard Webhooks 1.0 says.

`webhook-id` is the message's key and the same at every try, so the receiver can drop what it has; the signature is over
id, time and body (https://www.standardwebhooks.com).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from typing import TYPE_CHECKING

import msgspec

from pilotage.adapters.notifier import Delivery
from pilotage.adapters.outgoing import Undelivered, post
from pilotage.adapters.secrets import resolve
from pilotage.model.event_names import type_today
from pilotage.model.json import JsonObject
from pilotage.model.message import Message
from pilotage.model.output.published import WebhookData, WebhookOutput
from pilotage.model.text import line, plain
from pilotage.model.timestamp import timestamp

if TYPE_CHECKING:
    from pilotage.adapters.notify.sections import WebhookSection

_TEXT = 100_000


class Webhook:
    def __init__(self, section: WebhookSection) -> None:
        self._section = section

    def send(self, delivery: Delivery) -> JsonObject:
        message = delivery.message
        content = msgspec.json.encode(document(message))
        identity, now = identity_of(message), int(time.time())
        headers = {
            "Content-Type": "application/json",
            "webhook-id": identity,
            "webhook-timestamp": str(now),
            "webhook-signature": signature(resolve(self._section.secret).reveal(), identity, now, content),
        }
        post(self._section.url, content, headers, private=self._section.allow_private_network)
        return {"id": identity}


def identity_of(message: Message) -> str:
    """An id without dots, which the signature uses as separators."""
    return f"msg_{hashlib.sha256(message.key.encode()).hexdigest()[:32]}"


def document(message: Message) -> WebhookOutput:
    """`{type, timestamp, data}`, thin enough to be read by anyone."""
    return WebhookOutput(
        type=f"pilotage.{type_today(message.type).replace('-', '_')}",
        timestamp=timestamp(message.at),
        data=WebhookData(
            key=message.key,
            rollout=message.thread,
            service=message.service,
            environment=message.environment,
            version=line(message.version, 200),
            stable_version=line(message.old, 200),
            severity=message.severity.value,
            title=line(message.title, 300),
            text=plain(message.text, _TEXT),
            audience=message.audience,
            kind=message.kind,
            final=message.final,
            facts={line(label, 40): plain(value, 2000) for label, value in message.facts},
        ),
    )


def signature(secret: str, identity: str, at: int, content: bytes) -> str:
    """`v1,` and the base64 of HMAC-SHA256 over "id.timestamp.body". Raises Undelivered for an invalid secret."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        raise Undelivered("the secret is not whsec_ and base64", permanent=True) from None
    digest = hmac.new(key, f"{identity}.{at}.".encode() + content, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"
