"""Outputs about people and their accounts."""

from __future__ import annotations

from pilotage.model.output.base import Output, Part


class PersonOutput(Part, frozen=True, kw_only=True):
    """An account."""

    name: str
    """As records show it."""
    email: str
    """Mail address; empty where nobody said."""
    roles: tuple[str, ...]
    """Such as `admin`, or `deployer of shop/production`; those of groups too."""
    groups: tuple[str, ...]
    """Groups, as the identity provider last named them."""
    ways: tuple[str, ...]
    """How this person signs in: `password`, `code`, `passkey`, `SSH key`, or the address of an identity provider."""
    emergency: bool
    """Whether the password works where others do not."""
    disabled: bool
    """Whether the account is closed."""
    created_at: str
    """When the account was made."""


class PeopleOutput(Output, frozen=True, kw_only=True):
    """`user list`."""

    people: tuple[PersonOutput, ...]
    """By name."""
