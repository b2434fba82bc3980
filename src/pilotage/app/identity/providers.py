"""Signing in at an identity provider: who may come, and whose account it is.

A person is known by the provider's issuer and subject, never by a mail address or a name: those change hands.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from pilotage.adapters.identity_providers.provider import Flow, IdentityNotProven, IdentityProvider, Profile
from pilotage.adapters.secrets import resolve
from pilotage.app import auditing
from pilotage.app.identity.links import refuse_bad_name, refuse_name_of
from pilotage.app.identity.secrets import hash_of, new_secret
from pilotage.app.identity.signing_in import Came, WrongCredentials
from pilotage.app.permissions import People
from pilotage.app.project import Project
from pilotage.engine.records.links import NewAccount
from pilotage.engine.records.persons import NameTaken, Person
from pilotage.model.access import Proof
from pilotage.model.errors import Forbidden, Invalid
from pilotage.model.json import JsonObject

if TYPE_CHECKING:
    from pilotage.config.server import GithubSection, OidcSection, SignIn

LIFETIME = 600.0
"""Seconds that somebody may take at the provider."""


class UnknownProvider(Invalid):
    """The server has no such identity provider."""

    http_status = 404


class NotAdmitted(Forbidden):
    """The provider knows this person, but the server's policy does not let them in."""


def begin(
    project: Project, name: str, redirect: str, wanted: str, person: Person | None = None
) -> tuple[str, JsonObject]:
    """The address that the browser is sent to, and what it keeps meanwhile. person: whose account shall be connected,
    where somebody is signed in already. Raises UnknownProvider, ProviderDown."""
    kept = {
        "provider": name, "state": new_secret(), "nonce": new_secret(), "verifier": new_secret(), "redirect": redirect,
        "next": wanted, "person": person.id if person else None,
    }  # fmt: skip
    return _opened(_section(project, name)).address(_flow(kept)), kept


def finish(project: Project, name: str, kept: JsonObject | None, answer: Mapping[str, str], came: Came) -> Person:
    """Who came back; makes the account at a first sign-in, where the policy says so. Raises WrongCredentials,
    NotAdmitted, NameTaken, ProviderDown."""
    section, now = _section(project, name), project.clock.now()
    try:
        flow = _compared(project, name, kept, answer)
        profile = _opened(section).profile(flow, answer, now)
    except IdentityNotProven as error:
        auditing.failed_login(project.store, "", Proof.PROVIDER, came.address, f"{name}: {error}")
        raise WrongCredentials(str(error)) from None
    groups = tuple(f"{name}:{group}" for group in profile.groups)
    with auditing.signing_in(profile.name, Proof.PROVIDER, came.address):
        connect = kept.get("person") if kept else None
        if isinstance(connect, int):
            return _connected(project, connect, profile, groups)
        return _person(project, section, profile, groups)


def _compared(project: Project, name: str, kept: JsonObject | None, answer: Mapping[str, str]) -> Flow:
    """Raises IdentityNotProven unless this browser began this sign-in at this provider, and ends it for the first
    time."""
    if kept is None or kept.get("provider") != name:
        raise IdentityNotProven("this browser did not begin this sign-in, or took too long: sign in again")
    flow = _flow(kept)
    if not hmac.compare_digest(flow.state.encode(), answer.get("state", "").encode()):
        raise IdentityNotProven("the answer belongs to another sign-in: sign in again")
    if not project.store.accounts.links.first_time(hash_of(flow.state), project.clock.now(), LIFETIME):
        raise IdentityNotProven("this answer was used before: sign in again")
    if "error" in answer:
        raise IdentityNotProven(f"the provider did not sign you in: {answer['error'][:80]}")
    return flow


def _person(project: Project, section: SignIn, profile: Profile, groups: tuple[str, ...]) -> Person:
    accounts = project.store.accounts
    known = accounts.of_subject(profile.issuer, profile.subject)
    _refuse_strangers(section, profile, known is not None)
    if known is None:
        return _joined(project, section, profile, groups)
    if known.disabled_at is not None:
        raise NotAdmitted(f"the account {known.name} is closed")
    if known.groups != groups:
        accounts.set_groups(known.id, groups)
    return known


def _joined(project: Project, section: SignIn, profile: Profile, groups: tuple[str, ...]) -> Person:
    name, people = re.sub(r"[^A-Za-z0-9._@-]+", "-", profile.name)[:64].strip(".-_@"), People.of(project.whole)
    if owner := people.owner_of(f"{section.name}:{profile.name}"):
        name = owner
    else:
        refuse_name_of(people, name, f"add {section.name}:{profile.name} to their aliases")
    refuse_bad_name(name)
    account = NewAccount(
        name=name, password=None, email=profile.email, issuer=profile.issuer, subject=profile.subject, groups=groups,
        by=section.name,
    )  # fmt: skip
    try:
        project.store.accounts.links.join(account, project.clock.now())
    except NameTaken as error:
        raise NameTaken(
            str(error), cure="if that is you, sign in as before and connect the provider in Your account"
        ) from None
    found = project.store.accounts.of_subject(profile.issuer, profile.subject)
    assert found is not None
    return found


def _connected(project: Project, number: int, profile: Profile, groups: tuple[str, ...]) -> Person:
    """The account of somebody who is signed in, connected with the provider."""
    accounts = project.store.accounts
    accounts.connect(number, profile.issuer, profile.subject)
    accounts.set_groups(number, groups)
    found = project.store.persons.numbered(number)
    if found is None or found.disabled_at is not None:
        raise NotAdmitted("this account is closed")
    return found


def _refuse_strangers(section: SignIn, profile: Profile, known: bool) -> None:
    """Raises NotAdmitted."""
    if section.kind == "github":
        # Whoever leaves the organization must not come back.
        wanted = {one.lower() for one in section.organizations}
        if not wanted & set(profile.groups):
            names = ", ".join(section.organizations)
            raise NotAdmitted(f"{profile.name} is a member of none of {names}, or did not let Pilotage see it")
    elif not known:
        domain = profile.email.rpartition("@")[2].lower()
        if domain not in section.admit.domains and not set(section.admit.groups) & set(profile.groups):
            raise NotAdmitted(
                f"{profile.name} has no account here, and the provider's mail address or groups do not open one",
                cure="ask for an invitation, then connect the provider in Your account",
            )


def _section(project: Project, name: str) -> SignIn:
    found = next((one for one in project.whole.configuration.server.sign_in if one.name == name), None)
    if found is None:
        raise UnknownProvider(f"there is no identity provider called {name[:80]!r}")
    return found


def _opened(section: SignIn) -> IdentityProvider:
    return _github(section) if section.kind == "github" else _oidc(section)


def _oidc(section: OidcSection) -> IdentityProvider:
    from pilotage.adapters.identity_providers.oidc import Oidc, Settings

    secret = resolve(section.client_secret).reveal() if section.client_secret else None
    return Oidc(
        Settings(
            issuer=section.issuer, client=section.client_id, secret=secret, scopes=tuple(section.scopes),
            name_claim=section.name_claim, groups_claim=section.groups_claim, private=section.allow_private_network,
        )
    )  # fmt: skip


def _github(section: GithubSection) -> IdentityProvider:
    from pilotage.adapters.identity_providers.github import Github, Settings

    url = section.url.rstrip("/")
    api = "https://api.github.com" if url == "https://github.com" else f"{url}/api/v3"
    organizations = tuple(dict.fromkeys(one.partition("/")[0] for one in section.organizations))
    return Github(
        Settings(
            client=section.client_id, secret=resolve(section.client_secret).reveal(), organizations=organizations,
            url=url, api=api, private=section.allow_private_network,
        )
    )  # fmt: skip


def _flow(kept: Mapping[str, object]) -> Flow:
    text = cast("Mapping[str, str]", kept)
    return Flow(redirect=text["redirect"], state=text["state"], nonce=text["nonce"], verifier=text["verifier"])
