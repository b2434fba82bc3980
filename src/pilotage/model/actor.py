"""Who asks for something."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ActorKind(StrEnum):
    PERSON = "person"
    TOKEN = "token"  # a kind, and no secret
    MACHINE = "machine"


@dataclass(frozen=True, kw_only=True)
class Actor:
    """A person, a token of theirs, or a machine."""

    name: str
    """As it is recorded: the name in `people`, where it is known there."""
    kind: ActorKind = ActorKind.PERSON
    aliases: tuple[str, ...] = ()
    """Other names of the same person, such as `slack:U0123`."""
    roles: tuple[str, ...] | None = None
    """None where no `people` are configured, and anybody may answer for everything."""

    @property
    def names(self) -> tuple[str, ...]:
        """All of them, `name` first."""
        return (self.name, *self.aliases)

    def __str__(self) -> str:
        return self.name
