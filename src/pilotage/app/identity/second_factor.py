"""Codes of an authenticator app (RFC 6238) as a second factor, and recovery codes for the day the phone is lost.

The secret of the codes lies sealed in the store; the key is elsewhere. A code counts once, a recovery code too.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from pilotage.app import auditing
from pilotage.app.identity import throttle
from pilotage.app.identity.sealing import seal_for
from pilotage.app.identity.secrets import hash_of
from pilotage.app.identity.signing_in import Came, WrongCredentials
from pilotage.app.project import Project
from pilotage.engine.records.persons import Person
from pilotage.model.access import Proof
from pilotage.model.errors import Invalid

STEP = 30
"""Seconds for which a code is shown."""
_DRIFT = 1
"""Steps by which a phone's clock may differ."""
_CODES = 10
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
"""Without characters that are mistaken for each other."""
_PURPOSE = "totp"


class WrongCode(Invalid):
    """The code is not the one that the app shows now, or was used before."""


def new_secret() -> str:
    """160 random bits, base32, as apps take them."""
    import pyotp

    return pyotp.random_base32(32)


def address_of(secret: str, name: str, host: str) -> str:
    """The `otpauth://` address that a QR code holds."""
    import pyotp

    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=f"Pilotage {host}".strip())


def turn_on(project: Project, person: Person, secret: str, code: str) -> Sequence[str]:
    """From now on a code is needed; returns recovery codes, which are shown once. Raises WrongCode."""
    step = _step_of(secret, code, project.clock.now())
    if step is None:
        raise WrongCode("this is not the code that the app shows now; check that the phone's clock is right")
    codes = ["-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4)) for _ in range(_CODES)]
    sealed = seal_for(project).close(_PURPOSE, {"secret": secret, "person": person.id}, project.clock.now())
    project.store.accounts.set_second_factor(person.id, sealed, [hash_of(_plain(one)) for one in codes])
    project.store.accounts.use_step(person.id, step, step)
    return codes


def turn_off(project: Project, person: Person) -> None:
    project.store.accounts.set_second_factor(person.id, None, ())


def check(project: Project, person: Person, code: str, came: Came) -> None:
    """Use a code of the app, or a recovery code. Raises WrongCredentials, TooOften, SealUnusable."""
    store = project.store
    made = throttle.attempt("code", person.name, came.address, came.browser)
    throttle.begin(store, made)
    typed = _plain(code)
    if typed.isdecimal() and len(typed) == 6:
        now = project.clock.now()
        step = _step_of(_secret_of(project, person), typed, now)
        right = step is not None and store.accounts.use_step(person.id, step, int(now // STEP) + _DRIFT)
    else:
        right = store.accounts.use_recovery(person.id, hash_of(typed))
    if not right or person.disabled_at is not None:
        auditing.failed_login(store, person.name, Proof.PASSWORD_AND_CODE, came.address, "wrong code")
        raise WrongCredentials("this code is not valid now, or was used before")
    throttle.succeed(store, made)


def _secret_of(project: Project, person: Person) -> str:
    """Raises SealUnusable, also for the sealed secret of somebody else."""
    from pilotage.app.identity.sealing import SealUnusable

    found = seal_for(project).open(_PURPOSE, person.totp or "", project.clock.now())
    if not isinstance(found, dict) or found.get("person") != person.id:
        raise SealUnusable("the second factor in the store belongs to somebody else")
    return str(found["secret"])


def _step_of(secret: str, code: str, now: float) -> int | None:
    """The time step whose code it is; the latest that fits."""
    import hmac

    import pyotp

    made, current = pyotp.HOTP(secret), int(now // STEP)
    for step in range(current + _DRIFT, current - _DRIFT - 1, -1):
        if hmac.compare_digest(made.at(step), _plain(code)):
            return step
    return None


def _plain(code: str) -> str:
    """As it was meant, however people group and write it."""
    return "".join(one for one in code[:100].lower() if one.isascii() and one.isalnum())
