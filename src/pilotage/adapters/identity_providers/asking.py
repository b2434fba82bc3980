"""Requests to identity providers: JSON both ways, and PKCE (RFC 7636)."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from pilotage.adapters.identity_providers.provider import IdentityNotProven, ProviderDown
from pilotage.adapters.outgoing import Undelivered, send
from pilotage.model.json import Json, JsonObject

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def get_json(url: str, *, token: str = "", private: bool = False) -> Json:
    """Raises ProviderDown."""
    headers = {"Accept": "application/json", "User-Agent": "pilotage"}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    return _parsed(url, _sent("GET", url, b"", headers, private))


def post_form(url: str, fields: Mapping[str, str], headers: Mapping[str, str], *, private: bool = False) -> JsonObject:
    """Raises ProviderDown, and IdentityNotProven where the provider refuses what is sent."""
    own = {
        "Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded", "User-Agent": "pilotage",
        **headers,
    }  # fmt: skip
    try:
        found = _parsed(url, _sent("POST", url, urlencode(fields).encode(), own, private))
    except ProviderDown as error:
        if isinstance(error.__cause__, Undelivered) and error.__cause__.permanent:
            raise IdentityNotProven(f"the provider refuses the code: {error}") from None
        raise
    return object_of(found, url)


def object_of(found: Json, url: str) -> JsonObject:
    if not isinstance(found, Mapping):
        raise ProviderDown(f"{_host(url)} answered with something else than an object")
    return found


def challenge(verifier: str) -> str:
    """S256 of RFC 7636."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def is_safe(url: object) -> bool:
    """Whether a secret may be sent there: HTTPS, or this machine."""
    if not isinstance(url, str):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)


def _sent(method: str, url: str, body: bytes, headers: Mapping[str, str], private: bool) -> bytes:
    try:
        return send(method, url, body, headers, private=private).body
    except Undelivered as error:
        raise ProviderDown(str(error)) from error


def _parsed(url: str, body: bytes) -> Json:
    try:
        found: Json = json.loads(body)
    except ValueError:
        raise ProviderDown(f"{_host(url)} answered with something else than JSON") from None
    return found


def _host(url: str) -> str:
    return urlsplit(url).netloc
