"""CDEvents 0.5.1 over HTTP: services deployed, upgraded, rolled back; incidents detected and resolved.

The vocabulary is https://cdevents.dev; the transport is the HTTP binding of CloudEvents 1.0 in binary mode. An event's
id is the message's key, so receivers recognise duplicates. Transitions without a CDEvents type are not sent.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from pilotage.adapters.notifier import Delivery
from pilotage.adapters.outgoing import post
from pilotage.adapters.secrets import resolve
from pilotage.model.json import JsonObject, entries, text_at
from pilotage.model.message import Incident, Message
from pilotage.model.text import line, plain

if TYPE_CHECKING:
    from pilotage.adapters.notify.sections import CDEventsSection

_TEXT = 20_000
_SPEC = "0.5.1"
_VERSION = "0.3.0"
"""Of each of these event types in that specification."""


class CDEvents:
    def __init__(self, section: CDEventsSection) -> None:
        self._section = section

    def send(self, delivery: Delivery) -> JsonObject:
        sent = []
        for event in events(delivery.message, self._section.source):
            context = entries(text_at, event, "context")
            headers = {
                "Content-Type": "application/json", "ce-specversion": "1.0", "ce-id": context["id"],
                "ce-source": context["source"], "ce-type": context["type"], "ce-time": context["timestamp"],
                "ce-subject": quote(text_at(event, "subject", "id"), safe="/"),
            }  # fmt: skip
            if self._section.token:
                headers["Authorization"] = f"Bearer {resolve(self._section.token).reveal()}"
            content = json.dumps(event, ensure_ascii=False).encode()
            post(self._section.url, content, headers, private=self._section.allow_private_network)
            sent.append(context["id"])
        return {"ids": sent}


def events(message: Message, source: str) -> list[JsonObject]:
    """None, one or two: a rollback is a fact about the service and the end of an incident."""
    made = []
    if verb := _verb(message):
        content: JsonObject = {"environment": {"id": message.environment}, "artifactId": _artifact(message, verb)}
        made.append(_event(message, source, f"service.{verb}", message.service, content))
    if message.incident in (Incident.TRIGGER, Incident.RESOLVE):
        verb = "detected" if message.incident is Incident.TRIGGER else "resolved"
        content = {
            "description": plain(message.text, _TEXT), "environment": {"id": message.environment},
            "service": {"id": message.service}, "artifactId": _artifact(message, "deployed"),
        }  # fmt: skip
        made.append(_event(message, source, f"incident.{verb}", message.thread, content))
    return made


def _verb(message: Message) -> str:
    match message.type:
        case "completed":
            return "upgraded" if message.old else "deployed"
        case "rolled-back":
            return "rolledback"
        case _:
            return ""


def _artifact(message: Message, verb: str) -> str:
    """A package URL of what serves then (https://github.com/package-url/purl-spec)."""
    version = message.old if verb == "rolledback" and message.old else message.version
    return f"pkg:generic/{quote(message.service, safe='')}@{quote(version, safe='')}"


def _event(message: Message, source: str, name: str, subject: str, content: JsonObject) -> JsonObject:
    return {
        "context": {
            "specversion": _SPEC,
            "id": f"{message.key}/{name}",
            "source": source,
            "type": f"dev.cdevents.{name}.{_VERSION}",
            "timestamp": datetime.fromtimestamp(message.at, UTC).isoformat(timespec="milliseconds"),
            "chainId": message.thread,
        },
        "subject": {"id": subject, "source": source, "content": content},
        "customData": {"sentence": plain(message.text, _TEXT), "plan": line(dict(message.facts).get("plan", ""), 64)},
        "customDataContentType": "application/json",
    }
