"""R34: CI jobs sign in by id-tokens of an issuer, here a program of ours on a socket; everything that is not right is
refused with one sentence."""

from __future__ import annotations

import base64
import contextlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from pilotage.app.access import ci_jobs
from tests.web.site import CONFIG, Client, Served, served

AUDIENCE = "https://pilotage.example.org"
REFUSED = "this id-token is not accepted here; the server's audit log says why"


@dataclass
class Issuer:
    """keys: those that it publishes."""

    url: str = ""
    keys: list[Any] = field(default_factory=list)
    asked: int = 0

    def token(self, key: Any, *, alg: str = "RS256", kid: str | None = None, **claims: Any) -> str:
        now = int(time.time())
        said = {
            "iss": self.url, "aud": AUDIENCE, "iat": now, "nbf": now, "exp": now + 300, "sub": "repo:acme/shop",
            "repository": "acme/shop", "ref": "refs/tags/v2.4.0", "environment": "production", "run_id": "77",
            "jti": secrets.token_hex(8),
        } | claims  # fmt: skip
        said = {name: value for name, value in said.items() if value is not None}
        return jwt.encode({"alg": alg, "kid": kid or key.kid}, said, key, algorithms=[alg])


@contextlib.contextmanager
def issuing() -> Iterator[Issuer]:
    issuer = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # its name there
            if self.path.endswith("openid-configuration"):
                said: Any = {"issuer": issuer.url, "jwks_uri": f"{issuer.url}/jwks"}
            else:
                issuer.asked += 1
                said = {"keys": [one.as_dict(private=False) for one in issuer.keys]}
            body = json.dumps(said).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()


KEY = RSAKey.generate_key(2048, {"kid": "one"}, auto_kid=False)
OTHER = RSAKey.generate_key(2048, {"kid": "two"}, auto_kid=False)
CURVE = ECKey.generate_key("P-256", {"kid": "curve"}, auto_kid=False)


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Issuer]:
    from pilotage.adapters.issuer_keys import IssuerKeys

    with issuing() as found:
        found.keys = [KEY]
        fresh = IssuerKeys(again_after=0)
        monkeypatch.setattr(ci_jobs.identity_of, "__defaults__", (fresh,))
        monkeypatch.setattr(ci_jobs.exchange, "__defaults__", (fresh,))
        yield found


@pytest.fixture
def site(tmp_path: Path, issuer: Issuer) -> Iterator[Served]:
    policy = f"""\
server:
  ci:
    - account: shop-deployer
      issuer: {issuer.url}
      audience: {AUDIENCE}
      claims:
        repository: acme/shop
        ref: [refs/heads/main, "refs/tags/v*"]
        environment: production
      grants: [deployer@shop/production]
"""
    with served(tmp_path, CONFIG + policy) as found:
        yield found


def _exchanged(site: Served, token: str) -> Any:
    return site.anybody().post("/api/v1/ci/exchange", {"id_token": token})


@pytest.mark.parametrize(("key", "alg"), [(KEY, "RS256"), (CURVE, "ES256")], ids=["RSA", "EC"])
def test_r34_a_job_gets_a_token_for_an_hour_and_may_what_the_policy_says(
    site: Served, issuer: Issuer, key: Any, alg: str
) -> None:
    issuer.keys = [KEY, CURVE]
    got = _exchanged(site, issuer.token(key, alg=alg))
    assert (got.status, got.json["account"], got.json["grants"]) == (200, "shop-deployer", ["deployer@shop/production"])
    assert got.json["text"].startswith("pilotage_ci_")
    job = Client(site, token=got.json["text"])
    own, other = site.rollout("shop", "production"), site.rollout("search", "production")
    assert job.get(f"/api/v1/rollouts/{own.id}").status == 200
    assert job.get(f"/api/v1/rollouts/{other.id}").status == 403
    assert job.post(f"/api/v1/rollouts/{own.id}/approve").status == 403, "a machine never approves"
    assert job.get("/api/v1/access").status == 403


def test_r34_an_id_token_is_taken_directly_too(site: Served, issuer: Issuer) -> None:
    rollout = site.rollout("shop", "production")
    job = Client(site, token=issuer.token(KEY))
    assert job.get(f"/api/v1/rollouts/{rollout.id}").status == 200
    got = Client(site, token=issuer.token(KEY, repository="evil/shop")).get(f"/api/v1/rollouts/{rollout.id}")
    assert (got.status, got.json["detail"]) == (401, REFUSED)


def _unsigned(issuer: Issuer) -> str:
    _, claims, _ = issuer.token(KEY).split(".")
    return f"{_coded(json.dumps({'alg': 'none', 'kid': 'one'}).encode())}.{claims}."


def _coded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).decode().rstrip("=")


def _by_public_key(issuer: Issuer) -> str:
    """Signed with HS256, with the issuer's public key as the secret."""
    _, claims, _ = issuer.token(KEY).split(".")
    signed = f"{_coded(json.dumps({'alg': 'HS256', 'kid': 'one'}).encode())}.{claims}"
    signature = hmac.digest(KEY.as_pem(private=False), signed.encode(), "sha256")
    return f"{signed}.{_coded(signature)}"


def _tampered(issuer: Issuer) -> str:
    header, claims, signature = issuer.token(KEY, repository="evil/shop").split(".")
    _, right, _ = issuer.token(KEY).split(".")
    assert claims != right
    return f"{header}.{right}.{signature}"


NOW = int(time.time())
WRONG: dict[str, tuple[Callable[[Issuer], str], str]] = {
    "wrong audience": (lambda it: it.token(KEY, aud="https://other.example"), "the audience is"),
    "no audience": (lambda it: it.token(KEY, aud=None), "the audience is"),
    "expired": (lambda it: it.token(KEY, exp=NOW - 3600), "ExpiredTokenError"),
    "never expires": (lambda it: it.token(KEY, exp=None), "MissingClaimError"),
    "not yet valid": (lambda it: it.token(KEY, nbf=NOW + 3600), "not yet valid"),
    "wrong key": (lambda it: it.token(OTHER, kid="one"), "BadSignatureError"),
    "unknown key": (lambda it: it.token(OTHER), "has no key 'two'"),
    "alg none": (_unsigned, ""),
    "HS256 with the public key": (_by_public_key, ""),
    "other claims": (_tampered, "BadSignatureError"),
    "other repository": (lambda it: it.token(KEY, repository="evil/shop"), "repository is 'evil/shop'"),
    "other ref": (lambda it: it.token(KEY, ref="refs/heads/feature"), "ref is 'refs/heads/feature'"),
    "other environment": (lambda it: it.token(KEY, environment="staging"), "environment is 'staging'"),
    "claim missing": (lambda it: it.token(KEY, environment=None), "environment is 'None'"),
    "claim of another type": (lambda it: it.token(KEY, environment=["production"]), "environment is"),
    "other issuer": (lambda it: it.token(KEY, iss="https://evil.example"), "no policy names the issuer"),
    "garbage": (lambda it: "eyJhbGciOi.x.y", "it is no id-token"),  # noqa: ARG005  # as the others
}


@pytest.mark.parametrize("case", WRONG)
def test_r34_what_is_not_right_is_refused_and_only_the_audit_log_says_why(
    site: Served, issuer: Issuer, case: str
) -> None:
    make, why = WRONG[case]
    got = _exchanged(site, make(issuer))
    assert (got.status, got.json["detail"]) == (401, REFUSED)
    site.person("root", "admin")
    row = site.with_token("root", "admin").get("/api/v1/audit?outcome=failed").json["rows"][0]
    assert (row["action"], row["proof"]) == ("sign-in", "CI job")
    assert why in row["reason"]


@pytest.mark.parametrize("claims", [{}, {"jti": None}], ids=["jti", "none"])
def test_r34_an_id_token_is_exchanged_once(site: Served, issuer: Issuer, claims: Any) -> None:
    token = issuer.token(KEY, **claims)
    assert _exchanged(site, token).status == 200
    got = _exchanged(site, token)
    assert (got.status, got.json["detail"]) == (401, REFUSED)
    site.person("root", "admin")
    row = site.with_token("root", "admin").get("/api/v1/audit?outcome=failed").json["rows"][0]
    assert "exchanged before" in row["reason"]


def test_r34_an_issuer_may_rotate_its_keys(site: Served, issuer: Issuer) -> None:
    assert _exchanged(site, issuer.token(KEY)).status == 200
    assert _exchanged(site, issuer.token(KEY)).status == 200
    assert issuer.asked == 1, "keys are kept"
    issuer.keys = [OTHER]
    assert _exchanged(site, issuer.token(OTHER)).status == 200
    assert _exchanged(site, issuer.token(KEY)).status == 401, "an old key counts no longer"


def test_r34_unknown_keys_make_nobody_ask_the_issuer_all_the_time(issuer: Issuer) -> None:
    from pilotage.adapters.issuer_keys import IssuerKeys

    now = [100.0]
    keys = IssuerKeys(now=lambda: now[0])
    for _ in range(5):
        keys.of(issuer.url, "unknown")
    assert issuer.asked == 1
    now[0] += 31
    keys.of(issuer.url, "unknown")
    assert issuer.asked == 2
