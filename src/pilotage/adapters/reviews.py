"""Asks GitHub or GitLab who approved the requests that commits came with."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from pilotage.adapters.http import get_status
from pilotage.adapters.ports import AdapterError

GITHUB, GITLAB = "https://api.github.com", "https://gitlab.com"


class Hub:
    """One project at its host. token: never shown, and sent to `url` only."""

    def __init__(self, kind: str, project: str, url: str | None, token: str) -> None:
        self._github = kind == "github"
        self._base = (url or (GITHUB if self._github else GITLAB)).rstrip("/")
        self._project, self._token = project, token

    def approvals(self, commits: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
        """Commit → logins of those who approved its request, its author not among them. Raises AdapterError."""
        ask = self._of_github if self._github else self._of_gitlab
        try:
            return {commit: tuple(f"{login} (approved)" for login in ask(commit)) for commit in commits}
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            words = f"{type(error).__name__}: {error}"
            raise AdapterError(f"{self._base} answers with something that is no list of reviews: {words}") from None

    def _of_github(self, commit: str) -> list[str]:
        place = f"{self._base}/repos/{quote(self._project)}"
        found: list[str] = []
        for request in self._json(f"{place}/commits/{commit}/pulls"):
            author = request["user"]["login"]
            stands = dict[str, str]()
            for review in self._json(f"{place}/pulls/{request['number']}/reviews?per_page=100"):
                if review["state"] != "COMMENTED":
                    stands[review["user"]["login"]] = review["state"]
            found += [who for who, state in stands.items() if state == "APPROVED" and who != author]
        return found

    def _of_gitlab(self, commit: str) -> list[str]:
        place = f"{self._base}/api/v4/projects/{quote(self._project, safe='')}"
        found: list[str] = []
        for request in self._json(f"{place}/repository/commits/{commit}/merge_requests"):
            author = request["author"]["username"]
            approved = self._json(f"{place}/merge_requests/{request['iid']}/approvals")["approved_by"]
            found += [one["user"]["username"] for one in approved if one["user"]["username"] != author]
        return found

    def _json(self, url: str) -> Any:
        headers = {"Accept": "application/json"}
        if self._token:
            name, value = ("Authorization", f"Bearer {self._token}") if self._github else ("PRIVATE-TOKEN", self._token)
            headers[name] = value
        status, body = get_status(url, timeout=10.0, headers=headers)
        if status != 200:
            cure = "; the token may be missing or too weak" if status in (401, 403, 404) else ""
            raise AdapterError(f"{url} answered {status}{cure}")
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            raise AdapterError(f"{url} answered something that is not JSON") from None
