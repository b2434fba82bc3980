"""A post on a Mastodon server: POST /api/v1/statuses with an Idempotency-Key (https://docs.joinmastodon.org/methods/statuses).

The server returns the same post for the same key within an hour. For a later retry the account's newest posts are read
first, where the token may.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
from typing import TYPE_CHECKING

from pilotage.adapters.notifier import Delivery
from pilotage.adapters.outgoing import Undelivered, send
from pilotage.adapters.secrets import resolve
from pilotage.model.json import Json, JsonObject, WrongJson, each, object_at, text_at
from pilotage.model.text import plain

if TYPE_CHECKING:
    from pilotage.adapters.notify.publishing import MastodonSection

_TAG = re.compile(r"<[^<>]*>")
_BREAK = re.compile(r"<br\s*/?>|</p>\s*<p>")


class Mastodon:
    def __init__(self, section: MastodonSection) -> None:
        self._section = section

    def send(self, delivery: Delivery) -> JsonObject:
        text = plain(delivery.message.text.strip() or delivery.message.title, self._section.most_characters)
        if delivery.again and (found := self._already(text)):
            return found
        content: dict[str, Json] = {"status": text, "visibility": self._section.visibility}
        if self._section.language:
            content["language"] = self._section.language
        key = hashlib.sha256(delivery.message.key.encode()).hexdigest()
        return _receipt(self._ask("POST", "statuses", json.dumps(content).encode(), {"Idempotency-Key": key}))

    def _already(self, text: str) -> JsonObject | None:
        """The receipt of the post, if the account has it; None also where the token must not read."""
        try:
            account = text_at(self._ask("GET", "accounts/verify_credentials"), "id")
            newest = self._ask("GET", f"accounts/{account}/statuses?limit=40&exclude_reblogs=true")
            return next((_receipt(one) for one in each(object_at, newest) if _same(one, text)), None)
        except Undelivered as error:
            if error.permanent:
                return None
            raise
        except WrongJson:
            return None

    def _ask(self, method: str, path: str, body: bytes = b"", headers: JsonObject | None = None) -> Json:
        sent = {
            "Authorization": f"Bearer {resolve(self._section.token).reveal()}",
            "Content-Type": "application/json",
            **{name: str(value) for name, value in (headers or {}).items()},
        }
        url = f"{self._section.url.rstrip('/')}/api/v1/{path}"
        answer = send(method, url, body, sent, private=self._section.allow_private_network)
        try:
            found: Json = json.loads(answer.body)
        except ValueError:
            raise Undelivered("the server's response is not JSON") from None
        return found


def _receipt(post: Json) -> JsonObject:
    try:
        return {"id": text_at(post, "id"), "url": str(object_at(post).get("url") or "")}
    except WrongJson:
        raise Undelivered("the server's response is not a post") from None


def _same(post: JsonObject, text: str) -> bool:
    """Whether a post, whose content is HTML, says the text."""
    shown = html.unescape(_TAG.sub("", _BREAK.sub(" ", str(post.get("content") or ""))))
    return shown.split() == text.split()
