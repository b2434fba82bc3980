"""GitHub: OAuth 2.0 with PKCE, then its API says who came and in which organizations and teams they are.

https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from pilotage.adapters.identity_providers.asking import challenge, get_json, object_of, post_form
from pilotage.adapters.identity_providers.provider import Flow, IdentityNotProven, Profile, ProviderDown
from pilotage.model.json import Json, JsonObject

SCOPES = "read:org user:email"
_PAGES, _PER_PAGE = 10, 100


@dataclass(frozen=True, kw_only=True)
class Settings:
    """url: of github.com or an own GitHub Enterprise Server · api: of its API · organizations: whose members may sign
    in."""

    client: str
    secret: str
    organizations: tuple[str, ...]
    url: str = "https://github.com"
    api: str = "https://api.github.com"
    private: bool = False


class Github:
    """One GitHub."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.issuer = settings.url

    def address(self, flow: Flow) -> str:
        asked = {
            "client_id": self._settings.client, "redirect_uri": flow.redirect, "scope": SCOPES, "state": flow.state,
            "code_challenge": challenge(flow.verifier), "code_challenge_method": "S256", "allow_signup": "false",
        }  # fmt: skip
        return f"{self.issuer}/login/oauth/authorize?{urlencode(asked)}"

    def profile(self, flow: Flow, answer: Mapping[str, str], now: float) -> Profile:  # noqa: ARG002 - of the port
        own = self._settings
        fields = {
            "client_id": own.client, "client_secret": own.secret, "code": answer.get("code", ""),
            "redirect_uri": flow.redirect, "code_verifier": flow.verifier,
        }  # fmt: skip
        got = post_form(f"{self.issuer}/login/oauth/access_token", fields, {}, private=own.private)
        token = got.get("access_token")
        if not isinstance(token, str) or not token:
            # GitHub answers 200 with an error inside.
            raise IdentityNotProven(f"GitHub refuses the code: {str(got.get('error', 'no token'))[:100]}")
        person = object_of(get_json(f"{own.api}/user", token=token, private=own.private), own.api)
        number, login = person.get("id"), person.get("login")
        if not isinstance(number, int) or isinstance(number, bool) or not isinstance(login, str):
            raise ProviderDown("GitHub does not say who this is")
        return Profile(
            issuer=self.issuer, subject=str(number), name=login, email=self._email(token),
            groups=tuple(sorted({*self._organizations(token), *self._teams(token)})),
        )  # fmt: skip

    def _organizations(self, token: str) -> Iterator[str]:
        """Of which this person is an active member, among those that matter."""
        for one in self._pages("/user/memberships/orgs?state=active", token):
            login = str(object_of(one.get("organization"), "organization").get("login", ""))
            if one.get("state") == "active" and login.lower() in self._wanted:
                yield login.lower()

    def _teams(self, token: str) -> Iterator[str]:
        """As `organization/team`."""
        for one in self._pages("/user/teams", token):
            login = str(object_of(one.get("organization"), "organization").get("login", "")).lower()
            if login in self._wanted:
                yield f"{login}/{str(one.get('slug', '')).lower()}"

    @property
    def _wanted(self) -> frozenset[str]:
        return frozenset(one.lower() for one in self._settings.organizations)

    def _email(self, token: str) -> str:
        for one in self._pages("/user/emails", token):
            if one.get("primary") is True and one.get("verified") is True:
                return str(one.get("email", ""))
        return ""

    def _pages(self, path: str, token: str) -> Iterator[JsonObject]:
        own = self._settings
        for number in range(1, _PAGES + 1):
            url = f"{own.api}{path}{'&' if '?' in path else '?'}per_page={_PER_PAGE}&page={number}"
            found: Json = get_json(url, token=token, private=own.private)
            if not isinstance(found, list):
                raise ProviderDown(f"GitHub answers {path} with something else than a list")
            yield from (object_of(one, url) for one in found)
            if len(found) < _PER_PAGE:
                return
