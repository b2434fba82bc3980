"""Saves a dashboard in Grafana, unless somebody changed it there.

`POST /api/dashboards/db` compares the version of the dashboard, which catches an edit between two calls. A digest in
the description catches one before: what Grafana has is then no longer what Pilotage wrote.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from urllib.parse import quote

from pilotage.adapters.outgoing import Undelivered, send
from pilotage.adapters.secrets import Secret
from pilotage.model.json import Json, JsonObject, find, list_at, object_at, optional, text_at

_WRITTEN = ("title", "tags", "panels", "templating", "annotations")
"""What Pilotage writes of a dashboard; the rest is Grafana's, such as the chosen time."""
_MARK = re.compile(r" \[([0-9a-f]{16})\]$")


class Edited(Undelivered):
    """Somebody changed the dashboard in Grafana."""


@dataclass(frozen=True, kw_only=True)
class GrafanaServer:
    """url: such as https://grafana.example.org · private: whether it may be in a private network."""

    url: str
    token: Secret
    private: bool = False

    def save(self, dashboard: JsonObject, folder: str, *, overwrite: bool) -> str:
        """Its address in Grafana. folder: its title; empty to leave the dashboard where it is. Raises Edited,
        Undelivered."""
        uid = text_at(dashboard, "uid")
        found = self._found(uid)
        there = object_at(found, "dashboard") if found is not None else None
        if there is not None and not overwrite and digest_in(there) != digest_of(there):
            raise _edited(uid)
        content: JsonObject = {
            "dashboard": {**_marked(dashboard), "id": None, "version": find(there, "version") or 0},
            "overwrite": overwrite, "message": "pilotage dashboard grafana --push",
        }  # fmt: skip
        kept = self._folder(folder) if folder else optional(text_at, found, "meta", "folderUid")
        if kept:
            content = {**content, "folderUid": kept}
        try:
            answer = self._ask("POST", "/api/dashboards/db", content)
        except Undelivered as error:
            if "answered 412" in str(error):
                raise _edited(uid) from None
            raise
        return f"{self.url.rstrip('/')}{optional(text_at, answer, 'url') or f'/d/{uid}'}"

    def _found(self, uid: str) -> Json:
        try:
            return self._ask("GET", f"/api/dashboards/uid/{quote(uid, safe='')}")
        except Undelivered as error:
            if "answered 404" in str(error):
                return None
            raise

    def _folder(self, title: str) -> str:
        """The uid of the folder, which is made where there is none."""
        for one in list_at(self._ask("GET", "/api/folders?limit=1000")):
            if find(one, "title") == title:
                return text_at(one, "uid")
        return text_at(self._ask("POST", "/api/folders", {"title": title}), "uid")

    def _ask(self, method: str, path: str, content: JsonObject | None = None) -> Json:
        headers = {"Authorization": f"Bearer {self.token.reveal()}", "Accept": "application/json"}
        body = b"" if content is None else json.dumps(content, ensure_ascii=False).encode()
        if body:
            headers["Content-Type"] = "application/json"
        try:
            answer = send(method, f"{self.url.rstrip('/')}{path}", body, headers, private=self.private)
            read: Json = json.loads(answer.body)
        except (ValueError, RecursionError):
            raise Undelivered("Grafana did not return JSON") from None
        except Undelivered as error:
            if "answered 403" in str(error):
                what = "the token needs dashboards:read, :create and :write; for --folder also folders:read and :create"
                raise Undelivered(f"{error}: {what}", permanent=True) from None
            raise
        return read


def digest_of(dashboard: JsonObject) -> str:
    """Of what Pilotage writes."""
    written = {name: dashboard.get(name) for name in _WRITTEN}
    return hashlib.sha256(json.dumps(written, sort_keys=True).encode()).hexdigest()[:16]


def digest_in(dashboard: JsonObject) -> str:
    """What Pilotage noted when it wrote it; empty where it did not."""
    found = _MARK.search(str(dashboard.get("description") or ""))
    return found[1] if found else ""


def _marked(dashboard: JsonObject) -> JsonObject:
    return {**dashboard, "description": f"{dashboard.get('description') or ''} [{digest_of(dashboard)}]"}


def _edited(uid: str) -> Edited:
    what = f"the dashboard {uid} was changed in Grafana"
    return Edited(f"{what}: keep the change by saving it under another name there, then push with --overwrite")
