"""Readiness of one release as a page shows it, and the sign-off or waiver of one item from there. What is given counts
for the plan that the person saw, and for no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from pilotage.app.known_risk import planned
from pilotage.app.permissions import Permission, Thing, may
from pilotage.app.plan import PlanRequest
from pilotage.app.project import Project
from pilotage.app.readiness.assessment import assess_readiness
from pilotage.app.requests import SignOffRequest, WaiverRequest
from pilotage.app.signoffs import SignedOff, sign_off, waive
from pilotage.engine.records.releases import days_of
from pilotage.model.errors import Conflict, Invalid
from pilotage.model.plan import Plan
from pilotage.model.quantity import parse_duration
from pilotage.model.readiness import Gate, GateStatus, Readiness
from pilotage.model.schedule import Requirement, Role
from pilotage.readiness.gates import by_word
from pilotage.render.readiness import by_owner

MayHere = Callable[[Permission], bool]
"""Whether the reader has a permission in the environment."""


class PlanMoved(Conflict):
    """The release has another plan than the one that the person saw: nothing was signed or waived."""


class NoUntil(Invalid):
    """The end of a waiver is no duration."""


class NoReleaseDay(Invalid):
    """The day of a release is not written as one."""


@dataclass(frozen=True, kw_only=True)
class GateView:
    """signs: the role in which the reader may sign it off, empty where they may not · waives: the same for a waiver."""

    gate: Gate
    signs: str = ""
    waives: str = ""


@dataclass(frozen=True, kw_only=True)
class ReadinessView:
    """gates: what is to do first, then the rest · tracked: the day for which people work on the version; None without
    one."""

    plan: Plan
    found: Readiness
    gates: tuple[GateView, ...]
    tracked: date | None


def plan_of(project: Project, environment: str, version: str, day: str) -> Plan:
    """As of today. day: on which all users have it; empty for a plan without a date, as commands make it. Raises
    NoReleaseDay, ValueError with what is wrong."""
    try:
        wanted = date.fromisoformat(day) if day else None
    except ValueError:
        raise NoReleaseDay(f"{day!r} is not a day: write it as 2026-12-01") from None
    if wanted is not None and not 1970 <= wanted.year < 2200:
        raise NoReleaseDay(f"{wanted} is not between 1970 and 2199")
    return planned(project, environment, PlanRequest(version, wanted, project.today))


def readiness_view(
    project: Project, actor: str, environment: str, wanted: tuple[str, str], may_here: MayHere
) -> ReadinessView:  # fmt: skip
    """Checks everything; keeps no figures, because it only shows. wanted: version, and day or nothing."""
    version, day = wanted
    plan = plan_of(project, environment, version, day)
    found = assess_readiness(project, actor, plan, keeps=False)
    items = {item.id: item for item in plan.readiness}
    return ReadinessView(
        plan=plan, found=found, tracked=tracked_day(project, environment, version),
        gates=tuple(_view(project, actor, plan, gate, items.get(gate.item), may_here) for gate in by_owner(found)),
    )  # fmt: skip


def tracked_day(project: Project, environment: str, version: str) -> date | None:
    """For which people work on it."""
    found = days_of(project.store.engine, project.service_name, version)
    return next((day for place, day in found if place == environment), None)


def _view(
    project: Project, actor: str, plan: Plan, gate: Gate, item: Requirement | None, may_here: MayHere
) -> GateView:  # fmt: skip
    if gate.standing is not GateStatus.NOT_READY:
        return GateView(gate=gate)
    owner = item.owner if item is not None else _role(gate.owner)
    if owner is None:
        return GateView(gate=gate)
    signs = ""
    if item is not None and item.blocking and by_word(item.id) and may_here(Permission.SIGN_OFF):
        signs = next(_held(project, actor, plan, Permission.SIGN_OFF, (owner,)), "")
    waives = ""
    if may_here(Permission.WAIVE):
        waives = next(_held(project, actor, plan, Permission.WAIVE, (owner, Role.RELEASE_MANAGER)), "")
    return GateView(gate=gate, signs=signs, waives=waives)


def _role(name: str) -> Role | None:
    return next((role for role in Role if role == name), None)


def _held(
    project: Project, actor: str, plan: Plan, permission: Permission, roles: tuple[Role, ...]
) -> Iterator[str]:  # fmt: skip
    """Of these roles, those in which the actor's word counts."""
    people = project.people
    who = people.identify(actor)
    for role in roles:
        if may(who, permission, Thing(service=plan.service, environment=plan.environment, role=role), people) is None:
            yield str(role)


# ── one item ───────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class ItemRequest:
    """day: of the plan, empty for none · plan: hash of the plan that the person saw · role: in which they speak ·
    until: of a waiver, a duration such as 3d."""

    environment: str
    version: str
    plan: str
    item: str
    role: str
    reason: str = ""
    until: str = ""
    day: str = ""


def sign_item(project: Project, actor: str, request: ItemRequest) -> SignedOff:
    """Raises PlanMoved, NothingToSign, Forbidden, UnknownRole, BadEvidence."""
    plan = _seen(project, request)
    wanted = SignOffRequest(plan=plan, role=request.role, items=(request.item,), comment=request.reason)
    return sign_off(project, actor, wanted)


def waive_item(project: Project, actor: str, request: ItemRequest) -> None:
    """Raises PlanMoved, NoUntil, NothingToSign, Forbidden, TooManyWaivers, UnknownRole."""
    if not request.reason.strip():
        raise NoUntil("a waiver needs a reason: it stays visible with the release")
    try:
        seconds = float(parse_duration(request.until))
    except ValueError as error:
        raise NoUntil(f"until when the waiver holds: {error}") from None
    if seconds <= 0:
        raise NoUntil("a waiver holds longer than 0 s, such as 3d")
    plan, until = _seen(project, request), project.clock.now() + seconds
    waive(
        project, actor,
        WaiverRequest(plan=plan, items=(request.item,), role=request.role, until=until, reason=request.reason),
    )  # fmt: skip


def _seen(project: Project, request: ItemRequest) -> Plan:
    """The plan, if it is still the one that the person saw. Raises PlanMoved."""
    plan = plan_of(project, request.environment, request.version, request.day)
    if plan.hash != request.plan:
        raise PlanMoved(
            f"the plan of {request.version} has changed since you looked: it was {request.plan[:12] or 'unknown'}, and "
            f"is {plan.hash[:12]}. Nothing was recorded"
        )
    return plan
