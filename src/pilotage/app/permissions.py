"""Decides whether an actor may do something. Every use case that changes something asks here, and only here.

In a shell nobody is refused a rollback. On a server every deployer of the place may take traffic off harm, whatever
kind of actor they are (`roles.py`), and no rule here comes on top. The engine checks once more before the effect, with
the people that the rollout recorded when it was created (`rollout/commands.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from pilotage.model.actor import Actor, ActorKind
from pilotage.model.errors import Forbidden, Invalid
from pilotage.model.schedule import Role, hyphened

if TYPE_CHECKING:
    from pilotage.config.loading import Loaded


class Permission(StrEnum):
    """What an actor can do; each value completes "may …"."""

    READ = "read"
    PLAN = "make a plan"
    DEPLOY = "deploy"
    ROLL_BACK = "roll back"
    COMMAND = "command a rollout"
    APPROVE = "approve or reject a rollout"
    TAKE_BACK = "return traffic to stable"
    KILL_FLAG = "turn a flag off"
    CLEAN = "remove a failed environment"
    FREEZE = "declare or lift a freeze"
    MOVE_TENANT = "move a tenant to another wave"
    SIGN_OFF = "sign off"
    WAIVE = "waive"
    ANNOUNCE = "change an announcement"
    APPROVE_ANNOUNCEMENT = "approve an announcement"
    REPORT = "report a user's problem"
    DECIDE_REPORT = "confirm or dismiss a report"
    FOLLOW_UP = "add or finish an action"
    WORK_PHASE = "change an activity of a release"
    BOARD_LATE = "board a change after the cut-off"
    DECIDE = "decide whether the release goes ahead"
    MEET = "change a meeting"
    ADOPT = "move an environment"
    STOP = "stop the service"
    BACK_UP = "back up or restore the database"
    PRUNE = "remove old messages and logs"
    EXECUTE = "run a command on a host"
    ROTATE_KEY = "replace the key"
    READ_AUDIT = "read the audit log"
    MANAGE_PEOPLE = "manage people and roles"
    MANAGE_TOKENS = "manage service tokens"
    CONFIGURE = "change settings"


_BY_ROLE = frozenset(
    {
        Permission.SIGN_OFF, Permission.WAIVE, Permission.APPROVE_ANNOUNCEMENT, Permission.DECIDE,
        Permission.BOARD_LATE,
    }
)  # fmt: skip
"""Someone's word that counts because of their role in `people`."""

_WORDS = _BY_ROLE | {Permission.APPROVE}
"""Someone's word: no token and no CI job gives it."""


@dataclass(frozen=True, kw_only=True)
class Thing:
    """The object of an action. role: the role in which the actor gives a statement · others: roles that will do as
    well."""

    service: str
    environment: str = ""
    role: Role | None = None
    others: tuple[Role, ...] = ()


@dataclass(frozen=True, kw_only=True)
class People:
    """`people` of a configuration. by_name: each with roles and other names · where: the place in the file."""

    by_name: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]
    where: str

    @classmethod
    def of(cls, loaded: Loaded) -> People:
        people = loaded.configuration.people.items()
        return cls(
            by_name={name: (tuple(one.roles), tuple(one.aliases)) for name, one in people}, where=loaded.place("people")
        )

    def identify(self, name: str, kind: ActorKind = ActorKind.PERSON) -> Actor:
        """The person with a name or alias."""
        for known, (roles, aliases) in self.by_name.items():
            if name in (known, *aliases):
                return Actor(name=known, kind=kind, aliases=aliases, roles=roles)
        return Actor(name=name, kind=kind, roles=() if self.by_name else None)

    def owner_of(self, name: str) -> str:
        """Whose name or alias it is, however it is written; empty for nobody's."""
        wanted = name.casefold()
        return next(
            (known for known, (_, aliases) in self.by_name.items()
             if wanted in (one.casefold() for one in (known, *aliases))), ""
        )  # fmt: skip

    def holders(self, role: Role) -> tuple[str, ...]:
        """Whoever has a role."""
        return tuple(name for name, (roles, _) in self.by_name.items() if _has(roles, role))


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why not, and who may."""

    sentence: str


def may(actor: Actor, permission: Permission, thing: Thing, people: People) -> Refusal | None:
    """None where the actor may. A pure function of what is given."""
    if permission not in _WORDS:
        return None  # everyone may roll back, and do everything else that their roles on the server allow
    if actor.kind is not ActorKind.PERSON:
        return Refusal(sentence=f"{actor} is a {actor.kind}: only a person may {permission}")
    if permission not in _BY_ROLE or thing.role is None or actor.roles is None:
        return None
    roles = (thing.role, *thing.others)
    if any(_has(actor.roles, role) for role in roles):
        return None
    holders = dict.fromkeys(name for role in roles for name in people.holders(role))
    who = f"{', '.join(holders)} may" if holders else f"{people.where} gives this role to nobody"
    return Refusal(sentence=f"{actor} does not have the role {' or '.join(roles)}; {who}")


def require(people: People, name: str, permission: Permission, thing: Thing) -> Actor:
    """The actor of that name, who may do this. Raises Forbidden with the reason, and who may."""
    actor = people.identify(name)
    if refusal := may(actor, permission, thing, people):
        raise Forbidden(refusal.sentence)
    return actor


def _has(roles: tuple[str, ...], role: Role) -> bool:
    return any(word.lower() == role.lower() for word in roles)


# ── roles ──────────────────────────────────────────────────────────────────────────────────────────────────


class UnknownRole(Invalid):
    """No plan has this role."""


def role_called(word: str) -> Role:
    """The role of a name such as `qa-lead` or "QA lead". Raises UnknownRole."""
    for role in Role:
        if word.lower().replace("-", " ") == role.lower():
            return role
    raise UnknownRole(f"no role is called {word!r}; there are {', '.join(hyphened(role) for role in Role)}")
