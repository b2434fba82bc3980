"""Command lines that ask to be signed in, until a person says yes in a browser (the flow of RFC 8628)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, func, insert, select, update

from pilotage.engine.records.tables_identity import links
from pilotage.model.errors import Unavailable
from pilotage.model.json import optional, text_at

_PURPOSE = "device"
_MOST = 1000
"""Open ones at a time: anybody may ask."""


class TooManyLogins(Unavailable):
    """So many command lines wait to be signed in that no further one may."""


@dataclass(frozen=True, kw_only=True)
class DeviceLogin:
    """hash: SHA-256 of the command line's secret · code: what a person compares · host: the machine, as it says ·
    approved_by: empty until somebody did · proof: how they had proved who they are."""

    hash: str
    code: str
    host: str
    approved_by: str
    proof: str = ""


class DeviceLogins:
    """Those of one store."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def ask(self, hashed: str, code: str, host: str, now: float, lifetime: float) -> None:
        """Raises TooManyLogins."""
        about = {"code": code, "host": host, "approved_by": ""}
        with self._engine.begin() as connection:
            mine = select(func.count()).select_from(links).where(links.c.purpose == _PURPOSE, links.c.expires_at > now)
            if (connection.scalar(mine) or 0) >= _MOST:
                raise TooManyLogins("too many command lines wait to be signed in; try again in ten minutes")
            connection.execute(
                insert(links).values(
                    hash=hashed, purpose=_PURPOSE, about=about, created_at=now, expires_at=now + lifetime
                )
            )  # fmt: skip

    def coded(self, code: str, now: float) -> DeviceLogin | None:
        """The one with this code, if it waits."""
        query = select(links.c.hash, links.c.about).where(
            links.c.purpose == _PURPOSE, links.c.used_at.is_(None), links.c.expires_at > now
        )
        with self._engine.connect() as connection:
            found = (_read(row.hash, row.about) for row in connection.execute(query))
            return next((one for one in found if one.code == code), None)

    def approve(self, login: DeviceLogin, by: str, proof: str, now: float) -> bool:
        """False if it was taken, or is over."""
        about = {"code": login.code, "host": login.host, "approved_by": by, "proof": proof}
        with self._engine.begin() as connection:
            waits = (links.c.hash == login.hash, links.c.used_at.is_(None), links.c.expires_at > now)
            return connection.execute(update(links).where(*waits).values(about=about)).rowcount == 1

    def withdraw(self, login: DeviceLogin, now: float) -> None:
        with self._engine.begin() as connection:
            connection.execute(update(links).where(links.c.hash == login.hash).values(used_at=now))

    def take(self, hashed: str, now: float) -> DeviceLogin | None:
        """The login of this secret. An approved one is given out once. Raises KeyError where there is none, or none any
        more."""
        with self._engine.begin() as connection:
            waits = (links.c.hash == hashed, links.c.purpose == _PURPOSE, links.c.used_at.is_(None))
            row = connection.execute(select(links.c.about).where(*waits, links.c.expires_at > now)).first()
            if row is None:
                raise KeyError(hashed)
            found = _read(hashed, row.about)
            if not found.approved_by:
                return None
            done = connection.execute(update(links).where(*waits).values(used_at=now)).rowcount
        if not done:
            raise KeyError(hashed)
        return found


def _read(hashed: str, about: object) -> DeviceLogin:
    return DeviceLogin(
        hash=hashed, code=text_at(about, "code"), host=text_at(about, "host"),
        approved_by=text_at(about, "approved_by"), proof=optional(text_at, about, "proof") or "",
    )  # fmt: skip
