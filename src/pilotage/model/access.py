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


class TokenPurpose(StrEnum):
    """What a token is for; `prefix` is how its text begins."""

    PERSONAL = "personal"
    """For programs of a person. It gives nobody's word: no approval, no sign-off."""
    COMMAND_LINE = "command line"
    """A person's `pilotage login`: as good as their session in a browser."""
    SERVICE = "service"
    """Of a service account."""
    CI = "CI job"
    """Of a service account, for one job, for an hour at most."""

    @property
    def prefix(self) -> str:
        short = {"personal": "pat", "command line": "cli", "service": "svc", "CI job": "ci"}
        return f"pilotage_{short[self.value]}_"


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

    def holds(self, other: Grant) -> bool:
        """Whether it counts everywhere where the other one does."""
        return self.service in (ANYWHERE, other.service) and self.environment in (ANYWHERE, other.environment)

    @classmethod
    def read(cls, text: str) -> Grant:
        """Of `role`, `role@service` or `role@service/environment`."""
        role, _, where = text.strip().partition("@")
        service, _, environment = where.partition("/")
        return cls(role=role.strip(), service=service.strip() or ANYWHERE, environment=environment.strip() or ANYWHERE)

    @property
    def text(self) -> str:
        """What `read` reads."""
        where = f"@{self.service}" + f"/{self.environment}" * (self.environment != ANYWHERE)
        return self.role if (self.service, self.environment) == (ANYWHERE, ANYWHERE) else f"{self.role}{where}"

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
