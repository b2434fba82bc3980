"""An OpenID Connect provider on a socket that tells the truth, or one lie at a time."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey
from joserfc.util import urlsafe_b64encode

from pilotage.adapters.identity_providers import oidc
from pilotage.adapters.identity_providers.asking import challenge

CLIENT, SECRET = "pilotage", "a client secret"


@dataclass
class Liar:
    """claims: what the id-token says besides the truth; None removes a claim · signs: with this key · about: changes of
    the discovery document · seen: requests to the token endpoint."""

    port: int = 0
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, parameters={"kid": "one"}))
    signs: Any = None
    header: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    seen: list[dict[str, str]] = field(default_factory=list)

    @property
    def issuer(self) -> str:
        return f"http://localhost:{self.port}"

    def come_back(self, address: str) -> dict[str, str]:
        """The browser signs in at the provider; the parameters that it brings back."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        code = secrets.token_urlsafe(8)
        self.codes[code] = asked
        return {"code": code, "state": asked["state"]}

    def answer(self, path: str, body: dict[str, str]) -> tuple[int, Any]:
        if path == "/.well-known/openid-configuration":
            return 200, {
                "issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token", "jwks_uri": f"{self.issuer}/keys",
                "userinfo_endpoint": f"{self.issuer}/userinfo", **self.about,
            }  # fmt: skip
        if path == "/keys":
            return 200, {"keys": [self.key.as_dict(private=False), {"kty": "AKP", "kid": "of tomorrow"}]}
        if path == "/userinfo":
            return 200, {"sub": "ada-1", **self.userinfo}
        self.seen.append(body)
        asked = self.codes.pop(body.get("code", ""), None)
        if path != "/token" or asked is None or challenge(body["code_verifier"]) != asked["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        return 200, {"access_token": "opaque", "token_type": "Bearer", "id_token": self.token(asked["nonce"])}

    def token(self, nonce: str) -> str:
        now = int(time.time())
        honest = {
            "iss": self.issuer, "aud": CLIENT, "sub": "ada-1", "exp": now + 300, "iat": now, "nonce": nonce,
            "preferred_username": "ada", "email": "ada@example.org", "email_verified": True,
            "groups": ["engineering", "release"],
        }  # fmt: skip
        claims = {name: value for name, value in {**honest, **self.claims}.items() if value is not None}
        header = {"alg": "RS256", "kid": "one", **self.header}
        if header["alg"] in ("none", "HS256"):
            text = ".".join(_encoded(json.dumps(one).encode()) for one in (header, claims))
            # The classic confusion: the public key taken for a shared secret.
            signature = hmac.new(self.key.as_pem(private=False), text.encode(), hashlib.sha256).digest()
            return f"{text}.{_encoded(signature) if header['alg'] == 'HS256' else ''}"
        return jwt.encode(header, claims, self.signs or self.key, algorithms=[header["alg"]])


def _encoded(content: bytes) -> str:
    return urlsafe_b64encode(content).decode()


@contextlib.contextmanager
def lying() -> Iterator[Liar]:
    made = Liar()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            given = {name: values[0] for name, values in parse_qs(body).items()}
            self._answer({**given, "authorization": self.headers.get("Authorization", "")})

        def _answer(self, body: dict[str, str]) -> None:
            status, content = made.answer(urlsplit(self.path).path, body)
            text = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.port = server.server_port
    for known in (oidc._about, oidc._keys):
        known.pop(made.issuer, None)  # another one may have listened on this port
    thread = threading.Thread(target=lambda: server.serve_forever(0.02), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
