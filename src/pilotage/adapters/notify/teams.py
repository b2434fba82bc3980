"""Microsoft Teams: the webhook of a workflow takes an Adaptive Card; runs of text without Markdown, under 28 kB."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pilotage.adapters.notifier import Delivery
from pilotage.adapters.outgoing import post
from pilotage.adapters.secrets import resolve
from pilotage.model.json import Json, JsonObject
from pilotage.model.message import Message, Severity
from pilotage.model.text import line, plain

if TYPE_CHECKING:
    from pilotage.adapters.notify.sections import TeamsSection

LIMIT = 27_000
"""Bytes; Teams refuses messages of about 28 kB."""

_COLOURS = {
    Severity.PROGRESS: "Default", Severity.INFO: "Accent", Severity.WARNING: "Warning", Severity.CRITICAL: "Attention",
}  # fmt: skip


class Teams:
    def __init__(self, section: TeamsSection) -> None:
        self._section = section

    def send(self, delivery: Delivery) -> JsonObject:
        url = resolve(self._section.webhook_url).reveal()
        post(
            url,
            body(delivery.message),
            {"Content-Type": "application/json"},
            private=self._section.allow_private_network,
        )
        return {}


def body(message: Message) -> bytes:
    """The request's content, as much of the text as fits."""
    most = 20_000
    while True:
        made = json.dumps(card(message, most)).encode()
        if len(made) <= LIMIT or most < 100:
            return made
        most //= 2


def card(message: Message, most: int) -> JsonObject:
    content: JsonObject = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [
            literal(line(message.title, 200), weight="Bolder", size="Medium", color=_COLOURS[message.severity]),
            literal(plain(message.text, most)),
            *(literal(line(value, 500), line(label, 40)) for label, value in message.facts),
            literal(message.key, isSubtle=True, size="Small"),
        ],
        "msteams": {"width": "Full"},
    }
    attachment: JsonObject = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": content,
    }
    return {"type": "message", "attachments": [attachment]}


def literal(text: str, label: str = "", **look: Json) -> JsonObject:
    """A block of runs, in which neither Markdown nor date functions mean anything (Adaptive Cards 1.2, TextRun)."""
    runs: list[JsonObject] = [{"type": "TextRun", "text": f"{label}: ", "weight": "Bolder"}] if label else []
    runs.append({"type": "TextRun", "text": text or "–", **look})
    block: JsonObject = {"type": "RichTextBlock", "inlines": runs}
    return {**block, "spacing": "Small"} if label else block
