"""What a person can ask for in one sentence: deploy this version, go back to the last good one, take it all down."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from pilotage.app.permissions import person_of
from pilotage.app.plan import Wish, plan_for
from pilotage.config.loading import Loaded
from pilotage.config.models import FlagSection
from pilotage.engine.store import Store, StoreConflict, Wanted
from pilotage.engine.targets import describe, with_learned_routes
from pilotage.engine.times import calendar_facts, in_words, reigning
from pilotage.model.answers import DeploymentStrategy
from pilotage.model.clock import day_of
from pilotage.model.events import ReadinessChecked
from pilotage.model.plan import Plan, StepKind
from pilotage.model.readiness import Readiness
from pilotage.model.record import Rollout
from pilotage.model.rollout import CommandKind, Event, Pace, RolloutState
from pilotage.model.snapshot import KnownPerson, Snapshot
from pilotage.rollout.big_bang import RESTORE
from pilotage.rollout.machine import begin


class PlanStopped(ValueError):
    """The plan may not be executed: an unaccepted conflict (R8), or something that its strategy needs is missing."""


class NotReady(PlanStopped):
    """Something that the release's readiness list wants is missing, where `readiness` is enforced (R5, R6)."""

    def __init__(self, found: Readiness, sentence: str) -> None:
        super().__init__(sentence)
        self.found = found


class NoWayBack(ValueError):
    """There is no version to go back to; says what there is instead."""


@dataclass(frozen=True)
class Started:
    """What came of asking: a rollout that runs (or ran), and the sentence about it. `fresh`: it began just now."""

    rollout: Rollout | None
    sentence: str
    fresh: bool


@dataclass(frozen=True)
class Asked:
    """Who asks for a rollout. busy: what to do while another is under way, refuse, queue or supersede · glass: why the
    glass is broken, empty where it is not."""

    actor: str
    busy: str = "refuse"
    glass: str = ""


def deploy(store: Store, loaded: Loaded, plan: Plan, asked: Asked) -> Started:
    """Begin the rollout of `plan` (rule 8): the version that serves already is a no-op; the stable one, asked for
    while another rolls out, is a return to it; anything else then is refused (StoreConflict), waits, or replaces it.

    Raises PlanStopped for a plan that may not be executed, NotReady where its readiness is enforced, StoreConflict in
    a freeze; the latter two not when the glass is broken.
    """
    check_may_begin(store, loaded, plan, asked)
    latest = store.latest(plan.service, plan.environment)
    serving = store.serving(plan.service, plan.environment)
    if latest is not None and not latest.state.status.final:
        return _while_busy(store, loaded, plan, asked, latest)
    if serving and serving[0] == plan.version:
        return Started(None, f"{plan.version} serves all requests of {plan.environment} already", fresh=False)
    told = check_ready(store, loaded, plan, asked)
    pace = (Pace.URGENT if asked.glass else Pace.FULL) if serving else Pace.FIRST
    return _start(store, loaded, plan, serving[0] if serving else None, pace, asked, told)


def _while_busy(store: Store, loaded: Loaded, plan: Plan, asked: Asked, latest: Rollout) -> Started:
    if plan.version == latest.version:
        return Started(latest, f"{plan.version} is already rolling out", fresh=False)
    if plan.version == latest.old:
        store.command(latest.id, CommandKind.ROLLBACK, asked.actor, f"{plan.version} was deployed again")
        return Started(latest, f"{latest.version} is undone: {plan.version} was deployed again", fresh=False)
    if asked.busy == "refuse":
        raise StoreConflict(
            f"{latest.version} is rolling out in {plan.environment}: wait for it, `pilotage abort` it first, or say "
            "--if-busy queue or supersede"
        )
    waiting = store.queued(plan.service, plan.environment)
    for other in waiting:
        if other.version == plan.version:
            return Started(store.get(other.id), f"{plan.version} waits its turn already", fresh=False)
    told = check_ready(store, loaded, plan, asked)
    pace = Pace.URGENT if asked.glass else Pace.FULL
    now = store.clock.now()
    wanted = _wanted(store, loaded, plan, latest.old, pace, asked, told, now)
    if asked.busy == "supersede":
        rollout = store.supersede(wanted, latest.id, now)
        return Started(rollout, f"{latest.version} is undone, then {plan.version} rolls out", fresh=True)
    rollout = store.create(plan, wanted.state, wanted.snapshot, asked.actor, now, queued=True, more=told)
    return Started(rollout, f"{plan.version} rolls out when {latest.version} is done", fresh=True)


def check_ready(store: Store, loaded: Loaded, plan: Plan, asked: Asked) -> tuple[Event, ...]:
    """What is told of the release's readiness with its start; nothing where it is not enforced or the glass is broken.
    Raises NotReady."""
    from pilotage.app.readiness.assessment import Asker, assess_readiness, enforced, in_words

    if asked.glass or not enforced(loaded, plan.environment):
        return ()
    found = assess_readiness(loaded, plan, store, Asker(asked.actor, store.clock.now()))
    if not found.ready:
        raise NotReady(found, f"{plan.version} is not ready for {plan.environment}: {in_words(found)}")
    waived = {gate.item: gate.reason for gate in found.waived}
    checked = ReadinessChecked(waived=waived, artifact=found.artifact, gates=len(found.gates))
    return (checked.record(),)


def check_may_begin(store: Store, loaded: Loaded, plan: Plan, asked: Asked) -> None:
    """Raises PlanStopped for a plan that may not be executed, StoreConflict in a freeze unless the glass is broken."""
    _may_execute(plan, loaded)
    _may_begin(store, loaded, plan, asked)


def _may_execute(plan: Plan, loaded: Loaded) -> None:
    if plan.stopped_by:
        raise PlanStopped(
            f"{plan.version} is not deployed: {'; '.join(f'{c.name}: {c.explanation}' for c in plan.stopped_by)}. "
            f"Change what collides ({'; '.join(c.relaxation for c in plan.stopped_by)}), or go on with "
            f'{" ".join(f"--accept {c.name}" for c in plan.stopped_by)} --reason "…"'
        )
    section = loaded.configuration.environments[plan.environment]
    place = loaded.place("environments", plan.environment)
    strategy = plan.answers.deployment_strategy
    if strategy is DeploymentStrategy.FEATURE_TOGGLE and section.flag is None:
        raise PlanStopped(f"{place}: a feature toggle needs its flag: flag: {{file: flags.json, key: new-checkout}}")
    if section.flag is not None and strategy is DeploymentStrategy.FEATURE_TOGGLE:
        _begins_dark(loaded, section.flag)
    if strategy is DeploymentStrategy.BIG_BANG and not section.checks.get("check-backup"):
        raise PlanStopped(
            f"{place}: big-bang needs a backup with proof (R15): checks: {{check-backup: [{{run: [./backup.sh]}}], "
            f"{RESTORE}: [{{run: [./restore.sh]}}]}}"
        )
    page = section.router.maintenance_page
    if page and page not in describe(section, loaded.path.resolve().parent).files:
        where = loaded.place("environments", plan.environment, "router", "maintenance_page")
        raise PlanStopped(
            f"{where}: {page} cannot be read, or is larger than 1 MiB. Create it, or leave the setting out"
        )
    known = [step.id for step in plan.steps if step.kind is StepKind.CHECK]
    known += [RESTORE] if strategy is DeploymentStrategy.BIG_BANG else []
    for name in section.checks:
        if name not in known:
            where = loaded.place("environments", plan.environment, "checks", name)
            raise PlanStopped(f"{where}: {strategy} has no check {name!r}; it has {', '.join(known) or 'none'}")


def _begins_dark(loaded: Loaded, section: FlagSection) -> None:
    """A flag that users have already is another release's: turning it off would take something from them."""
    from pilotage.adapters.fence import Fence
    from pilotage.adapters.flags.flagd_file import FlagdFile
    from pilotage.model.flag import OFF

    folder = loaded.path.resolve().parent
    ramp = FlagdFile(folder / section.file, section.key, Fence(folder / "unused", 0)).read()
    if ramp != OFF:
        raise PlanStopped(
            f"the flag {section.key} reaches {ramp.share / 10:g} % of users already: a release begins with a flag that "
            "nobody has; name a new one, or `pilotage flag kill`"
        )


def _may_begin(store: Store, loaded: Loaded, plan: Plan, asked: Asked) -> None:
    """No rollout starts in a freeze; who breaks the glass says why, and it is told with the start."""
    from pilotage.config.calendars import calendar_of

    now = store.clock.now()
    calendar = calendar_of(loaded, day_of(now, loaded.configuration.calendar.zone))
    freeze = reigning((*calendar.freezes, *store.freezes.of(plan.service, plan.environment, now)), now)
    if freeze is not None and not asked.glass:
        raise StoreConflict(
            f"{plan.version} is not deployed: {in_words(freeze, calendar.zone)} ({freeze.source or 'calendar'}). "
            'Wait, or --break-glass --reason "…"'
        )


def go_back(store: Store, loaded: Loaded, environment: str, to: str | None, actor: str, reason: str) -> Started:
    """Undo: the rollout under way, or else return to `to` (the last good version before the present one). Within
    `rollback.window` of the present one's end that version is not watched anew; later it is released like any other.
    Raises NoWayBack when there is nothing to return to."""
    found = way_back(store, loaded.configuration.service, environment, to, actor, reason)
    if isinstance(found, Started):
        return found
    version, serving, latest = found
    plan = plan_for(loaded, environment, Wish(version))
    pace, words = pace_back(plan, latest, store.clock.now())
    started = _start(store, loaded, plan, serving, pace, Asked(actor))
    return replace(started, sentence=f"{environment} goes back to {version}{words}")


def way_back(
    store: Store, service: str, environment: str, to: str | None, actor: str, reason: str
) -> Started | tuple[str, str, Rollout | None]:
    """What undoing means now: the rollout under way is undone (that is asked for here), or there is nothing to do, or
    else the version to return to, the one that serves, and the last rollout. Raises NoWayBack, StoreConflict."""
    latest = store.latest(service, environment)
    if latest is not None and not latest.state.status.final:
        if to not in (None, latest.old):
            raise StoreConflict(f"{latest.version} is rolling out; only {latest.old} can be returned to while it does")
        store.command(latest.id, CommandKind.ROLLBACK, actor, reason)
        return Started(latest, f"{latest.version} is undone", fresh=False)
    serving = store.serving(service, environment)
    if to is None:
        if len(serving) < 2:
            raise NoWayBack(f"no earlier version has served {environment}: there is nothing to go back to")
        to = serving[1]
    elif to not in serving:
        raise NoWayBack(f"{to} has never served all requests of {environment}: `pilotage deploy {to}` rolls it out")
    if to == serving[0]:
        return Started(None, f"{to} serves all requests of {environment} already", fresh=False)
    return to, serving[0], latest


def pace_back(plan: Plan, latest: Rollout | None, now: float) -> tuple[Pace, str]:
    ended = latest.finished_at if latest else None
    window = plan.number("rollback.window")
    if ended is not None and now - ended <= window:
        return Pace.FAST, ""
    return Pace.FULL, "; it is watched like a new one, the rollback window is over"


def _start(
    store: Store,
    loaded: Loaded,
    plan: Plan,
    old: str | None,
    pace: Pace,
    asked: Asked,
    told: tuple[Event, ...] = (),
) -> Started:
    now = store.clock.now()
    wanted = _wanted(store, loaded, plan, old, pace, asked, told, now)
    rollout = store.create(plan, wanted.state, wanted.snapshot, wanted.actor, now, more=told)
    return Started(rollout, f"{plan.version} rolls out to {plan.environment}", fresh=True)


def _wanted(
    store: Store,
    loaded: Loaded,
    plan: Plan,
    old: str | None,
    pace: Pace,
    asked: Asked,
    told: tuple[Event, ...],
    now: float,
) -> Wanted:
    state: RolloutState = begin(plan, old, pace, person_of(loaded, asked.actor).name)
    if asked.glass:
        state = replace(state, reason=asked.glass)
    snapshot = snapshot_of(loaded, plan.environment, now, store.directory)
    return Wanted(plan=plan, state=state, snapshot=snapshot, actor=asked.actor, more=told)


def snapshot_of(loaded: Loaded, environment: str, now: float, directory: Path) -> Snapshot:
    """All that a rollout must know of the configuration, as of its creation. directory: the store's."""
    from pilotage.config.calendars import calendar_of

    section = loaded.configuration.environments[environment]
    people = loaded.configuration.people.items()
    calendar = calendar_of(loaded, day_of(now, loaded.configuration.calendar.zone))
    described = describe(section, loaded.path.resolve().parent)
    return replace(
        with_learned_routes(described, directory, loaded.configuration.service, environment),
        people={name: KnownPerson(roles=tuple(one.roles), also=tuple(one.also)) for name, one in people},
        notify=tuple(channel.model_dump(mode="json") for channel in loaded.configuration.notify),
        calendar=calendar_facts(calendar),
    )
