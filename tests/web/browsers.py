"""Browsers of people who sign in: forms as they submit them, the cookies that they keep, and an authenticator."""

from __future__ import annotations

import hashlib
import html
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fido2.cose import ES256
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import (
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)

from tests.web.site import Client, Got, Served

GOOD = "purple otter lamp nine"


@dataclass
class Browser:
    """Keeps cookies, and fills the forms of the page that it shows."""

    served: Served
    host: str = ""
    cookies: dict[str, str] = field(default_factory=dict)
    page: str = ""

    def get(self, path: str) -> Got:
        return self._ask("GET", path, None, {})

    def submit(self, path: str, **fields: str) -> Got:
        """The form with this action, with its hidden fields as the page has them."""
        form = urlencode({**self.hidden(path), **fields}).encode()
        return self._ask("POST", path, form, {"Content-Type": "application/x-www-form-urlencoded"})

    def hidden(self, action: str) -> Mapping[str, str]:
        found = re.search(rf'<form[^>]*action="{re.escape(action)}"[^>]*>(.*?)</form>', self.page, re.DOTALL)
        inputs = re.findall(r'<input type="hidden"([^>]*)>', found[1] if found else "")
        pairs = [(re.search(r'name="([^"]*)"', one), re.search(r'value="([^"]*)"', one)) for one in inputs]
        return {name[1]: html.unescape(value[1]) for name, value in pairs if name and value}

    def options(self, action: str) -> Any:
        """What the page asks the authenticator."""
        found = re.search(rf'action="{re.escape(action)}" data-passkey="([^"]*)"', self.page)
        assert found, "the page has no such form"
        return json.loads(html.unescape(found[1]))["publicKey"]

    def _ask(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Got:
        own = {"Sec-Fetch-Site": "same-origin"}
        if self.host:
            own["Host"] = self.host
        if self.cookies:
            own["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        got = Client(self.served).ask(method, path, body, {**own, **headers})
        for name, value in re.findall(r"(?:^|, )([\w-]+)=([^;,]*)", got.headers["set-cookie"]):
            self.cookies.pop(name, None)
            if value not in ("", '""'):
                self.cookies[name] = value
        if got.status != 303:
            self.page = got.text
        return got


@dataclass
class Authenticator:
    """A passkey in software: ES256, verifies its user."""

    rp: str
    origin: str
    id: bytes = field(default_factory=lambda: os.urandom(16))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    handle: bytes = b""
    count: int = 0

    def make(self, options: Any, flags: int = 0x45) -> str:
        """flags: user present, user verified, attested data."""
        self.handle = websafe_decode(options["user"]["id"])
        public = ES256.from_cryptography_key(self.key.public_key())  # type: ignore[no-untyped-call]
        data = self._data(flags, AttestedCredentialData.create(b"\0" * 16, self.id, public))
        attested = AttestationObject.create("none", data, {})
        client = CollectedClientData.create("webauthn.create", websafe_decode(options["challenge"]), self.origin)
        return self._answer({"clientDataJSON": client, "attestationObject": attested})

    def sign(self, options: Any, flags: int = 0x05) -> str:
        client = CollectedClientData.create("webauthn.get", websafe_decode(options["challenge"]), self.origin)
        data = self._data(flags, None)
        signature = self.key.sign(bytes(data) + client.hash, ec.ECDSA(SHA256()))
        return self._answer(
            {"clientDataJSON": client, "authenticatorData": data, "signature": signature, "userHandle": self.handle}
        )

    def _data(self, flags: int, attested: AttestedCredentialData | None) -> AuthenticatorData:
        made = AuthenticatorData.create(
            hashlib.sha256(self.rp.encode()).digest(), AuthenticatorData.FLAG(flags), self.count,
            bytes(attested) if attested else b"",
        )  # fmt: skip
        return AuthenticatorData(bytes(made))

    def _answer(self, response: Mapping[str, bytes]) -> str:
        shown = {name: websafe_encode(bytes(value)) for name, value in response.items()}
        own = websafe_encode(self.id)
        return json.dumps({"id": own, "rawId": own, "type": "public-key", "response": shown})
