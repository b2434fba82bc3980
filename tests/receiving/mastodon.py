"""A Mastodon server by its published API (https://docs.joinmastodon.org/methods/statuses): posting and reading.

It refuses what the real one refuses: no token, an empty or too long post, an unknown visibility.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ..receivers import Answer, Receiver, fine

ACCESS = "access-token-of-the-test"
_MOST = 500
_KNOWN = {"status", "visibility", "language", "sensitive", "spoiler_text", "in_reply_to_id", "media_ids", "poll"}


class MastodonApi(Receiver):
    """scopes: of the token · names: what messages are called, by their Idempotency-Key."""

    def __init__(self) -> None:
        super().__init__()
        self.scopes = {"write:statuses", "read:accounts", "read:statuses"}
        self._by_key: dict[str, dict[str, Any]] = {}
        self.keys: list[str] = []
        self.names: dict[str, str] = {}

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        parts = urlsplit(path)
        if headers.get("Authorization") != f"Bearer {ACCESS}":
            return _error(401, "The access token is invalid")
        match headers[":method"], parts.path:
            case "POST", "/api/v1/statuses":
                return self._post(headers, json.loads(body))
            case "GET", "/api/v1/accounts/verify_credentials" if "read:accounts" in self.scopes:
                return fine(_account(self.url))
            case "GET", "/api/v1/accounts/7/statuses" if "read:statuses" in self.scopes:
                limit = int(parse_qs(parts.query).get("limit", ["20"])[0])
                return fine(self.got[::-1][: min(limit, 40)])
            case "GET", _:
                return _error(403, "This action is outside the authorized scopes")
            case _:
                return _error(404, "Record not found")

    def _post(self, headers: Mapping[str, str], content: dict[str, Any]) -> Answer:
        text = content.get("status", "")
        if not text:
            return _error(422, "Validation failed: Text can't be blank")
        if len(text) > _MOST:
            return _error(422, f"Validation failed: Text character limit of {_MOST} exceeded")
        if content.get("visibility") not in ("public", "unlisted", "private", "direct") or set(content) - _KNOWN:
            return _error(422, "Validation failed")
        key = headers.get("Idempotency-Key", "")
        if key in self._by_key:
            self.repeated += 1
            return fine(self._by_key[key])
        paragraphs = html.escape(text, quote=False).split("\n\n")
        shown = "".join(f"<p>{one}</p>" for one in paragraphs).replace("\n", "<br />")
        number = str(100 + len(self.got))
        post = {
            "id": number, "created_at": datetime.now(UTC).isoformat(), "content": shown,
            "url": f"{self.url}/@shop/{number}",
            "uri": f"{self.url}/users/shop/statuses/{number}", "visibility": content["visibility"],
            "language": content.get("language"), "account": _account(self.url), "reblog": None, "mentions": [],
            "tags": [], "media_attachments": [], "emojis": [], "sensitive": False, "spoiler_text": "",
        }  # fmt: skip
        self.got.append(post)
        self._by_key[key] = post
        self.keys.append(key)
        return fine(post)

    def forget_keys(self) -> None:
        """An hour has passed."""
        self._by_key.clear()

    def told(self) -> list[str]:
        return [self.names.get(key, key) for key in self.keys]

    def shown(self) -> str:
        return "\n".join(html.unescape(one["content"]) for one in self.got)


def _account(url: str) -> dict[str, Any]:
    return {"id": "7", "username": "shop", "acct": "shop", "url": f"{url}/@shop", "display_name": "Shop"}


def _error(status: int, why: str) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps({"error": why}).encode()
