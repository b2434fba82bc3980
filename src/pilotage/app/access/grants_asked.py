"""Grants as people write them, checked: the role exists, and so do the service and the environment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pilotage.app.project import Project
from pilotage.app.roles import Eyes
from pilotage.config.yaml_reader import ConfigError
from pilotage.model.access import ANYWHERE, AccessRole, Grant, Identity
from pilotage.model.errors import Invalid


class NoSuchGrant(Invalid):
    """The role, the service or the environment does not exist. The message lists what there is."""


def read_grants(project: Project, texts: Iterable[str]) -> tuple[Grant, ...]:
    """Of words such as `deployer@shop/production`. Raises NoSuchGrant."""
    return tuple(dict.fromkeys(checked(project, Grant.read(text)) for text in texts))


def checked(project: Project, grant: Grant) -> Grant:
    """The same. Raises NoSuchGrant."""
    roles = [*AccessRole, *sorted(project.store.persons.custom_roles())]
    if grant.role not in roles:
        raise NoSuchGrant(f"there is no role {grant.role!r}; there are {', '.join(roles)}")
    try:
        known = project.names.environments
    except ConfigError:
        return grant
    if project.identity is not None:
        known = _seen(project.identity, project, known)
    if grant.service != ANYWHERE and grant.service not in known:
        raise NoSuchGrant(f"there is no service {grant.service!r}; there are {', '.join(known)}")
    there = known[grant.service] if grant.service != ANYWHERE else [one for each in known.values() for one in each]
    if grant.environment != ANYWHERE and grant.environment not in there:
        where = grant.service if grant.service != ANYWHERE else "No service"
        raise NoSuchGrant(f"{where} has no environment {grant.environment!r}; it has {', '.join(dict.fromkeys(there))}")
    return grant


def _seen(
    identity: Identity, project: Project, known: Mapping[str, tuple[str, ...]]
) -> Mapping[str, tuple[str, ...]]:  # fmt: skip
    """Services and environments that this identity sees: the message names no others."""
    eyes = Eyes(identity=identity, custom=project.store.persons.custom_roles())
    there = {service: tuple(one for one in each if eyes.sees(service, one)) for service, each in known.items()}
    return {service: each for service, each in there.items() if each}
