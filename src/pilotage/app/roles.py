"""What each role may do, and whether an identity may do something somewhere.

The table below is the only one: routes of the server, commands that a client sends and use cases all ask it. In a shell
on the machine itself no roles are asked: whoever can write the store needs none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from pilotage.app.permissions import Permission, Refusal, Thing
from pilotage.model.access import AccessRole, Grant, Identity
from pilotage.model.wording import one_of

_VIEWER = frozenset({Permission.READ, Permission.REPORT})
_AUTHOR = _VIEWER | {
    Permission.PLAN, Permission.ANNOUNCE, Permission.SIGN_OFF, Permission.FOLLOW_UP, Permission.WORK_PHASE,
    Permission.MEET,
}  # fmt: skip
_DEPLOYER = _AUTHOR | {
    Permission.DEPLOY, Permission.ROLL_BACK, Permission.COMMAND, Permission.TAKE_BACK, Permission.KILL_FLAG,
    Permission.CLEAN, Permission.MOVE_TENANT, Permission.DECIDE_REPORT, Permission.FREEZE, Permission.BACK_UP,
}  # fmt: skip
_APPROVER = _DEPLOYER | {
    Permission.APPROVE, Permission.WAIVE, Permission.APPROVE_ANNOUNCEMENT, Permission.DECIDE, Permission.BOARD_LATE,
    Permission.READ_AUDIT,
}  # fmt: skip

BUILT_IN: Mapping[AccessRole, frozenset[Permission]] = {
    AccessRole.VIEWER: _VIEWER,
    AccessRole.AUTHOR: _AUTHOR,
    AccessRole.DEPLOYER: _DEPLOYER,
    AccessRole.APPROVER: _APPROVER,
    AccessRole.ADMIN: frozenset(Permission),
}


def permissions_of(role: str, custom: Mapping[str, frozenset[str]]) -> frozenset[Permission]:
    """What a role may do. A role that was deleted may do nothing."""
    if role in set(AccessRole):
        return BUILT_IN[AccessRole(role)]
    return frozenset(Permission(name) for name in custom.get(role, ()) if name in set(Permission))


def admits(
    identity: Identity, permission: Permission, thing: Thing, custom: Mapping[str, frozenset[str]]
) -> Refusal | None:
    """None where one of the identity's grants allows it there."""
    if any(
        grant.covers(thing.service, thing.environment) and permission in permissions_of(grant.role, custom)
        for grant in identity.grants
    ):
        return None
    where = "/".join(name for name in (thing.service, thing.environment) if name) or "every service"
    has = ", ".join(str(grant) for grant in identity.grants) or "no role"
    needed = one_of([role for role, may in BUILT_IN.items() if permission in may])
    return Refusal(sentence=f"{identity.name} may not {permission} in {where}; has {has}, needs {needed}")


def is_within(wanted: Grant, held: Iterable[Grant], custom: Mapping[str, frozenset[str]]) -> bool:
    """Whether these grants allow all that the wanted one allows, everywhere where it does."""
    there = [one for one in held if one.holds(wanted)]
    has = frozenset[Permission]().union(*(permissions_of(one.role, custom) for one in there))
    return bool(there) and permissions_of(wanted.role, custom) <= has


@dataclass(frozen=True, kw_only=True)
class Eyes:
    """What one identity sees and may do, with the custom roles as they were when its request began: a page asks for
    hundreds of places."""

    identity: Identity | None
    custom: Mapping[str, frozenset[str]]

    @cached_property
    def _held(self) -> tuple[tuple[Grant, frozenset[Permission]], ...]:
        grants = self.identity.grants if self.identity is not None else ()
        return tuple((grant, permissions_of(grant.role, self.custom)) for grant in grants)

    def may(self, permission: Permission, thing: Thing) -> bool:
        """As `admits`, without a sentence."""
        return any(
            permission in allowed and grant.covers(thing.service, thing.environment) for grant, allowed in self._held
        )

    def sees(self, service: str, environment: str = "") -> bool:
        return self.may(Permission.READ, Thing(service=service, environment=environment))

    def somewhere(self, permission: Permission) -> bool:
        """Whether the identity may do this in any place."""
        return any(permission in allowed for _, allowed in self._held)


def highest(grants: tuple[Grant, ...]) -> str:
    """The role that a page shows next to a name; empty without one."""
    order = list(AccessRole)
    known = [AccessRole(grant.role) for grant in grants if grant.role in set(AccessRole)]
    return max(known, key=order.index).value if known else next((grant.role for grant in grants), "")
