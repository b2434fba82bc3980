"""Tokens and roles as outputs."""

from __future__ import annotations

from collections.abc import Sequence

from pilotage.engine.records.persons import TokenRow
from pilotage.model.output.access import TokenOutput, TokensOutput
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
