"""Why somebody may do something, or may not: which grant allows it, or what is missing and who could give it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pilotage.app.auditing import action_of
from pilotage.app.identity.sessions import grants_of
from pilotage.app.permissions import Permission, Thing, may
from pilotage.app.project import Project
from pilotage.app.roles import BUILT_IN, Eyes, permissions_of
from pilotage.model.access import ANYWHERE, Grant, HolderKind, Identity
from pilotage.model.actor import ActorKind
from pilotage.model.errors import Invalid, PilotageError
from pilotage.model.output.access import WhyOutput
from pilotage.model.wording import one_of


class NoSuchAction(Invalid):
    """No permission is called so. The message lists them."""


class NoSuchActor(PilotageError):
    """Nobody of this name has an account, a role or an entry in `people`."""

    exit_status, http_status = 2, 404


@dataclass(frozen=True, kw_only=True)
class Held:
    """A grant and where it comes from, such as `group ops`."""

    grant: Grant
    source: str


def permission_called(word: str) -> Permission:
    """Of `take-back`, or of the words that complete "may …". Raises NoSuchAction."""
    for one in Permission:
        if word.strip().lower() in (action_of(one), one.value):
            return one
    raise NoSuchAction(f"no action is called {word!r}; there are {', '.join(map(action_of, Permission))}")


def why(project: Project, asker: str, actor: str, permission: Permission, service: str, environment: str) -> WhyOutput:
    """About oneself anyone may ask, about others those who manage people. Raises Forbidden, NoSuchActor."""
    if project.identity is not None and asker != actor:
        project.require(asker, Permission.MANAGE_PEOPLE)
    found, kind, account = _held(project, actor)
    thing = Thing(service=service, environment=environment)
    sentences = list[str]()
    if account:
        sentences.append(account)
    custom = project.store.persons.custom_roles()
    granted = False
    for one in found:
        has = permission in permissions_of(one.grant.role, custom)
        covers = one.grant.covers(service, environment)
        granted |= has and covers
        sentences.append(_about(one, permission, thing, has=has, covers=covers))
    if not found:
        sentences.append(f"{actor} has no role")
    named = project.people.identify(actor, kind)
    word = may(named, permission, thing, project.people)
    if word:
        sentences.append(word.sentence)
    allowed = granted and word is None and not account.endswith("is disabled")
    who = () if allowed else tuple(_who_could(project, permission, thing))
    if project.identity is not None and not _sees(project.identity, custom, thing):
        who = who[:1]  # the role that is needed; whoever has it there is not shown to who may not look
    return WhyOutput(
        allowed=allowed, actor=actor, action=action_of(permission), service=service, environment=environment,
        sentences=tuple(sentences), who=who,
    )  # fmt: skip


def _sees(identity: Identity, custom: Mapping[str, frozenset[str]], thing: Thing) -> bool:
    """Whether this identity may see who does what there; of no place in particular, everybody who sees any."""
    eyes = Eyes(identity=identity, custom=custom)
    return eyes.sees(thing.service, thing.environment) or (not thing.service and eyes.somewhere(Permission.READ))


def _held(project: Project, actor: str) -> tuple[list[Held], ActorKind, str]:
    """The grants, the kind, and what is to be said of the account. Raises NoSuchActor."""
    store = project.store
    person = store.persons.called(actor)
    if person is not None:
        own = set(store.persons.grants_of(HolderKind.PERSON, (actor,)))
        found = [Held(grant=one, source="their own") for one in own]
        for group in person.groups:
            found += [
                Held(grant=one, source=f"by the group {group}")
                for one in store.persons.grants_of(HolderKind.GROUP, (group,))
            ]
        assert {one.grant for one in found} == set(grants_of(store, person))
        return found, ActorKind.PERSON, f"the account of {actor} is disabled" if person.disabled_at is not None else ""
    service = store.persons.grants_of(HolderKind.SERVICE, (actor,))
    if service:
        held = [Held(grant=one, source="their own") for one in service]
        return held, ActorKind.MACHINE, f"{actor} is a service account"
    if project.people.identify(actor).name in project.people.by_name:
        return [], ActorKind.PERSON, f"{actor} is in `people` and has no account here"
    raise NoSuchActor(f"nobody called {actor!r} has an account, a role or an entry in `people`")


def _about(one: Held, permission: Permission, thing: Thing, *, has: bool, covers: bool) -> str:
    where = "/".join(name for name in (thing.service, thing.environment) if name) or "everything"
    if has and covers:
        return f"{one.grant} ({one.source}) allows them to {permission} in {where}"
    if has:
        return f"{one.grant} ({one.source}) allows them to {permission}, but not in {where}"
    return f"{one.grant} ({one.source}) does not allow them to {permission}"


def _who_could(project: Project, permission: Permission, thing: Thing) -> Iterator[str]:
    """Those who may do it, and those who may give the role."""
    store, custom = project.store, project.store.persons.custom_roles()
    held = store.roles.all()
    able = [
        one for one in held
        if one.grant.covers(thing.service, thing.environment) and permission in permissions_of(one.grant.role, custom)
    ]  # fmt: skip
    roles = [role.value for role, allowed in BUILT_IN.items() if permission in allowed]
    yield f"needed: {one_of(roles)}"
    if names := dict.fromkeys(_named(one.kind, one.holder) for one in able):
        yield f"may do it: {', '.join(names)}"
    givers = [
        one for one in held
        if one.grant.service == ANYWHERE and Permission.MANAGE_PEOPLE in permissions_of(one.grant.role, custom)
    ]  # fmt: skip
    if names := dict.fromkeys(_named(one.kind, one.holder) for one in givers):
        yield f"may give a role: {', '.join(names)}"


def _named(kind: HolderKind, holder: str) -> str:
    return holder if kind is HolderKind.PERSON else f"the {kind} {holder}"
