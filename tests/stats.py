"""A team's own statistics as JSON, behind a token: what `queries: {kind: http}` reads."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from .receivers import Answer, Receiver


class Stats(Receiver):
    """rates: by version."""

    TOKEN: ClassVar[str] = "stats-token-of-the-test"

    def __init__(self) -> None:
        super().__init__()
        self.rates: dict[str, float] = {"new": 0.97, "old": 0.99}

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        if headers.get("Authorization") != f"Bearer {self.TOKEN}":
            return 401, {}, f"unknown token {headers.get('Authorization')}".encode()
        parts = urlsplit(path)
        if headers[":method"] == "POST":
            if headers.get("Content-Type") != "application/json":
                return 415, {}, b""
            self.got.append(json.loads(body))
            return _said({"hits": {"total": {"value": "12"}}, "updated_at": time.time()})
        asked = parse_qs(parts.query).get("version", list(self.rates))
        found = {"versions": [{"name": name, "rate": self.rates[name]} for name in asked if name in self.rates]}
        match parts.path:
            case "/api/stats":
                stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
                return _said({**found, "updated_at": stamp, "flag": True})
            case "/api/old":
                return _said({**found, "updated_at": int((time.time() - 900) * 1000)})
            case "/api/deep":
                return 200, {}, b"[" * 200_000
            case "/api/text":
                return 200, {}, b"<html>"
            case "/api/big":
                return 200, {}, b"1" * (5 << 20)
        return 404, {}, f"nothing at {parts.path} for {self.TOKEN}".encode()


def _said(content: dict[str, Any]) -> Answer:
    return 200, {"Content-Type": "application/json"}, json.dumps(content).encode()
