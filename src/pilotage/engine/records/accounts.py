"""What changes in an account after it is made: password, second factors, passkeys, sessions, the provider's groups."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError, OperationalError

from pilotage.engine.records.failures import Failures
from pilotage.engine.records.links import Links
from pilotage.engine.records.persons import NameTaken, Person, SessionRow, person_of
from pilotage.engine.records.tables_identity import passkeys, persons, sessions
from pilotage.model.access import Proof

_IDLE_STEP = 60.0
"""Seconds: how exactly a session remembers when it was used last."""


@dataclass(frozen=True, kw_only=True)
class Passkey:
    """One row. id: the credential's, base64url · public_key: the authenticator's data, base64url · count: the counter
    of its signatures."""

    id: str
    person: int
    name: str
    public_key: str
    count: int
    created_at: float
    used_at: float | None


class Accounts:
    """Those of one store."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.links, self.failures = Links(engine), Failures(engine)

    def none(self) -> bool:
        """Whether nobody has an account yet."""
        with self._engine.connect() as connection:
            return connection.scalar(select(func.count()).select_from(persons)) == 0

    def set_password(self, person: int, password: str) -> None:
        self._set(person, password=password)

    def set_second_factor(self, person: int, sealed: str | None, recovery: Sequence[str]) -> None:
        """sealed: the secret of the codes; None for none · recovery: hashes of recovery codes."""
        self._set(person, totp=sealed, totp_step=None, recovery=list(recovery))

    def use_step(self, person: int, step: int, latest: int) -> bool:
        """Note the time step of a code; False if this or a later one was used before. latest: the last one whose code
        is right now. A later one was noted while a clock was ahead, and locks nobody out when it goes back."""
        noted = persons.c.totp_step
        unused = or_(noted.is_(None), noted < step, noted > latest)
        with self._engine.begin() as connection:
            done = connection.execute(
                update(persons).where(persons.c.id == person, unused).values(totp_step=step)
            )  # fmt: skip
        return bool(done.rowcount)

    def use_recovery(self, person: int, hashed: str) -> bool:
        """Strike a recovery code; False if there is no such code, or no longer."""
        with self._engine.begin() as connection:
            row = connection.execute(select(persons.c.recovery).where(persons.c.id == person).with_for_update()).first()
            left = list(row.recovery) if row else []
            if hashed not in left:
                return False
            left.remove(hashed)
            connection.execute(update(persons).where(persons.c.id == person).values(recovery=left))
        return True

    def set_ssh_keys(self, person: int, keys: Sequence[str]) -> None:
        self._set(person, ssh_keys=list(keys))

    def connect(self, person: int, issuer: str | None, subject: str | None) -> None:
        """To the account of an identity provider, or to none. Raises NameTaken if somebody else has it."""
        try:
            self._set(person, issuer=issuer, subject=subject)
        except IntegrityError:
            raise NameTaken("somebody else is connected with this account of the provider") from None

    def set_groups(self, person: int, groups: Sequence[str]) -> None:
        self._set(person, groups=list(groups))

    def of_subject(self, issuer: str, subject: str) -> Person | None:
        query = select(persons).where(persons.c.issuer == issuer, persons.c.subject == subject)
        with self._engine.connect() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else person_of(row)

    def _set(self, person: int, **values: object) -> None:
        with self._engine.begin() as connection:
            connection.execute(update(persons).where(persons.c.id == person).values(**values))

    # ── sessions ───────────────────────────────────────────────────────────────────────────────────────────

    def sessions_of(self, person: int, now: float) -> tuple[SessionRow, ...]:
        query = select(sessions).where(sessions.c.person == person, sessions.c.expires_at > now)
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(sessions.c.seen_at.desc())).mappings().all()
        return tuple(SessionRow(**{**row, "proof": Proof(row["proof"])}) for row in rows)

    def saw(self, session: SessionRow, now: float) -> None:
        """It was used. Who only reads is not kept out by a store that takes nothing now."""
        if now - session.seen_at < _IDLE_STEP:
            return
        with contextlib.suppress(OperationalError), self._engine.begin() as connection:
            connection.execute(update(sessions).where(sessions.c.hash == session.hash).values(seen_at=now))

    def end_sessions(self, person: int, *, but: str = "") -> int:
        """How many ended. but: the hash of one that goes on."""
        with self._engine.begin() as connection:
            done = connection.execute(
                delete(sessions).where(sessions.c.person == person, sessions.c.hash != but)
            )  # fmt: skip
        return done.rowcount

    def prune_sessions(self, now: float) -> None:
        with self._engine.begin() as connection:
            connection.execute(delete(sessions).where(sessions.c.expires_at < now))

    # ── passkeys ───────────────────────────────────────────────────────────────────────────────────────────

    def add_passkey(self, passkey: Passkey) -> bool:
        """False if it is registered already."""
        row = {name: getattr(passkey, name) for name in Passkey.__dataclass_fields__}
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(passkeys).values(row))
        except IntegrityError:
            return False
        return True

    def passkey(self, identity: str) -> Passkey | None:
        with self._engine.connect() as connection:
            row = connection.execute(select(passkeys).where(passkeys.c.id == identity)).mappings().first()
        return None if row is None else Passkey(**row)

    def passkeys_of(self, person: int) -> tuple[Passkey, ...]:
        query = select(passkeys).where(passkeys.c.person == person).order_by(passkeys.c.created_at)
        with self._engine.connect() as connection:
            return tuple(Passkey(**row) for row in connection.execute(query).mappings().all())

    def used_passkey(self, identity: str, count: int, now: float) -> bool:
        """Note its counter; False if that does not grow: then it was copied."""
        grows = or_(passkeys.c.count < count, (passkeys.c.count == 0) & (count == 0))
        with self._engine.begin() as connection:
            done = connection.execute(
                update(passkeys).where(passkeys.c.id == identity, grows).values(count=count, used_at=now)
            )  # fmt: skip
        return bool(done.rowcount)

    def remove_passkey(self, person: int, identity: str) -> bool:
        with self._engine.begin() as connection:
            done = connection.execute(delete(passkeys).where(passkeys.c.id == identity, passkeys.c.person == person))
        return bool(done.rowcount)
