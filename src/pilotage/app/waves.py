"""Waves of tenants: who is in which, wishes for another one, and what a running rollout has done."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from functools import partial

from pilotage.adapters.tenants.reading import read_tenants
from pilotage.app.permissions import Permission
from pilotage.app.plan import PlanRequest, plan_for
from pilotage.app.project import Project, Unclear
from pilotage.app.wave_members import members_of, waves_of
from pilotage.config.loading import Loaded
from pilotage.model.plan import Plan
from pilotage.model.record import Rollout
from pilotage.model.tenant import Tenant
from pilotage.model.wave import Wave
from pilotage.model.wave_move import Move, live
from pilotage.model.wave_view import WaveRow, WavesView
from pilotage.plan.tenant_waves import WantedWaves
from pilotage.rollout.waves import state_of

# ── for a plan ─────────────────────────────────────────────────────────────────────────────────────────────


def has_waves(loaded: Loaded, environment: str) -> bool:
    return bool(loaded.configuration.environments[environment].waves)


def with_waves(project: Project, environment: str, wish: PlanRequest) -> PlanRequest:
    """The wish with the waves of the environment, as they are today. A way back has none: all users go back, and no
    list of tenants may block it. Raises BadTenants, BadWaves, AdapterError."""
    if wish.going_back or not has_waves(project.loaded, environment):
        return wish
    return replace(wish, waves=wanted_waves(project, environment))


def wanted_waves(project: Project, environment: str) -> WantedWaves:
    """Raises BadTenants, BadWaves, AdapterError."""
    return wanted_of(project.loaded, environment, moves_of(project, environment), project.today)


def wanted_of(loaded: Loaded, environment: str, moves: Iterable[Move], today: date) -> WantedWaves:
    """The same with these wishes. Raises BadTenants, BadWaves, AdapterError."""
    section, place = loaded.configuration.environments[environment], partial(loaded.place, "environments", environment)
    return waves_of(section, tenants_of(loaded, environment), live(moves, today), place)


def tenants_of(loaded: Loaded, environment: str) -> dict[str, Tenant]:
    """The list of tenants by name, with attributes and contacts, as it is now. Raises BadTenants, AdapterError, and
    Unclear where the environment has none."""
    section = loaded.configuration.environments[environment].tenants
    if section is None:
        example = "tenants: {file: tenants.csv}"
        raise Unclear(f"{loaded.place('environments', environment)}: {environment} has no tenants: add `{example}`")
    return read_tenants(section, loaded.folder)


def moves_of(project: Project, environment: str) -> tuple[Move, ...]:
    """All wishes, also those that are over, the first one first."""
    if not project.has_store:
        return ()
    return project.store.wave_moves.of(project.loaded.configuration.service, environment)


def outdated(plan: Plan, waves: WantedWaves | None) -> str:
    """Why a plan's waves are no longer those of today, in words; empty where they are."""
    if waves is None or not plan.waves:
        return ""
    then = {member: wave.name for wave in plan.waves for member in wave.members}
    now = {member: wave.name for wave in waves.waves for member in wave.members}
    rest = plan.waves[-1].name
    changed = sorted(name for name in {*then, *now} if then.get(name) != now.get(name))
    if not changed:
        return ""
    first = changed[0]
    words = f"{first} moved from {then.get(first, rest)} to {now.get(first, rest)}"
    more = f", and {len(changed) - 1:,} more" if len(changed) > 1 else ""
    return f"the plan is outdated: {words}{more} since it was made; make it again with `pilotage plan {plan.version}`"


# ── wishes ─────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class MoveRequest:
    """A wish as it is given. until: the last day on which it holds."""

    tenant: str
    to: str
    until: date
    reason: str
    environment: str | None = None


@dataclass(frozen=True, kw_only=True)
class Moved:
    """What became of a wish. outdated: about a rollout that was planned before, or empty."""

    environment: str
    move: Move
    before: str
    outdated: str


def move(project: Project, actor: str, request: MoveRequest) -> Moved:
    """Record that a tenant gets releases in another wave until a day. Raises Unclear, Forbidden, BadTenants, BadWaves,
    AdapterError."""
    place, loaded = project.environment(request.environment), project.loaded
    project.require(actor, Permission.MOVE_TENANT, place)
    _require_waves(loaded, place)
    section = loaded.configuration.environments[place]
    names = [wave.name for wave in section.waves]
    if request.to not in names:
        raise Unclear(f"{place} has no wave {request.to!r}; it has {', '.join(names)}")
    tenants = tenants_of(loaded, place)
    if request.tenant not in tenants:
        raise Unclear(f"no tenant is called {request.tenant!r}; `pilotage waves show {names[0]}` lists those of a wave")
    if request.until < project.today:
        raise Unclear(f"--until {request.until} is over: use today, {project.today}, or a later day")
    at = partial(loaded.place, "environments", place)
    before = members_of(section, tenants, live(moves_of(project, place), project.today), at)[request.tenant]
    wish = Move(
        tenant=request.tenant, to=request.to, until=request.until, reason=request.reason, actor=actor,
        at=project.clock.now(),
    )  # fmt: skip
    project.store.wave_moves.record(loaded.configuration.service, place, wish)
    running = running_in(project, place)
    old = outdated(running.plan, wanted_waves(project, place)) if running else ""
    said = f"{running.id} keeps the waves that it was planned with" if running and old else ""
    return Moved(environment=place, move=wish, before=before, outdated=said)


def _require_waves(loaded: Loaded, environment: str) -> None:
    if not has_waves(loaded, environment):
        where = loaded.place("environments", environment)
        raise Unclear(f"{where}: {environment} has no waves: add tenants and waves to it")


# ── how they are ───────────────────────────────────────────────────────────────────────────────────────────


def view(project: Project, environment: str | None) -> WavesView:
    """The waves of an environment, the wishes that hold, and how far a running rollout is. Raises Unclear, BadTenants,
    BadWaves, AdapterError."""
    place = project.environment(environment)
    _require_waves(project.loaded, place)
    wanted, running = wanted_waves(project, place), running_in(project, place)
    planned = _planned(project, place, wanted)
    of_rollout = {wave.name: wave for wave in running.plan.waves} if running else {}
    rows = tuple(
        WaveRow(
            name=wave.name, members=None if wave.rest else len(wave.members), share_percent=wave.share_percent,
            bake_seconds=wave.bake, day=next(one.day for one in wanted.waves if one.name == wave.name),
            starts=of_rollout[wave.name].not_before if wave.name in of_rollout else None,
            state=state_of(running.plan, running.state, wave.name) if running and wave.name in of_rollout else "",
        )
        for wave in planned
    )  # fmt: skip
    return WavesView(
        environment=place, rollout=running.id if running else "", version=running.state.new if running else "",
        waves=rows, moves=tuple(live(moves_of(project, place), project.today).values()),
        outdated=outdated(running.plan, wanted) if running else "",
    )  # fmt: skip


def members(project: Project, environment: str | None, wave: str) -> tuple[str, tuple[str, ...]]:
    """The environment, and the tenants of a wave as they are today. Raises Unclear, BadTenants, BadWaves,
    AdapterError."""
    place = project.environment(environment)
    _require_waves(project.loaded, place)
    section, tenants = project.loaded.configuration.environments[place], tenants_of(project.loaded, place)
    names = [one.name for one in section.waves]
    if wave not in names:
        raise Unclear(f"{place} has no wave {wave!r}; it has {', '.join(names)}")
    at = partial(project.loaded.place, "environments", place)
    of = members_of(section, tenants, live(moves_of(project, place), project.today), at)
    return place, tuple(name for name, mine in of.items() if mine == wave)


def running_in(project: Project, environment: str) -> Rollout | None:
    """The rollout with waves that is under way there."""
    if not project.has_store:
        return None
    service = project.loaded.configuration.service
    mine = [one for one in project.store.active() if (one.service, one.environment) == (service, environment)]
    found = project.store.get(mine[-1].id) if mine else None
    return found if found is not None and found.plan.waves else None


def _planned(project: Project, environment: str, wanted: WantedWaves) -> tuple[Wave, ...]:
    """The waves of a plan that is made now, with the watches of its answers."""
    return plan_for(project.loaded, environment, PlanRequest("0", waves=wanted)).waves
