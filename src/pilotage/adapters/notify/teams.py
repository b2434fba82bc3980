"""Microsoft Teams: the webhook of a workflow takes an Adaptive Card; text blocks without Markdown, under 28 kB."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from pilotage.adapters.notify.text import line, plain
from pilotage.adapters.outgoing import post
from pilotage.adapters.secrets import resolve
from pilotage.model.message import Message, Severity

LIMIT = 27_000
"""Bytes; Teams refuses messages of about 28 kB."""

_COLOURS = {
    Severity.PROGRESS: "Default", Severity.INFO: "Accent", Severity.WARNING: "Warning", Severity.CRITICAL: "Attention",
}  # fmt: skip


class Teams:
    def __init__(self, section: Mapping[str, Any]) -> None:
        self._section = section

    def send(self, message: Message, first: Mapping[str, Any] | None, *, again: bool) -> dict[str, Any]:
        url = resolve(self._section["webhook"]).reveal()
        post(url, body(message), {"Content-Type": "application/json"}, private=self._section["private"])
        return {}


def body(message: Message) -> bytes:
    """The request's content, as much of the text as fits."""
    most = 20_000
    while True:
        made = json.dumps(card(message, most)).encode()
        if len(made) <= LIMIT or most < 100:
            return made
        most //= 2


def card(message: Message, most: int) -> dict[str, Any]:
    facts = [{"title": unmarked(line(l, 40)), "value": unmarked(line(v, 500))} for l, v in message.facts]  # noqa: E741
    content = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [
            {"type": "TextBlock", "text": unmarked(line(message.title, 200)), "weight": "Bolder", "size": "Medium",
             "color": _COLOURS[message.severity], "wrap": True},
            {"type": "TextBlock", "text": unmarked(plain(message.text, most)), "wrap": True},
            {"type": "FactSet", "facts": facts},
            {"type": "TextBlock", "text": unmarked(message.key), "isSubtle": True, "size": "Small", "wrap": True},
        ],
        "msteams": {"width": "Full"},
    }  # fmt: skip
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": content}
    return {"type": "message", "attachments": [attachment]}


def unmarked(text: str) -> str:
    """The text with everything literal that Adaptive Cards take for Markdown, or for a date and time function."""
    return re.sub(r"([\\`*_\[\]()#!~|>+\-{}])", r"\\\1", text)
