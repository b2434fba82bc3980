"""Who somebody is, by whatever name, and for what they may answer: `people` of the configuration."""

from __future__ import annotations

from dataclasses import dataclass

from pilotage.config.loading import Loaded
from pilotage.model.errors import Forbidden, Invalid
from pilotage.model.schedule import Role


class UnknownRole(Invalid):
    """A word that is no role of any plan."""


@dataclass(frozen=True)
class Person:
    """names: all of them, `name` first. roles: None where the configuration names nobody, and anybody may answer."""

    name: str
    names: tuple[str, ...]
    roles: tuple[str, ...] | None


def person_of(loaded: Loaded, actor: str) -> Person:
    people = loaded.configuration.people
    for name, section in people.items():
        if actor in (name, *section.also):
            return Person(name, (name, *section.also), tuple(section.roles))
    return Person(actor, (actor,), () if people else None)


def role_called(word: str) -> Role:
    """The role of a name such as `qa-lead` or "QA lead". Raises UnknownRole."""
    for role in Role:
        if word.lower().replace("-", " ") == role.lower():
            return role
    raise UnknownRole(f"there is no role {word!r}; there are {', '.join(hyphened(role) for role in Role)}")


def hyphened(role: str) -> str:
    """As it is written on a command line."""
    return role.lower().replace(" ", "-")


def check_role(loaded: Loaded, person: Person, role: Role) -> None:
    """Raises Forbidden when the configuration gives the role to others."""
    if person.roles is None or any(word.lower() == role.lower() for word in person.roles):
        return
    holders = [
        name
        for name, section in loaded.configuration.people.items()
        if any(word.lower() == role.lower() for word in section.roles)
    ]
    who = f"{', '.join(holders)} may" if holders else f"nobody is: {loaded.place('people')} gives the role to no one"
    raise Forbidden(f"{person.name} is no {role}; {who}")
