"""Who gives a command."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ActorKind(StrEnum):
    PERSON = "person"
    TOKEN = "token"  # a kind, and no secret
    MACHINE = "machine"


@dataclass(frozen=True, kw_only=True)
class Actor:
    """A person, a person's token, or a machine."""

    name: str
    """The recorded name: the one in `people`, if the actor is listed there."""
    kind: ActorKind = ActorKind.PERSON
    aliases: tuple[str, ...] = ()
    """Other names of the same person, such as `slack:U0123`."""
    roles: tuple[str, ...] | None = None
    """None if no `people` are configured; then anyone may answer for everything."""

    @property
    def names(self) -> tuple[str, ...]:
        """All of them, `name` first."""
        return (self.name, *self.aliases)

    def __str__(self) -> str:
        return self.name
