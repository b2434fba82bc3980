"""PagerDuty, Events API v2: trigger, acknowledge and resolve under one dedup key a rollout.

An event that comes twice with the same key and action changes nothing there, so a repetition is no second incident.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pilotage.adapters.notifier import Delivery
from pilotage.adapters.outgoing import post
from pilotage.adapters.secrets import resolve
from pilotage.model.json import Json, JsonObject
from pilotage.model.message import Message
from pilotage.model.text import line, plain

if TYPE_CHECKING:
    from pilotage.adapters.notify.sections import PagerDutySection

_SUMMARY, _KEY = 1024, 255


class PagerDuty:
    def __init__(self, section: PagerDutySection) -> None:
        self._section = section

    def send(self, delivery: Delivery) -> JsonObject:
        content = event(delivery.message, resolve(self._section.routing_key).reveal())
        post(
            self._section.url, json.dumps(content).encode(), {"Content-Type": "application/json"},
            private=self._section.allow_private_network,
        )  # fmt: skip
        return {"dedup_key": content["dedup_key"]}


def event(message: Message, routing_key: str) -> JsonObject:
    made: dict[str, Json] = {
        "routing_key": routing_key,
        "event_action": message.incident.value,
        "dedup_key": f"pilotage/{message.thread}"[:_KEY],
        "client": "Pilotage",
    }
    made["payload"] = {
        "summary": f"{line(message.title, 200)}: {line(message.text, _SUMMARY - 210)}",
        "source": f"{message.service}/{message.environment}",
        "severity": message.severity.value if message.severity.value in ("critical", "warning", "info") else "info",
        "timestamp": datetime.fromtimestamp(message.at, UTC).isoformat(timespec="milliseconds"),
        "component": message.service,
        "group": message.environment,
        "class": message.type,
        "custom_details": {line(label, 40): plain(value, 2000) for label, value in message.facts}
        | {"key": message.key},
    }
    return made
