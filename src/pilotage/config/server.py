"""`server` of `pilotage.yaml`: how browsers reach the server, and how people sign in."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from pilotage.config.ci_policies import CiPolicySection
from pilotage.config.fields import BaseUrl, Misplaced, SecretRef, Section
from pilotage.config.hooks import HookName, HookSection


def _secure(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme != "https" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise ValueError("an identity provider needs HTTPS: an address such as https://login.example.org")
    return text


SecureUrl = Annotated[BaseUrl, AfterValidator(_secure)]
_Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
_Word = Annotated[str, Field(min_length=1, max_length=200)]


class AdmitSection(Section):
    """Whose first sign-in makes an account. Nobody's, where neither is given: then accounts are invited."""

    domains: list[Annotated[str, Field(pattern=r"^[a-z0-9.-]+$")]] = Field(
        default_factory=list, description="Domains of verified mail addresses, such as example.org."
    )
    groups: list[_Word] = Field(default_factory=list, description="Groups of the provider.")


class OidcSection(Section):
    """An identity provider with OpenID Connect, such as Keycloak, Entra ID, Okta, Google or GitLab."""

    kind: Literal["oidc"]
    name: _Name = Field("oidc", description="Name in addresses; groups are called NAME:GROUP.")
    title: _Word | None = Field(None, description="Words on the button; by default the issuer's host.")
    issuer: SecureUrl = Field(description="Issuer, as its discovery document says it.")
    client_id: _Word = Field(description="Client id that the provider gave.")
    client_secret: SecretRef | None = Field(None, description="Reference to the client secret.")
    scopes: list[_Word] = Field(
        default_factory=lambda: ["openid", "profile", "email"], description="Scopes to ask for; openid is needed."
    )
    name_claim: _Word = Field("preferred_username", description="Claim with the login name.")
    groups_claim: _Word = Field("groups", description="Claim with the groups.")
    admit: AdmitSection = Field(
        default_factory=lambda: AdmitSection.model_validate({}), description="Whose first sign-in makes an account."
    )
    allow_private_network: bool = Field(False, description="Allow an address in a private network or on this machine.")

    @model_validator(mode="after")
    def _asks_who(self) -> OidcSection:
        if "openid" not in self.scopes:
            raise Misplaced("openid is missing: without it the provider does not say who signs in", "scopes")
        return self


class GithubSection(Section):
    """GitHub: members of organizations sign in; their first sign-in makes an account."""

    kind: Literal["github"]
    name: _Name = Field("github", description="Name in addresses; groups are called NAME:ORGANIZATION/TEAM.")
    title: _Word = Field("GitHub", description="Words on the button.")
    client_id: _Word = Field(description="Client id of the OAuth app.")
    client_secret: SecretRef = Field(description="Reference to the client secret.")
    organizations: list[Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+(/[A-Za-z0-9_.-]+)?$")]] = Field(
        min_length=1, description="Organizations, or teams as ORGANIZATION/TEAM, whose members may sign in."
    )
    url: SecureUrl = Field("https://github.com", description="Address of GitHub, or of your GitHub Enterprise Server.")
    allow_private_network: bool = Field(False, description="Allow an address in a private network or on this machine.")


SignIn = Annotated[OidcSection | GithubSection, Field(discriminator="kind")]


class ServerSection(Section):
    """How browsers reach `pilotage serve`, and how people sign in."""

    url: BaseUrl | None = Field(
        None, description="Address by which browsers reach the server, such as https://pilotage.example.org."
    )
    passwords: Literal["everyone", "emergency"] = Field(
        "everyone",
        description="Who may sign in by a local password: everyone who has one, or only emergency accounts.",
    )
    hooks: dict[HookName, HookSection] = Field(
        default_factory=dict, max_length=50,
        description="Systems that tell the server of a new version, by name: messages go to /api/v1/hooks/NAME.",
    )  # fmt: skip
    ci: list[CiPolicySection] = Field(
        default_factory=list, max_length=100,
        description="CI jobs that sign in with their id-token instead of a secret.",
    )  # fmt: skip
    sign_in: list[SignIn] = Field(default_factory=list, description="Identity providers by which people sign in.")

    @model_validator(mode="after")
    def _named_apart(self) -> ServerSection:
        names = [one.name for one in self.sign_in]
        for index, name in enumerate(names):
            if name in names[:index]:
                raise Misplaced(f"two providers are called {name!r}: give each a name of its own", "sign_in", index)
        return self
