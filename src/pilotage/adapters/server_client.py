"""Requests to a Pilotage server: JSON, and answers that come a line at a time for as long as a command runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError, ProtocolError

from pilotage.adapters.http import json_of
from pilotage.adapters.ports import AdapterError
from pilotage.model.errors import PilotageError
from pilotage.model.json import Json, find

_CONNECT = 10.0
_SILENCE = 60.0
"""Seconds without a byte. A server gives a sign of life every ten."""
_LONGEST_LINE = 64 << 20


class Refused(PilotageError):
    """The server refuses the request. status: of HTTP · exit_status, code_there: that the server names."""

    code = "server-refused"

    def __init__(self, sentence: str, status: int, exit_status: int, code: str = "") -> None:
        super().__init__(sentence)
        self.code_there = code
        self.status, self.exit_status = status, exit_status  # type: ignore[misc]  # declared for the class


class ConnectionLost(AdapterError):
    """The server was reached, and its answer did not come whole: it may have carried out the request."""


class ServerClient:
    """Of one server. token: sent with each request, and with a redirect to nobody."""

    def __init__(self, url: str, token: str, certificates: str | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise AdapterError(f"{url!r} is not the address of a server, such as https://releases.example.com")
        self.url = url.rstrip("/")
        timeout = urllib3.Timeout(connect=_CONNECT, read=_SILENCE)
        self._pool = urllib3.PoolManager(timeout=timeout, retries=False, ca_certs=certificates)
        self._headers = {"User-Agent": "pilotage"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def post(self, path: str, content: Json) -> Json:
        """Raises Refused, AdapterError."""
        with self._answer(path, content) as answer:
            try:
                return json_of(answer.read(), self.url)
            except HTTPError as error:
                raise AdapterError(f"{self.url} ended its answer early: {error}") from None

    def lines(self, path: str, content: Json, key: str = "") -> Iterator[bytes]:
        """Each line as it comes. key: under which the server carries it out once, however often it is asked. Raises
        Refused, ConnectionLost, AdapterError."""
        with self._answer(path, content, {"Idempotency-Key": key} if key else {}) as answer:
            rest = b""
            try:
                for chunk in answer.stream(1 << 16):
                    *whole, rest = (rest + chunk).split(b"\n")
                    yield from whole
                    if len(rest) > _LONGEST_LINE:
                        raise AdapterError(f"{self.url} sent a line of more than {_LONGEST_LINE:,} bytes")
            except HTTPError as error:
                raise ConnectionLost(f"{self.url} ended its answer early: {error}") from None

    def _answer(
        self, path: str, content: Json, more: Mapping[str, str] = MappingProxyType({})
    ) -> urllib3.BaseHTTPResponse:  # fmt: skip
        headers = {**self._headers, **more}
        try:
            answer = self._pool.request(
                "POST", self.url + path, json=content, headers=headers, redirect=False, preload_content=False
            )
        except ProtocolError as error:
            raise ConnectionLost(f"{self.url} does not answer: {error}") from None
        except HTTPError as error:
            raise AdapterError(f"{self.url} does not answer: {error}") from None
        if answer.status >= 300:
            with answer:
                raise self._refused(answer)
        return answer

    def _refused(self, answer: urllib3.BaseHTTPResponse) -> PilotageError:
        try:
            body = answer.read()
        except HTTPError:
            body = b""
        if not answer.headers.get("content-type", "").startswith("application/problem+json"):
            return AdapterError(f"{self.url} answered {answer.status}: is it the address of a Pilotage server?")
        problem = json_of(body, self.url)
        status = find(problem, "exit_status")
        code = str(find(problem, "code") or "")
        return Refused(str(find(problem, "detail")), answer.status, status if isinstance(status, int) else 1, code)
