"""A Grafana as its HTTP API documents it: annotations, dashboards and folders, with roles, versions and limits.

https://grafana.com/docs/grafana/latest/developers/http_api/annotations/ and …/dashboard/. Tags of an annotation have at
most 500 characters as JSON (`[annotations] tags_length`); a dashboard is saved over the version that it names, or not.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from .receivers import Answer, Receiver

TOKEN, VIEWER = "glsa_editor-token-of-the-test", "glsa_viewer-token-of-the-test"
_ANNOTATION = {"dashboardUID", "panelId", "time", "timeEnd", "tags", "text", "data"}
_PATCH = {"time", "timeEnd", "tags", "text", "data"}


class Grafana(Receiver):
    """annotations: by number · dashboards: by uid · folders: title by uid."""

    def __init__(self) -> None:
        super().__init__()
        self.annotations: dict[int, dict[str, Any]] = {}
        self.dashboards: dict[str, dict[str, Any]] = {}
        self.folders: dict[str, str] = {}
        self._next = 1

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        method, parts = headers[":method"], urlsplit(path)
        token = headers.get("Authorization", "")
        if token not in (f"Bearer {TOKEN}", f"Bearer {VIEWER}"):
            return _said(401, {"message": "Invalid API key"})
        if method != "GET" and token != f"Bearer {TOKEN}":
            wanted = "annotations:create" if method == "POST" else "annotations:write"
            return _said(403, {"message": f"You'll need additional permissions: {wanted}", "title": "Access denied"})
        if body and headers.get("Content-Type") != "application/json":
            return _said(415, {"message": "bad request data"})
        content: Any = json.loads(body) if body else {}
        asked = parse_qs(parts.query)
        match method, parts.path.strip("/").split("/")[1:]:
            case "POST", ["annotations"]:
                return self._annotated(content)
            case "PATCH", ["annotations", number]:
                return self._patched(int(number), content)
            case "GET", ["annotations"]:
                return self._found(asked)
            case "POST", ["dashboards", "db"]:
                return self._saved(content)
            case "GET", ["dashboards", "uid", uid]:
                return self._shown(uid)
            case "GET", ["folders"]:
                return _said(200, [{"id": 1, "uid": uid, "title": title} for uid, title in self.folders.items()])
            case "POST", ["folders"]:
                self.folders[f"f{len(self.folders)}"] = content["title"]
                return _said(200, {"uid": f"f{len(self.folders) - 1}", "title": content["title"]})
        return _said(404, {"message": "Not found"})

    # ── annotations ────────────────────────────────────────────────────────────────────────────────────────

    def _annotated(self, content: dict[str, Any]) -> Answer:
        if wrong := _wrong(content, _ANNOTATION) or ("" if content.get("text") else "text field should not be empty"):
            return _said(400, {"message": wrong})
        number, self._next = self._next, self._next + 1
        self.annotations[number] = {"id": number, **content, "timeEnd": content.get("timeEnd", content["time"])}
        return _said(200, {"message": "Annotation added", "id": number})

    def _patched(self, number: int, content: dict[str, Any]) -> Answer:
        if number not in self.annotations:
            return _said(404, {"message": "Could not find annotation to update"})
        if wrong := _wrong({"time": self.annotations[number]["time"], **content}, _PATCH):
            return _said(400, {"message": wrong})
        self.annotations[number].update(content)
        return _said(200, {"message": "Annotation patched"})

    def _found(self, asked: dict[str, list[str]]) -> Answer:
        begin, end = int(asked["from"][0]), int(asked["to"][0])
        found = [
            one
            for one in self.annotations.values()
            if set(asked.get("tags", ())) <= set(one["tags"]) and one["time"] <= end and one["timeEnd"] >= begin
        ]
        return _said(200, found[: int(asked.get("limit", ["100"])[0])])

    # ── dashboards ─────────────────────────────────────────────────────────────────────────────────────────

    def _saved(self, content: dict[str, Any]) -> Answer:
        given = content["dashboard"]
        there = self.dashboards.get(given.get("uid", ""))
        if unknown := set(content) - {"dashboard", "folderUid", "message", "overwrite"}:
            return _said(400, {"message": f"bad request data: {unknown}"})
        if content.get("folderUid") and content["folderUid"] not in self.folders:
            return _said(400, {"message": "folder not found"})
        if there and not content.get("overwrite") and there["dashboard"]["version"] != given.get("version"):
            said = {"status": "version-mismatch", "message": "The dashboard has been changed by someone else"}
            return _said(412, said)
        saved = copy.deepcopy(given)
        saved |= {"id": self._next, "version": there["dashboard"]["version"] + 1 if there else 1}
        self._next += 1
        self.dashboards[given["uid"]] = {"dashboard": saved, "folderUid": content.get("folderUid", "")}
        url = f"/d/{given['uid']}/x"
        return _said(200, {"uid": given["uid"], "url": url, "status": "success", "version": saved["version"], "id": 1})

    def _shown(self, uid: str) -> Answer:
        if uid not in self.dashboards:
            return _said(404, {"message": "Dashboard not found"})
        found = self.dashboards[uid]
        meta = {"folderUid": found["folderUid"], "version": found["dashboard"]["version"], "provisioned": False}
        return _said(200, {"dashboard": found["dashboard"], "meta": meta})

    def edited(self, uid: str) -> None:
        """Somebody saves the dashboard in their browser."""
        self.dashboards[uid]["dashboard"]["version"] += 1

    def told(self) -> list[str]:
        return [one["data"]["pilotage"] for one in self.annotations.values()]

    def shown(self) -> str:
        return json.dumps(list(self.annotations.values()), ensure_ascii=False)


def _wrong(content: dict[str, Any], known: set[str]) -> str:
    begin, end = content.get("time"), content.get("timeEnd", content.get("time"))
    tags = content.get("tags", [])
    if set(content) - known or not isinstance(begin, int) or not isinstance(end, int):
        return "bad request data"
    if begin < 1e12 or end < begin:
        return "timeEnd is before time"
    if not all(isinstance(one, str) for one in tags) or len(json.dumps(tags, ensure_ascii=False).encode()) > 500:
        return "tags length exceeds the maximum allowed"
    return ""


def _said(status: int, content: Any) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(content).encode()
