"""One repository at GitHub, GitLab or Gitea (or Forgejo): its address, its token, and JSON from and to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote, urlencode

from pilotage.adapters.http import get_status, send_json
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.reviews import GITHUB, GITLAB
from pilotage.model.json import Json, list_at

HostKind = Literal["github", "gitlab", "gitea"]

_WAITS = 10.0
"""Seconds for an answer."""
_MOST_PAGES = 100


@dataclass(frozen=True, kw_only=True)
class CodeRepository:
    """repository: owner/name, or GitLab's path · url: of a self-hosted server; Gitea always has one · token: sent to
    `url` only, and never shown."""

    kind: HostKind
    repository: str
    url: str | None
    token: str = field(default="", repr=False)

    def address(self, path: str) -> str:
        """The API's address of something in the repository, such as `/issues`."""
        base = (self.url or (GITHUB if self.kind == "github" else GITLAB)).rstrip("/")
        match self.kind:
            case "github":
                return f"{base}/repos/{quote(self.repository)}{path}"
            case "gitlab":
                return f"{base}/api/v4/projects/{quote(self.repository, safe='')}{path}"
            case "gitea":
                return f"{base}/api/v1/repos/{quote(self.repository)}{path}"

    @property
    def _headers(self) -> dict[str, str]:
        headers = {"Accept": "application/json"}
        if self.token and self.kind == "gitlab":
            headers["PRIVATE-TOKEN"] = self.token
        elif self.token:
            headers["Authorization"] = f"{'token' if self.kind == 'gitea' else 'Bearer'} {self.token}"
        return headers

    def read(self, path: str, absent: tuple[int, ...] = ()) -> Json:
        """What is at a path; None if the status is one of `absent`. Raises AdapterError."""
        address = self.address(path)
        status, body = get_status(address, timeout=_WAITS, headers=self._headers)
        if status in absent:
            return None
        return _parsed(address, status, body, (200,))

    def write(self, method: str, path: str, content: Json) -> Json:
        """Send JSON; returns what comes back. Raises AdapterError."""
        address = self.address(path)
        status, body = send_json(method, address, content, timeout=_WAITS, headers=self._headers)
        return _parsed(address, status, body, (200, 201))

    def pages(self, path: str, **parameters: str) -> Iterator[Json]:
        """Every entry of a list that comes in pages. Raises AdapterError."""
        many = {"limit": "50"} if self.kind == "gitea" else {"per_page": "100"}
        for page in range(1, _MOST_PAGES + 1):
            found = list_at(self.read(f"{path}?{urlencode({**parameters, **many, 'page': str(page)})}"))
            yield from found
            if not found:
                return
        raise AdapterError(f"{self.address(path)} has more than {_MOST_PAGES} pages")


def _parsed(address: str, status: int, body: bytes, good: tuple[int, ...]) -> Json:
    if status not in good:
        cure = "; the token may be missing or lack permissions" if status in (401, 403, 404) else ""
        raise AdapterError(f"{address} returned {status}{cure}")
    try:
        found: Json = json.loads(body)
    except (ValueError, RecursionError):
        raise AdapterError(f"{address} did not return JSON") from None
    return found
