"""Tokens and roles as outputs."""

from __future__ import annotations

from collections.abc import Sequence

from pilotage.app.access.roles import Access, built_in
from pilotage.app.identity.links import Pending
from pilotage.engine.records.persons import TokenRow
from pilotage.model.output.access import (
    AccessOutput,
    GrantOutput,
    InvitationPart,
    InvitationsOutput,
    PersonOutput,
    RoleOutput,
    TokenOutput,
    TokensOutput,
)
from pilotage.model.timestamp import timestamp


def works(token: TokenRow, now: float) -> bool:
    return token.revoked_at is None and (token.expires_at is None or token.expires_at > now)


def token_output(token: TokenRow, now: float) -> TokenOutput:
    return TokenOutput(
        id=token.id, name=token.name, owner=token.owner, purpose=token.purpose.value,
        grants=tuple(one.text for one in token.grants), created_by=token.created_by,
        created_at=timestamp(token.created_at), expires_at=timestamp(token.expires_at),
        used_at=timestamp(token.used_at), used_from=token.used_from, revoked_at=timestamp(token.revoked_at),
        works=works(token, now),
    )  # fmt: skip


def tokens_output(tokens: Sequence[TokenRow], now: float) -> TokensOutput:
    return TokensOutput(tokens=tuple(token_output(one, now) for one in tokens))


def role_output(name: str, permissions: Sequence[str], *, custom: bool) -> RoleOutput:
    return RoleOutput(name=name, permissions=tuple(permissions), custom=custom)


def access_output(found: Access) -> AccessOutput:
    roles = [role_output(name, may, custom=False) for name, may in built_in().items()]
    roles += [role_output(one.name, one.permissions, custom=True) for one in found.custom]
    return AccessOutput(
        people=tuple(
            PersonOutput(
                name=one.name, email=one.email, groups=one.groups, disabled_at=timestamp(one.disabled_at),
                emergency=one.emergency,
            )
            for one in found.people
        ),
        grants=tuple(
            GrantOutput(
                kind=one.kind.value, holder=one.holder, grant=one.grant.text, by=one.by, at=timestamp(one.at)
            )
            for one in found.grants
        ),
        roles=tuple(roles),
    )  # fmt: skip


def invitations_output(found: Sequence[Pending]) -> InvitationsOutput:
    return InvitationsOutput(
        invitations=tuple(
            InvitationPart(
                id=one.id, purpose=one.purpose.value, name=one.name, email=one.email, by=one.by,
                grants=tuple(each.text for each in one.grants), created_at=timestamp(one.created_at),
                expires_at=timestamp(one.expires_at),
            )
            for one in found
        )
    )  # fmt: skip
