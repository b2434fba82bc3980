"""Asks GitHub or GitLab who approved the requests that commits came with."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from urllib.parse import quote

from pilotage.adapters.http import get_status
from pilotage.adapters.ports import AdapterError
from pilotage.model.json import Json, WrongJson, list_at, text_at, whole_at

GITHUB, GITLAB = "https://api.github.com", "https://gitlab.com"


class CodeHost:
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
        except WrongJson as error:
            raise AdapterError(f"{self._base} did not return a list of reviews: {error}") from None

    def _of_github(self, commit: str) -> list[str]:
        place = f"{self._base}/repos/{quote(self._project)}"
        found: list[str] = []
        for request in list_at(self._json(f"{place}/commits/{commit}/pulls")):
            author = text_at(request, "user", "login")
            stands = dict[str, str]()
            number = whole_at(request, "number")
            for review in list_at(self._json(f"{place}/pulls/{number}/reviews?per_page=100")):
                if (state := text_at(review, "state")) != "COMMENTED":
                    stands[text_at(review, "user", "login")] = state
            found += [who for who, state in stands.items() if state == "APPROVED" and who != author]
        return found

    def _of_gitlab(self, commit: str) -> list[str]:
        place = f"{self._base}/api/v4/projects/{quote(self._project, safe='')}"
        found: list[str] = []
        for request in list_at(self._json(f"{place}/repository/commits/{commit}/merge_requests")):
            author = text_at(request, "author", "username")
            approved = self._json(f"{place}/merge_requests/{whole_at(request, 'iid')}/approvals")
            names = [text_at(one, "user", "username") for one in list_at(approved, "approved_by")]
            found += [name for name in names if name != author]
        return found

    def _json(self, url: str) -> Json:
        headers = {"Accept": "application/json"}
        if self._token:
            name, value = ("Authorization", f"Bearer {self._token}") if self._github else ("PRIVATE-TOKEN", self._token)
            headers[name] = value
        status, body = get_status(url, timeout=10.0, headers=headers)
        if status != 200:
            cure = "; the token may be missing or lack permissions" if status in (401, 403, 404) else ""
            raise AdapterError(f"{url} returned {status}{cure}")
        try:
            found: Json = json.loads(body)
        except (ValueError, RecursionError):
            raise AdapterError(f"{url} did not return JSON") from None
        return found
