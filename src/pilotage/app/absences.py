"""Who is away, as `people` of the configuration says, and by which names commits know them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from pilotage.adapters.git import Git
from pilotage.config.models import Configuration
from pilotage.model.absence import Absence


def absences_of(configuration: Configuration) -> tuple[Absence, ...]:
    return tuple(
        Absence(
            person=name,
            names=frozenset(one.casefold() for one in (name, *person.aliases, person.email or name)),
            first=date.fromisoformat(away.first_day),
            last=date.fromisoformat(away.last_day),
        )
        for name, person in configuration.people.items()
        for away in person.away
    )


def named_in(git: Git, last: str, names: Collection[str]) -> frozenset[str]:
    """The names beside these mail addresses in the newest commit of each, in small letters. Raises AdapterError."""
    addresses = [one for one in names if "@" in one]
    one = ("log", "-1", "--format=%aN", "--regexp-ignore-case", "--fixed-strings")
    said = (git.read(*one, f"--author=<{address}>", last, "--") for address in addresses)
    return frozenset(name.strip().casefold() for name in said if name.strip())
