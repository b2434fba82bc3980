"""What the API answers about tokens, people, roles and permissions, and what `auth` and `token` print with `--json`."""

from __future__ import annotations

from pilotage.model.output.base import Output, Part


class TokenOutput(Part, frozen=True, kw_only=True):
    """One token, without its secret."""

    id: str
    """Its public part."""
    name: str
    owner: str
    purpose: str
    """`personal`, `command line`, `service` or `CI job`."""
    grants: tuple[str, ...]
    """What it may at most, such as `deployer@shop/production`."""
    created_by: str
    created_at: str
    expires_at: str | None
    used_at: str | None
    """To the minute."""
    used_from: str
    revoked_at: str | None
    works: bool


class TokensOutput(Output, frozen=True, kw_only=True):
    """Tokens, newest first."""

    tokens: tuple[TokenOutput, ...]


class NewTokenOutput(Output, frozen=True, kw_only=True):
    """A new token."""

    text: str
    """The token. It is shown this once and kept nowhere."""
    token: TokenOutput


class RevokedOutput(Output, frozen=True, kw_only=True):
    """What was revoked."""

    revoked: int
    """Tokens that worked until now."""


class GrantOutput(Part, frozen=True, kw_only=True):
    """A role that somebody has somewhere."""

    kind: str
    """`person`, `group` or `service`."""
    holder: str
    grant: str
    """Such as `deployer@shop/production`; without a place it counts everywhere."""
    by: str
    at: str


class PersonOutput(Part, frozen=True, kw_only=True):
    """Somebody with an account."""

    name: str
    email: str
    groups: tuple[str, ...]
    disabled_at: str | None
    emergency: bool


class RoleOutput(Part, frozen=True, kw_only=True):
    """A role and what it may."""

    name: str
    permissions: tuple[str, ...]
    custom: bool


class AccessOutput(Output, frozen=True, kw_only=True):
    """Who has which role where."""

    people: tuple[PersonOutput, ...]
    grants: tuple[GrantOutput, ...]
    roles: tuple[RoleOutput, ...]


class ChangedOutput(Output, frozen=True, kw_only=True):
    """Whether anything is other than before."""

    changed: bool


class WhyOutput(Output, frozen=True, kw_only=True):
    """Whether somebody may do something, and why."""

    allowed: bool
    actor: str
    action: str
    service: str
    environment: str
    sentences: tuple[str, ...]
    """Each reason for or against it."""
    who: tuple[str, ...]
    """Who could change that, or do it instead."""


class InvitationPart(Part, frozen=True, kw_only=True):
    """A one-time link that was made and not used yet."""

    id: str
    purpose: str
    """`invitation` or `recovery`."""
    name: str
    """Empty where the person chooses it."""
    email: str
    grants: tuple[str, ...]
    by: str
    created_at: str
    expires_at: str


class InvitationsOutput(Output, frozen=True, kw_only=True):
    """Links that still work, newest first."""

    invitations: tuple[InvitationPart, ...]
