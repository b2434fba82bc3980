"""One-time links, and the accounts that they make: an account and the use of its link are one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, Engine, Update, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from pilotage.engine.records.persons import NameTaken
from pilotage.engine.records.tables_identity import grants, links, passkeys, persons, sessions, tokens
from pilotage.model.access import Grant, HolderKind, TokenPurpose
from pilotage.model.json import JsonObject

_KEPT = 7 * 86400.0
"""Seconds for which a link that is over remains, so that its page can say so."""


class LinkPurpose(StrEnum):
    """What a one-time secret is for."""

    OWNER = "owner"
    """The first account, which may do everything."""
    INVITATION = "invitation"
    RECOVERY = "recovery"
    """A new password for somebody who is locked out."""
    SEEN = "seen"
    """A secret that counts once and was used: a challenge, the state of a sign-in elsewhere."""


@dataclass(frozen=True, kw_only=True)
class Link:
    """One row. hash: SHA-256 of its secret, hex · about: what it leads to · times in Unix seconds."""

    hash: str
    purpose: LinkPurpose
    about: JsonObject
    created_at: float
    expires_at: float
    used_at: float | None


@dataclass(frozen=True, kw_only=True)
class NewAccount:
    """name: as its person chose it · password: argon2 hash, None for who signs in elsewhere."""

    name: str
    password: str | None
    email: str = ""
    emergency: bool = False
    grants: tuple[Grant, ...] = ()
    by: str = ""
    issuer: str | None = None
    subject: str | None = None
    groups: tuple[str, ...] = ()


class Links:
    """Those of one store."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, hashed: str, purpose: LinkPurpose, about: JsonObject, now: float, lifetime: float) -> None:
        """A new link. Links that are long over are removed, and of the first account earlier links too."""
        row = {"hash": hashed, "purpose": purpose.value, "about": about, "created_at": now}
        with self._engine.begin() as connection:
            connection.execute(delete(links).where(links.c.expires_at < now - _KEPT))
            if purpose is LinkPurpose.OWNER:
                connection.execute(delete(links).where(links.c.purpose == purpose.value))
            connection.execute(insert(links).values(**row, expires_at=now + lifetime))

    def valid(self, hashed: str, now: float) -> Link | None:
        """The link, if it can be used now."""
        query = select(links).where(links.c.hash == hashed, links.c.used_at.is_(None), links.c.expires_at > now)
        with self._engine.connect() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else Link(**{**row, "purpose": LinkPurpose(row["purpose"])})

    def pending(self, now: float) -> tuple[Link, ...]:
        """Invitations and links for new passwords that can be used now, newest first."""
        wanted = (LinkPurpose.INVITATION.value, LinkPurpose.RECOVERY.value)
        query = select(links).where(links.c.purpose.in_(wanted), links.c.used_at.is_(None), links.c.expires_at > now)
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(links.c.created_at.desc(), links.c.hash)).mappings().all()
        return tuple(Link(**{**row, "purpose": LinkPurpose(row["purpose"])}) for row in rows)

    def withdraw(self, hashed: str, now: float) -> None:
        with self._engine.begin() as connection:
            connection.execute(
                update(links).where(links.c.hash == hashed, links.c.used_at.is_(None)).values(used_at=now)
            )

    def first_time(self, hashed: str, now: float, lifetime: float) -> bool:
        """Note a secret that counts once; False if it was noted before. lifetime: how long it would be valid."""
        row = {"hash": hashed, "purpose": LinkPurpose.SEEN.value, "about": {}, "created_at": now, "used_at": now}
        try:
            with self._engine.begin() as connection:
                connection.execute(delete(links).where(links.c.expires_at < now - _KEPT))
                connection.execute(insert(links).values(**row, expires_at=now + lifetime))
        except IntegrityError:
            return False
        return True

    def seen(self, hashed: str) -> bool:
        """Whether such a secret was noted."""
        query = select(links.c.hash).where(links.c.hash == hashed, links.c.purpose == LinkPurpose.SEEN.value)
        with self._engine.connect() as connection:
            return connection.execute(query).first() is not None

    def make_account(self, hashed: str, now: float, account: NewAccount) -> bool:
        """Use the link and make the account; False if the link is no longer valid, also for the second of two who use
        it at once, and for a first account where there are others. Raises NameTaken; then the link remains."""
        with suppress(_NotValid), self._engine.begin() as connection:
            purpose = _use(connection, hashed, now, LinkPurpose.OWNER, LinkPurpose.INVITATION)
            if purpose is LinkPurpose.OWNER and connection.scalar(select(func.count()).select_from(persons)):
                raise _NotValid
            enter(connection, account, now)
            return True
        return False

    def set_password(self, hashed: str, now: float, name: str, password: str, *, emergency: bool) -> bool:
        """Use the link and give the account a new password. Second factors, passkeys, sessions and command lines end:
        whoever took the account may have made them. False if the account was closed since the link was made."""
        with suppress(_NotValid), self._engine.begin() as connection:
            _use(connection, hashed, now, LinkPurpose.RECOVERY)
            number = connection.scalar(select(persons.c.id).where(persons.c.name == name))
            made = connection.scalar(select(links.c.created_at).where(links.c.hash == hashed))
            closed = connection.scalar(select(persons.c.disabled_at).where(persons.c.id == number))
            if made is not None and closed is not None and closed >= made:
                raise _NotValid
            changed = update(persons).where(persons.c.id == number)
            changed = changed.values(password=password, totp=None, totp_step=None, recovery=[], disabled_at=None)
            connection.execute(changed.values(emergency=1) if emergency else changed)
            connection.execute(delete(passkeys).where(passkeys.c.person == number))
            connection.execute(delete(sessions).where(sessions.c.person == number))
            connection.execute(_command_lines_of(name).values(revoked_at=now))
            return True
        return False

    def join(self, account: NewAccount, now: float) -> None:
        """An account of somebody whom an identity provider knows. Raises NameTaken."""
        try:
            with self._engine.begin() as connection:
                enter(connection, account, now)
        except IntegrityError:
            raise NameTaken(f"{account.name!r} got an account at this moment: sign in again") from None


def _command_lines_of(name: str) -> Update:
    """Their tokens that work; each is as good as a session."""
    mine = tokens.c.kind == HolderKind.PERSON.value, tokens.c.owner == name, tokens.c.revoked_at.is_(None)
    return update(tokens).where(*mine, tokens.c.purpose == TokenPurpose.COMMAND_LINE.value)


def enter(connection: Connection, account: NewAccount, now: float) -> None:
    """Raises NameTaken, also for a name that differs only in its case."""
    taken = select(persons.c.name).where(func.lower(persons.c.name) == account.name.lower())
    if known := connection.scalar(taken):
        raise NameTaken(f"there is a person called {known!r} already")
    connection.execute(
        insert(persons).values(
            name=account.name, email=account.email, password=account.password, emergency=int(account.emergency),
            issuer=account.issuer, subject=account.subject, groups=list(account.groups), ssh_keys=[], recovery=[],
            created_at=now,
        )
    )  # fmt: skip
    _grant(connection, account.name, account.grants, account.by or account.name, now)


def _grant(connection: Connection, name: str, given: Sequence[Grant], by: str, now: float) -> None:
    for one in dict.fromkeys(given):
        row = {"role": one.role, "service": one.service, "environment": one.environment}
        connection.execute(
            insert(grants).values(holder_kind=HolderKind.PERSON.value, holder=name, **row, by=by, at=now)
        )


class _NotValid(Exception):
    """Nothing of the transaction counts."""


def _use(connection: Connection, hashed: str, now: float, *purposes: LinkPurpose) -> LinkPurpose:
    """Raises _NotValid for a link that is used, over, or for something else."""
    done = connection.execute(
        update(links)
        .where(links.c.hash == hashed, links.c.used_at.is_(None), links.c.expires_at > now)
        .values(used_at=now)
    )
    purpose = connection.scalar(select(links.c.purpose).where(links.c.hash == hashed)) if done.rowcount else None
    if purpose is None or LinkPurpose(purpose) not in purposes:
        raise _NotValid
    return LinkPurpose(purpose)
