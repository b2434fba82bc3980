"""One repository at GitHub, GitLab or Gitea (or Forgejo): its address, its token, and JSON from and to it.

Nothing here is sent twice by itself: a request that was answered by 502 may have been carried out. Whoever sets a
desired state passes the whole of it to `patiently`, which begins again by reading.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeVar
from urllib.parse import quote, urlencode

from pilotage.adapters.http import Answer, NoResponse, exchange
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.reviews import GITHUB, GITLAB
from pilotage.model.json import Json, list_at

HostKind = Literal["github", "gitlab", "gitea"]

_WAITS = 10.0
"""Seconds for an answer."""
_MOST_PAGES = 100
_TRIES = 5
_LONGEST_WAIT = 120.0
"""Seconds that a command waits for a code host to take more, in all."""
_AFTER_LIMIT = 60.0
"""Seconds to wait after a secondary rate limit without a time (docs.github.com, best practices for REST)."""

_T = TypeVar("_T")


class TryLater(AdapterError):
    """A code host is busy, limits how often it is asked, or did not answer. after: seconds that it asked for."""

    def __init__(self, sentence: str, after: float | None = None) -> None:
        super().__init__(sentence)
        self.after = after


class NotPermitted(AdapterError):
    """A code host does not let this token do that; the message says what to check."""


def patiently(act: Callable[[], _T]) -> _T:
    """The result of `act`, which is begun again while the code host says to try later: five times, within two minutes.
    act: sets a desired state, and begins by reading what is there. Raises AdapterError."""
    waited = 0.0
    for number in range(_TRIES):
        try:
            return act()
        except TryLater as error:
            wait = 2.0**number if error.after is None else error.after
            if number == _TRIES - 1 or waited + wait > _LONGEST_WAIT:
                raise
            time.sleep(wait)
            waited += wait
    raise AssertionError("the last try returns or raises")


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
        return self._asked("GET", self.address(path), (200,), absent)

    def account(self) -> Json:
        """The account that the token belongs to; None if it belongs to none, as the token of a GitHub app does. Raises
        AdapterError."""
        base = self.address("").partition("/repos/" if self.kind != "gitlab" else "/projects/")[0]
        return self._asked("GET", f"{base}/user", (200,), (401, 403, 404))

    def write(self, method: str, path: str, content: Json) -> Json:
        """Send JSON; returns what comes back. Raises AdapterError."""
        return self._asked(method, self.address(path), (200, 201), content=content)

    def _asked(
        self, method: str, address: str, good: tuple[int, ...], absent: tuple[int, ...] = (), content: Json = None
    ) -> Json:
        body, headers = b"", self._headers
        if content is not None:
            body, headers = json.dumps(content).encode(), {"Content-Type": "application/json", **headers}
        try:
            answer = exchange(method, address, _WAITS, headers, body)
        except NoResponse as error:
            raise TryLater(str(error)) from None
        if answer.status in absent and not _limited(answer):
            return None
        return _parsed(address, answer, good)

    def pages(self, path: str, **parameters: str) -> Iterator[Json]:
        """Every entry of a list that comes in pages. Raises AdapterError."""
        many = {"limit": "50"} if self.kind == "gitea" else {"per_page": "100"}
        for page in range(1, _MOST_PAGES + 1):
            found = list_at(self.read(f"{path}?{urlencode({**parameters, **many, 'page': str(page)})}"))
            yield from found
            if not found:
                return
        raise AdapterError(f"{self.address(path)} has more than {_MOST_PAGES} pages")


def _parsed(address: str, answer: Answer, good: tuple[int, ...]) -> Json:
    status = answer.status
    if status not in good:
        if status >= 500 or status in (408, 429) or _limited(answer):
            raise TryLater(f"{address} returned {status}: it is busy or limits requests", _wished(answer))
        if status in (401, 403, 404):
            raise NotPermitted(f"{address} returned {status}; the token may be missing or lack permissions")
        raise AdapterError(f"{address} returned {status}")
    try:
        found: Json = json.loads(answer.body)
    except (ValueError, RecursionError):
        raise AdapterError(f"{address} did not return JSON") from None
    return found


def _limited(answer: Answer) -> bool:
    """GitHub answers 403, too, where it limits how often it is asked."""
    if answer.status not in (403, 429):
        return False
    named = "retry-after" in answer.headers or answer.headers.get("x-ratelimit-remaining") == "0"
    return answer.status == 429 or named or b"secondary rate limit" in answer.body[:2_000]


def _wished(answer: Answer) -> float | None:
    """Seconds after which the host wants to be asked again; None if it does not say."""
    again, reset = answer.headers.get("retry-after", ""), answer.headers.get("x-ratelimit-reset", "")
    if again.isascii() and again.isdigit() and len(again) < 7:
        return float(again)
    if answer.headers.get("x-ratelimit-remaining") == "0" and reset.isascii() and reset.isdigit() and len(reset) < 12:
        return max(0.0, float(reset) - time.time())
    return _AFTER_LIMIT if _limited(answer) else None
