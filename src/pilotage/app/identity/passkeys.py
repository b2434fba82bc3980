"""Passkeys (WebAuthn): registered in the settings, then enough to sign in. Each proves possession and the person.

What the browser signs is bound to the address by which it comes, so a copy of the site gets nothing that counts here.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from pilotage.app import auditing
from pilotage.app.identity.sealing import opened, seal_for
from pilotage.app.identity.secrets import hash_of
from pilotage.app.identity.signing_in import Came, WrongCredentials
from pilotage.app.project import Project
from pilotage.engine.records.accounts import Passkey
from pilotage.engine.records.persons import Person
from pilotage.model.access import Proof
from pilotage.model.errors import Invalid
from pilotage.model.json import Json, JsonObject

if TYPE_CHECKING:
    from fido2.server import Fido2Server

LIFETIME = 600
"""Seconds in which a challenge is answered."""
MOST = 20
"""Passkeys of a person."""
_T = TypeVar("_T")


class BadPasskey(Invalid):
    """The browser's answer does not prove what was asked."""


@dataclass(frozen=True, kw_only=True)
class Challenge:
    """options: for the browser, JSON · state: sealed, comes back with the answer."""

    options: str
    state: str


def possible(base: str) -> bool:
    """Whether browsers know passkeys for this address: one of a name, over HTTPS or on this machine."""
    parts = urlsplit(base)
    host = parts.hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return parts.scheme == "https" or host == "localhost" or host.endswith(".localhost")
    return False


def ask_new(project: Project, person: Person, base: str) -> Challenge:
    """For a new passkey of this person."""
    from fido2.webauthn import (
        PublicKeyCredentialDescriptor,
        PublicKeyCredentialType,
        PublicKeyCredentialUserEntity,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    known = project.store.accounts.passkeys_of(person.id)
    user = PublicKeyCredentialUserEntity(id=_handle(person), name=person.name, display_name=person.name)
    options, state = _server(base).register_begin(
        user,
        [PublicKeyCredentialDescriptor(type=PublicKeyCredentialType.PUBLIC_KEY, id=_bytes(one.id)) for one in known],
        resident_key_requirement=ResidentKeyRequirement.REQUIRED,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return _challenge(project, dict(options), {**state, "person": person.id, "base": base})


def add(project: Project, person: Person, name: str, state: str, answer: str, base: str) -> None:
    """Keep the passkey that the browser made. Raises BadPasskey."""
    asked = _take(project, state, base)
    if asked.get("person") != person.id:
        raise BadPasskey("this passkey was asked for by somebody else")
    made = _checked(lambda: _server(base).register_complete(asked, _parsed(answer))).credential_data
    if made is None or len(project.store.accounts.passkeys_of(person.id)) >= MOST:
        raise BadPasskey(f"the browser sent no passkey, or you have {MOST} already")
    kept = Passkey(
        id=_text(made.credential_id), person=person.id, name=name.strip()[:80] or "Passkey",
        public_key=_text(bytes(made)), count=0, created_at=project.clock.now(), used_at=None,
    )  # fmt: skip
    if not project.store.accounts.add_passkey(kept):
        raise BadPasskey("this passkey is registered already")


def ask(project: Project, base: str) -> Challenge:
    """For whoever has a passkey for this site."""
    from fido2.webauthn import UserVerificationRequirement

    options, state = _server(base).authenticate_begin(user_verification=UserVerificationRequirement.REQUIRED)
    return _challenge(project, dict(options), {**state, "base": base})


def sign_in(project: Project, state: str, answer: str, base: str, came: Came, *, emergency_only: bool) -> Person:
    """Whose passkey answered. Raises WrongCredentials."""
    store = project.store
    try:
        asked, given = _take(project, state, base), _parsed(answer)
        known = store.accounts.passkey(str(given.get("id", "")))
        person = None if known is None else store.persons.numbered(known.person)
        if known is None or person is None:
            raise BadPasskey("nobody has this passkey")
        count = _checked(lambda: _verified(asked, given, known, person, base))
    except BadPasskey as error:
        raise WrongCredentials(f"this passkey does not sign in here: {error}") from None
    allowed = person.disabled_at is None and (person.emergency or not emergency_only)
    if not allowed or not store.accounts.used_passkey(known.id, count, store.clock.now()):
        auditing.failed_login(store, person.name, Proof.PASSKEY, came.address, "a copied passkey, or a closed account")
        raise WrongCredentials("this passkey does not sign in here")
    return person


def _verified(asked: JsonObject, given: JsonObject, known: Passkey, person: Person, base: str) -> int:
    """The counter of the answer. Raises what _checked expects."""
    from fido2.webauthn import AttestedCredentialData, AuthenticationResponse

    _server(base).authenticate_complete(asked, [AttestedCredentialData(_bytes(known.public_key))], given)
    response = AuthenticationResponse.from_dict(given).response
    if response.user_handle is not None and response.user_handle != _handle(person):
        raise ValueError("it names another person")
    return response.authenticator_data.counter


def _server(base: str) -> Fido2Server:
    from fido2.server import Fido2Server
    from fido2.webauthn import PublicKeyCredentialRpEntity

    parts = urlsplit(base)
    origin = f"{parts.scheme}://{parts.netloc}"
    return Fido2Server(
        PublicKeyCredentialRpEntity(id=parts.hostname or "", name="Pilotage"),
        verify_origin=lambda found: found == origin,
    )


def _challenge(project: Project, options: JsonObject, state: JsonObject) -> Challenge:
    sealed = seal_for(project).close("passkey", state, project.clock.now())
    return Challenge(options=json.dumps(options), state=sealed)


def _take(project: Project, state: str, base: str) -> JsonObject:
    """What was asked, once. Raises BadPasskey."""
    found = opened(project, "passkey", state, LIFETIME)
    if found is None or found.get("base") != base:
        raise BadPasskey("this took too long, or began elsewhere; try again")
    if not project.store.accounts.links.first_time(hash_of(state), project.clock.now(), LIFETIME):
        raise BadPasskey("this answer was used before")
    return found


def _checked(work: Callable[[], _T]) -> _T:
    try:
        return work()
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise BadPasskey(f"the browser's answer is not valid: {str(error)[:120]}") from None


def _parsed(answer: str) -> Mapping[str, Json]:
    try:
        found = json.loads(answer[:20_000])
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise BadPasskey("the browser sent no passkey")
    return found


def _handle(person: Person) -> bytes:
    return f"pilotage-{person.id}".encode()


def _text(content: bytes) -> str:
    from fido2.utils import websafe_encode

    return websafe_encode(content)


def _bytes(text: str) -> bytes:
    from fido2.utils import websafe_decode

    return websafe_decode(text)
