"""Grafana: a rollout as a region over every dashboard, and its weights and verdicts as marks within it.

The first message of a rollout opens the region (`POST /api/annotations`). Each later one is a mark up to which the
region grows (`PATCH`), and the last one gives it the outcome. Every annotation carries a tag made of its message's key,
so after a crash Pilotage looks whether the last one arrived. Text is shown as HTML there, so it is escaped.
"""

from __future__ import annotations

import hashlib
import html
import json
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from pilotage.adapters.notifier import Delivery
from pilotage.adapters.outgoing import Undelivered, send
from pilotage.adapters.secrets import resolve
from pilotage.model.json import Json, JsonObject, find, optional, whole_at
from pilotage.model.message import Message
from pilotage.model.text import line, plain

if TYPE_CHECKING:
    from pilotage.adapters.notify.sections import GrafanaSection

_TEXT, _TAG = 2000, 60
"""Characters. Grafana keeps at most 500 of all tags together."""
_SCOPES = {
    "POST": "annotations:create", "PATCH": "annotations:write", "GET": "annotations:read",
}  # fmt: skip


class Grafana:
    def __init__(self, section: GrafanaSection) -> None:
        self._section = section

    def send(self, delivery: Delivery) -> JsonObject:
        message = delivery.message
        region = optional(whole_at, delivery.first, "region") if delivery.first else None
        found = self._arrived(message) if delivery.again else None
        if delivery.first is None:
            return {"region": self._add(message) if found is None else found, "tag": _key(message)}
        mark = self._add(message) if found is None else found
        if region is not None:
            self._extend(region, str(find(delivery.first, "tag")), message)
        return {"mark": mark}

    def _add(self, message: Message) -> int:
        """The number of a new annotation. Raises Undelivered."""
        where = {"dashboardUID": self._section.dashboard} if self._section.dashboard else {}
        content: JsonObject = {
            "time": _millis(message), **where, "tags": _tags(message), "text": _text(message),
            "data": {"pilotage": message.key},
        }  # fmt: skip
        answer = self._ask("POST", "/api/annotations", content)
        try:
            return whole_at(answer, "id")
        except ValueError:
            raise Undelivered("Grafana did not return the id of an annotation") from None

    def _extend(self, region: int, tag: str, message: Message) -> None:
        """Let the rollout's region reach to here, with its outcome at the end. A region that was deleted stays so."""
        outcome: JsonObject = {"text": _text(message), "tags": [*_tags(message)[:-1], tag]} if message.final else {}
        content: JsonObject = {"timeEnd": _millis(message), **outcome}
        try:
            self._ask("PATCH", f"/api/annotations/{region}", content)
        except Undelivered as error:
            if "answered 404" not in str(error):
                raise

    def _arrived(self, message: Message) -> int | None:
        """The number of the annotation of this message, if there is one."""
        around = {"from": _millis(message) - 1, "to": _millis(message) + 1, "limit": 10}
        asked = urlencode([("tags", _key(message)), *around.items()])
        answer = self._ask("GET", f"/api/annotations?{asked}")
        return optional(whole_at, answer, 0, "id")

    def _ask(self, method: str, path: str, content: JsonObject | None = None) -> Json:
        headers = {"Authorization": f"Bearer {resolve(self._section.token).reveal()}", "Accept": "application/json"}
        body = b"" if content is None else json.dumps(content, ensure_ascii=False).encode()
        if body:
            headers["Content-Type"] = "application/json"
        private = self._section.allow_private_network
        try:
            answer = send(method, f"{self._section.url.rstrip('/')}{path}", body, headers, private=private)
        except Undelivered as error:
            if "answered 403" in str(error):
                what = f"{error}: the token needs {_SCOPES[method]}, as a service account with the role Editor has"
                raise Undelivered(what, permanent=True) from None
            raise
        try:
            read: Json = json.loads(answer.body)
        except (ValueError, RecursionError):
            raise Undelivered("Grafana did not return JSON") from None
        return read


def _millis(message: Message) -> int:
    return int(message.at * 1000)


def _text(message: Message) -> str:
    facts = " · ".join(f"{name}: {value}" for name, value in message.facts if name != "plan")
    shown = html.escape(plain(f"{message.title}\n{message.text}\n{facts}", _TEXT), quote=False)
    return shown.strip()


def _key(message: Message) -> str:
    return f"pilotage-{hashlib.sha256(message.key.encode()).hexdigest()[:24]}"


def _tags(message: Message) -> list[Json]:
    place = [f"{name}:{line(value, _TAG)}" for name, value in _place(message)]
    return ["pilotage", *place, line(message.type, _TAG), _key(message)]


def _place(message: Message) -> list[tuple[str, str]]:
    return [("service", message.service), ("environment", message.environment), ("version", message.version)]
