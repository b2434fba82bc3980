"""What Slack sends when someone presses a button or types a slash command. Only verified requests count.

A request is valid if its signature is Slack's over version, time and body (HMAC-SHA256 with the app's signing secret),
its time is within five minutes, and it is a POST of a form of at most 100 kB. Any other request, a slow one, or too
many at a time get a 4xx status or a closed connection, and occupy at most `_MOST_AT_ONCE` threads for `_PATIENCE`
seconds.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeAlias
from urllib.parse import parse_qs

from pilotage.adapters.bounded_server import BoundedServer
from pilotage.model.errors import Invalid
from pilotage.model.json import Json, JsonObject, list_at, object_at, optional, text_at, whole_at
from pilotage.model.text import clean, plain

MOST = 100_000
STALE = 300.0
_PATIENCE = 10.0
"""Seconds for a whole request and its answer."""
_MOST_AT_ONCE = 16
_LONGEST = 500
"""Characters of each text of a button or a command."""
_MOST_FIELDS = 40
"""Of a form; a slash command has some fifteen."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Immediate:
    """The answer to a slash command, shown to whoever typed it: Slack's markup, as JSON."""

    content: bytes


@dataclass(frozen=True, kw_only=True)
class Typed:
    """A slash command. user: Slack's id of the person · text: what follows the command, as it was typed."""

    user: str
    name: str
    text: str
    reply_to: str


@dataclass(frozen=True)
class Pressed:
    """user: Slack's id of the person · ask: approve, reject or abort · about: the event that it answers."""

    user: str
    name: str
    rollout: str
    ask: str
    about: int
    reply_to: str


class BadCallback(Invalid):
    """The request does not come from Slack, is too old, or is not one of Pilotage's buttons.

    status: the HTTP status of the answer.
    """

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def read(headers: Mapping[str, str], body: bytes, secret: str, now: float) -> Pressed:
    """The button that was pressed. Raises BadCallback."""
    return pressed_in(signed_form(headers, body, secret, now))


def signed_form(headers: Mapping[str, str], body: bytes, secret: str, now: float) -> Mapping[str, str]:
    """The form that Slack signed, each field once. Raises BadCallback."""
    given = {name.lower(): value for name, value in headers.items()}
    at, signature = given.get("x-slack-request-timestamp", ""), given.get("x-slack-signature", "")
    if (sent := _number(at)) is None or abs(now - sent) > STALE:
        raise BadCallback(401, "its timestamp is too old or in the future")
    expected = hmac.new(secret.encode(), b"v0:" + at.encode() + b":" + body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(f"v0={expected}".encode(), signature.encode()):
        raise BadCallback(401, "it is not signed with this secret")
    if given.get("content-type", "").partition(";")[0] != "application/x-www-form-urlencoded":
        raise BadCallback(415, "it is not a form")
    try:
        found = parse_qs(body.decode(), keep_blank_values=True, strict_parsing=True, max_num_fields=_MOST_FIELDS)
        return {name: value for name, (value,) in found.items()}
    except ValueError:
        raise BadCallback(400, "not a form of Slack's") from None


def pressed_in(form: Mapping[str, str]) -> Pressed:
    """The button of a form. Raises BadCallback."""
    try:
        return _pressed(object_at(json.loads(form["payload"])))
    except (ValueError, KeyError, RecursionError):
        raise BadCallback(400, "not a button of Pilotage") from None


def typed_in(form: Mapping[str, str]) -> Typed:
    """The slash command of a form. Raises BadCallback."""
    user, name, text = (form.get(field, "") for field in ("user_id", "user_name", "text"))
    reply_to = form.get("response_url", "")
    if not user or "command" not in form or max(map(len, (user, name, reply_to))) > _LONGEST:
        raise BadCallback(400, "not a slash command")
    return Typed(user=clean(user), name=clean(name), text=plain(text, _LONGEST), reply_to=clean(reply_to))


def _pressed(content: JsonObject) -> Pressed:
    """Raises ValueError."""
    (action,) = list_at(content, "actions")
    value: Json = json.loads(text_at(action, "value"))
    ask, about, rollout = text_at(value, "ask"), whole_at(value, "about"), text_at(value, "rollout")
    if content.get("type") != "block_actions" or ask not in ("approve", "reject", "abort"):
        raise ValueError
    identity, name = text_at(content, "user", "id"), optional(text_at, content, "user", "username") or ""
    reply_to = optional(text_at, content, "response_url") or ""
    if any(len(text) > _LONGEST for text in (identity, name, rollout, reply_to)):
        raise ValueError
    return Pressed(clean(identity), clean(name), clean(rollout), ask, about, reply_to)


def _number(text: str) -> int | None:
    """A whole number of a header; `isdigit` alone takes digits that `int` does not know, and thousands of them."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 12 else None


Take: TypeAlias = Callable[[Mapping[str, str], bytes], "tuple[int, str] | Immediate"]


def serve(host: str, port: int, take: Take) -> ThreadingHTTPServer:
    """A server that hands each POST to `take` and answers with its status and sentence, or with JSON. GET changes
    nothing."""

    class Handler(BaseHTTPRequestHandler):
        server_version, sys_version = "Pilotage", ""
        timeout = _PATIENCE

        def do_POST(self) -> None:
            length = _number(self.headers.get("Content-Length", ""))
            if length is None:
                return self._answer(411, "Content-Length is missing")
            if length > MOST:
                return self._answer(413, "too long")
            body = self.rfile.read(length)
            if len(body) < length:
                return self._answer(400, "the request is truncated")
            try:
                answer = take(dict(self.headers.items()), body)
            except Exception:
                _log.exception("processing the answer failed")
                answer = 500, "the answer could not be recorded: press again in a moment"
            if isinstance(answer, Immediate):
                return self._send(200, "application/json", answer.content)
            return self._answer(*answer)

        def do_GET(self) -> None:
            self._answer(405, "this address accepts requests from Slack only")

        def _answer(self, status: int, sentence: str) -> None:
            self._send(status, "text/plain", b"" if status == 200 else f"{sentence}\n".encode())

        def _send(self, status: int, kind: str, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """The handler finds out who may answer which request."""

    return BoundedServer((host, port), Handler, _MOST_AT_ONCE, _PATIENCE)
