"""OpenID Connect: the code flow with PKCE, state and nonce (OpenID Connect Core 1.0, RFC 9700).

Only signatures with a public key of the issuer count. A key that is not known yet is looked for once more.
"""

from __future__ import annotations

import base64
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast
from urllib.parse import quote, urlencode

from pilotage.adapters.identity_providers.asking import challenge, get_json, is_safe, object_of, post_form
from pilotage.adapters.identity_providers.provider import Flow, IdentityNotProven, Profile, ProviderDown
from pilotage.model.json import Json, JsonObject

if TYPE_CHECKING:
    from joserfc.jwk import KeySetSerialization

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
"""Of signatures. Never `none`, and none with a shared secret."""
_LEEWAY = 60.0
"""Seconds by which the provider's clock may differ."""
_OLDEST = 600.0
"""Seconds since an id-token was made: it comes straight from the provider."""
_KEPT, _AGAIN = 600.0, 30.0
"""Seconds for which what a provider says about itself is believed; seconds between two looks for an unknown key."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """claims: names of those that hold the login name and the groups · secret: None for a public client."""

    issuer: str
    client: str
    secret: str | None
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    name_claim: str = "preferred_username"
    groups_claim: str = "groups"
    private: bool = False


@dataclass(frozen=True, kw_only=True)
class _About:
    """What the provider says about itself. at: when, on the monotonic clock."""

    authorization: str
    token: str
    keys: str
    userinfo: str
    basic: bool
    names_issuer: bool
    at: float


@dataclass
class _Keys:
    """Its public keys, as JSON."""

    found: tuple[JsonObject, ...] = ()
    at: float = field(default=-_KEPT)


_about: dict[str, _About] = {}
_keys: dict[str, _Keys] = {}


class Oidc:
    """One provider."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.issuer = settings.issuer

    def address(self, flow: Flow) -> str:
        about, own = self._described(), self._settings
        asked = {
            "response_type": "code", "client_id": own.client, "redirect_uri": flow.redirect,
            "scope": " ".join(own.scopes), "state": flow.state, "nonce": flow.nonce,
            "code_challenge": challenge(flow.verifier), "code_challenge_method": "S256",
        }  # fmt: skip
        return f"{about.authorization}{'&' if '?' in about.authorization else '?'}{urlencode(asked)}"

    def profile(self, flow: Flow, answer: Mapping[str, str], now: float) -> Profile:
        about = self._described()
        named = answer.get("iss")
        if (named is None and about.names_issuer) or (named is not None and named != self.issuer):
            raise IdentityNotProven("the answer comes from another provider than the one that was asked")
        got = self._exchanged(about, flow, answer.get("code", ""))
        claims = self.verified(str(got.get("id_token", "")), flow.nonce, now)
        return self._profile({**self._more(about, got, claims), **claims})

    def verified(self, token: str, nonce: str, now: float) -> JsonObject:
        """The claims of an id-token for us. Raises IdentityNotProven."""
        claims = self._signed(token)
        own, audience = self._settings, claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        given = str(claims.get("nonce", ""))
        rules = {
            "it is from another issuer": claims.get("iss") == self.issuer,
            "it is for somebody else": own.client in audiences,
            "it was given to somebody else": claims.get("azp", own.client) == own.client
            and (len(audiences) == 1 or "azp" in claims),
            "it has expired": _number(claims.get("exp")) > now - _LEEWAY,
            "it was made in the future": _number(claims.get("iat")) < now + _LEEWAY,
            "it is too old": _number(claims.get("iat")) > now - _OLDEST,
            "it belongs to another sign-in": hmac.compare_digest(given.encode(), nonce.encode()),
            "it names nobody": isinstance(claims.get("sub"), str) and 0 < len(str(claims["sub"])) <= 255,
        }
        broken = next((words for words, kept in rules.items() if not kept), "")
        if broken:
            raise IdentityNotProven(f"the id-token is refused: {broken}")
        return claims

    def _signed(self, token: str) -> JsonObject:
        """Its claims, if one of the issuer's keys signed it."""
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        why = ""
        for anew in (False, True):
            keys = [dict(one) for one in self._public_keys(anew=anew)]
            try:
                known = KeySet.import_key_set(cast("KeySetSerialization", {"keys": keys}))
                return cast("JsonObject", jwt.decode(token, known, ALGORITHMS).claims)
            except (JoseError, ValueError, TypeError, KeyError) as error:
                why = type(error).__name__
        raise IdentityNotProven(f"the id-token is refused: no key of the provider has signed it ({why})")

    def _exchanged(self, about: _About, flow: Flow, code: str) -> JsonObject:
        own = self._settings
        fields = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": flow.redirect,
            "code_verifier": flow.verifier,
        }  # fmt: skip
        headers: dict[str, str] = {}
        if own.secret is None or not about.basic:
            fields |= {"client_id": own.client} | ({"client_secret": own.secret} if own.secret else {})
        else:
            pair = f"{quote(own.client, safe='')}:{quote(own.secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        return post_form(about.token, fields, headers, private=own.private)

    def _more(self, about: _About, got: JsonObject, claims: JsonObject) -> JsonObject:
        """What only the userinfo endpoint says. Raises IdentityNotProven if it is about somebody else."""
        wanted = (self._settings.groups_claim, self._settings.name_claim, "email")
        token = got.get("access_token")
        if all(name in claims for name in wanted) or not about.userinfo or not isinstance(token, str):
            return {}
        found = object_of(get_json(about.userinfo, token=token, private=self._settings.private), about.userinfo)
        if found.get("sub") != claims["sub"]:
            raise IdentityNotProven("the provider's userinfo is about somebody else")
        return {name: value for name, value in found.items() if name not in ("iss", "aud", "sub", "exp", "nonce")}

    def _profile(self, claims: JsonObject) -> Profile:
        own = self._settings
        groups = claims.get(own.groups_claim)
        listed = groups if isinstance(groups, list) else [groups] if isinstance(groups, str) else []
        email = str(claims.get("email") or "") if claims.get("email_verified") is True else ""
        name = str(claims.get(own.name_claim) or "") or email.partition("@")[0] or str(claims["sub"])
        return Profile(
            issuer=self.issuer, subject=str(claims["sub"]), name=name, email=email,
            groups=tuple(sorted({str(one) for one in listed if isinstance(one, str) and len(one) <= 200})[:500]),
        )  # fmt: skip

    def _described(self) -> _About:
        """By OpenID Connect Discovery 1.0; the issuer must name itself."""
        known = _about.get(self.issuer)
        if known is not None and time.monotonic() - known.at < _KEPT:
            return known
        url = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
        found = object_of(get_json(url, private=self._settings.private), url)
        if found.get("issuer") != self.issuer:
            raise ProviderDown(f"{url} is about the issuer {str(found.get('issuer'))[:200]!r}, not {self.issuer!r}")
        endpoints = [found.get(f"{name}") for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
        if not all(is_safe(one) for one in endpoints):
            raise ProviderDown(f"{url} lacks an endpoint, or has one without HTTPS")
        methods = found.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        userinfo = found.get("userinfo_endpoint")
        made = _About(
            authorization=str(endpoints[0]), token=str(endpoints[1]), keys=str(endpoints[2]),
            userinfo=str(userinfo) if is_safe(userinfo) else "",
            basic=isinstance(methods, list) and "client_secret_basic" in methods,
            names_issuer=found.get("authorization_response_iss_parameter_supported") is True, at=time.monotonic(),
        )  # fmt: skip
        _about[self.issuer] = made
        return made

    def _public_keys(self, *, anew: bool) -> tuple[JsonObject, ...]:
        """Those for signatures. anew: look again, unless that was just done."""
        known, now = _keys.setdefault(self.issuer, _Keys()), time.monotonic()
        if now - known.at < (_AGAIN if anew else _KEPT):
            return known.found
        url = self._described().keys
        found = object_of(get_json(url, private=self._settings.private), url).get("keys")
        listed = found if isinstance(found, list) else []
        known.found = tuple(
            one for one in listed[:100]
            if isinstance(one, dict) and one.get("kty") in ("RSA", "EC", "OKP") and one.get("use", "sig") == "sig"
        )  # fmt: skip
        known.at = now
        return known.found


def _number(value: Json) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else float("nan")
