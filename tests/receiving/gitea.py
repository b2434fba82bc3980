"""A Gitea by its published OpenAPI document (https://gitea.com/api/swagger, version 1.24): issues and releases.

As the real one it shows 50 entries a page at most, open issues unless asked, and ignores labels that it does not know.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ..receivers import Answer, Receiver

ACCESS = "gitea-token-of-the-test"
_MOST = 50
_PLACE = "/api/v1/repos/acme/shop"
_OF_A_RELEASE = {"tag_name", "target_commitish", "name", "body", "draft", "prerelease", "tag_message"}


class GiteaApi(Receiver):
    """issues: as the API returns them · tags: of the repository · releases: by tag."""

    def __init__(self) -> None:
        super().__init__()
        self.issues: list[dict[str, Any]] = []
        self.tags: set[str] = set()
        self.releases: dict[str, dict[str, Any]] = {}
        self.writes = 0

    def opened(self, created: str, *labels: str, state: str = "open") -> None:
        """created: RFC 3339."""
        number = len(self.issues) + 1
        self.issues.append(
            {
                "id": number, "number": number, "title": f"issue {number}", "state": state, "created_at": created,
                "updated_at": created, "labels": [{"id": 1, "name": name, "color": "00aabb"} for name in labels],
                "pull_request": None,
            }
        )  # fmt: skip

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        if headers.get("Authorization") != f"token {ACCESS}":
            return _json(401, {"message": "token is required"})
        parts = urlsplit(path)
        method = headers[":method"]
        if not parts.path.startswith(_PLACE):
            return _json(404, {"message": "The target couldn't be found."})
        rest = parts.path.removeprefix(_PLACE)
        if method == "GET" and rest == "/issues":
            return self._listed(parse_qs(parts.query))
        if method == "GET" and rest.startswith("/releases/tags/"):
            found = self.releases.get(rest.removeprefix("/releases/tags/"))
            return _json(200, found) if found else _json(404, {"message": "The target couldn't be found."})
        if method == "POST" and rest == "/releases":
            return self._released(json.loads(body))
        if method == "PATCH" and rest.startswith("/releases/"):
            return self._edited(int(rest.removeprefix("/releases/")), json.loads(body))
        return _json(405, {"message": "method not allowed"})

    def _listed(self, asked: Mapping[str, list[str]]) -> Answer:
        state, kind = asked.get("state", ["open"])[0], asked.get("type", [""])[0]
        known = {label["name"] for one in self.issues for label in one["labels"]}
        labels = set(asked.get("labels", [""])[0].split(",")) & known
        since = asked.get("since", [""])[0]
        found = [
            one for one in self.issues
            if state in ("all", one["state"]) and labels <= {label["name"] for label in one["labels"]}
            and (not since or _moment(one["updated_at"]) >= _moment(since)) and kind in ("", "issues")
        ]  # fmt: skip
        limit = min(_MOST, int(asked.get("limit", ["30"])[0]))
        first = (int(asked.get("page", ["1"])[0]) - 1) * limit
        return _json(200, found[first : first + limit])

    def _released(self, content: dict[str, Any]) -> Answer:
        tag = content.get("tag_name")
        if not tag or set(content) - _OF_A_RELEASE:
            return _json(422, {"message": "[TagName]: Required"})
        if tag in self.releases:
            return _json(409, {"message": "Release is has no Tag"})
        if tag not in self.tags and not content.get("target_commitish"):
            return _json(404, {"message": "target_commitish is required"})
        self.writes += 1
        made = {"id": len(self.releases) + 1, "url": self.url, "html_url": f"{self.url}/r/{tag}", **content}
        self.releases[tag] = made
        return _json(201, made)

    def _edited(self, identity: int, content: dict[str, Any]) -> Answer:
        if set(content) - _OF_A_RELEASE:
            return _json(422, {"message": "unknown field"})
        found = next((one for one in self.releases.values() if one["id"] == identity), None)
        if found is None:
            return _json(404, {"message": "The target couldn't be found."})
        self.writes += 1
        found.update(content)
        return _json(200, found)


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _json(status: int, content: Any) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(content).encode()
