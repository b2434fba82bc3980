"""Who asks, how they proved who they are, and which roles they have where."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pilotage.model.actor import Actor, ActorKind

ANYWHERE = "*"
"""In a grant: every service, or every environment."""


class AccessRole(StrEnum):
    """The built-in roles, each with all that the one before it may do; only approvers and admins may approve."""

    VIEWER = "viewer"
    AUTHOR = "author"
    DEPLOYER = "deployer"
    APPROVER = "approver"
    ADMIN = "admin"


class Proof(StrEnum):
    """How an identity was proven."""

    SHELL = "operating system"
    """The user whom the operating system names."""
    VARIABLE = "environment variable"
    """PILOTAGE_ACTOR alone, which anyone in the shell may set."""
    SSH_KEY = "SSH key"
    PASSWORD = "password"
    """A local password, without a second factor."""
    PASSWORD_AND_CODE = "password and code"
    PASSKEY = "passkey"
    LINK = "one-time link"
    """Of an invitation, or for a new password."""
    PROVIDER = "identity provider"
    """OpenID Connect."""
    TOKEN = "token"
    CI = "CI job"
    """A short-lived id-token of GitHub, GitLab or another issuer."""
    CHAT = "chat"
    """A signed request of Slack or another chat."""
    ORDER = "earlier order"
    """The worker carries out what somebody asked before."""


class HolderKind(StrEnum):
    """Whom a grant is for."""

    PERSON = "person"
    GROUP = "group"
    """A group of the identity provider."""
    SERVICE = "service"
    """A service account: the owner of service tokens, or CI jobs that meet a policy."""


@dataclass(frozen=True, kw_only=True)
class Grant:
    """A role in a part of the services and environments. role: built in or custom · service, environment: a name, or
    ANYWHERE."""

    role: str
    service: str = ANYWHERE
    environment: str = ANYWHERE

    def covers(self, service: str, environment: str) -> bool:
        """Whether it counts there. An empty name stands for something that belongs to no single one: only a grant for
        all of them covers it."""
        return self.service in (ANYWHERE, service) and self.environment in (ANYWHERE, environment)

    def __str__(self) -> str:
        where = f"{self.service}/{self.environment}"
        return self.role if where == f"{ANYWHERE}/{ANYWHERE}" else f"{self.role} of {where}"


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who asks. name: the person, or the service account · grants: as of this request; of a token never more than its
    owner has · token: its public id, where one was shown · address: where the request comes from, empty in a shell."""

    name: str
    kind: ActorKind
    proof: Proof
    grants: tuple[Grant, ...]
    groups: tuple[str, ...] = ()
    token: str = ""
    address: str = ""

    @property
    def actor(self) -> Actor:
        return Actor(name=self.name, kind=self.kind)
