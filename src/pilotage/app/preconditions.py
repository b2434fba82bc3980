"""What must hold before a rollout begins: the plan may be executed, the release is ready, and no freeze is active."""

from __future__ import annotations

from collections.abc import Iterator

from pilotage.app.approvals import nobody_can
from pilotage.app.backups import late_backups
from pilotage.app.configured_checks import configured_checks
from pilotage.app.project import Project
from pilotage.app.requests import DeployRequest
from pilotage.app.setbacks import refuse_unaccepted
from pilotage.app.startable import check_startable
from pilotage.config.kinds import FlagSection
from pilotage.config.loading import Loaded
from pilotage.engine.execution.description import describe, files_of
from pilotage.engine.execution.targets import open_flags
from pilotage.engine.records.store import StoreConflict
from pilotage.model.calendar import Calendar
from pilotage.model.clock import day_of
from pilotage.model.errors import NotReady
from pilotage.model.events import ReadinessChecked, ReadinessNotEnforced
from pilotage.model.flag import Ramp
from pilotage.model.plan import Plan, StepKind
from pilotage.model.readiness import Readiness
from pilotage.model.risk import RiskLevel
from pilotage.model.rollout import Event
from pilotage.model.schedule import Role
from pilotage.plan.steps import Numbers
from pilotage.plan.strategies import steps_of
from pilotage.rollout.strategies import strategy_of
from pilotage.rollout.turn import Configured, Strategy
from pilotage.rollout.windows import in_words, reigning


class PlanStopped(NotReady):
    """The plan has a conflict that nobody accepted, or lacks something that its strategy requires."""


class GatesShut(PlanStopped):
    """The release is not ready: `pilotage ready` shows the gates that fail."""

    def __init__(self, found: Readiness, sentence: str) -> None:
        super().__init__(sentence)
        self.found = found


def check_ready(project: Project, actor: str, request: DeployRequest) -> tuple[Event, ...]:
    """The events of what was asked before the release's start, and what was not. Raises GatesShut, and Unchecked; none
    of them in an emergency."""
    from pilotage.app.rollout_checks import left_out, refuse_unchecked

    plan = request.plan
    asked = () if request.emergency_reason else _asked(project, actor, plan)
    if not request.emergency_reason:
        refuse_unchecked(project, actor, plan)
    skipped = left_out(project, actor, plan)
    for event in skipped:
        project.warn(event.sentence)
    return (*asked, *skipped)


def _asked(project: Project, actor: str, plan: Plan) -> tuple[Event, ...]:
    """The readiness event of the release's start. Raises GatesShut."""
    from pilotage.app.readiness.assessment import assess_readiness, enforced, in_words
    from pilotage.app.signoffs import approved_alone, owe_review

    if not enforced(project.loaded, plan.environment):
        return _not_enforced(project, plan)
    found = assess_readiness(project, actor, plan)
    if not found.ready:
        raise GatesShut(found, f"{plan.version} is not ready for {plan.environment}: {in_words(found)}")
    if approved_alone(plan, found):
        owe_review(project, actor, plan, "the self-approved release", Role.ENGINEERING_LEAD)
    waived = {gate.item: gate.reason for gate in found.waived}
    spared = {gate.item: gate.reason for gate in found.not_required}
    checked = ReadinessChecked(
        waivers=waived, artifact=found.artifact, gate_count=len(found.gates), not_required=spared
    )
    return (checked.record(),)


def _not_enforced(project: Project, plan: Plan) -> tuple[Event, ...]:
    items = tuple(item.id for item in plan.readiness if item.blocking)
    if not items:
        return ()
    told = ReadinessNotEnforced(items=items)
    project.warn(f"{told.sentence} (`pilotage ready {plan.version} -e {plan.environment}` shows all)")
    return (told.record(),)


def check_may_begin(project: Project, actor: str, request: DeployRequest) -> None:
    """Raises PlanStopped for a plan that may not be executed, StoreConflict in a freeze and RecordsNotAccepted after
    a restore unless it is an emergency, CannotStart for a version that cannot be started here."""
    _may_execute(request.plan, project.loaded)
    if not request.emergency_reason:
        refuse_unaccepted(project, request.plan.service, request.plan.environment)
    if not request.emergency_reason and (why := nobody_can(project, actor, request.plan)):
        raise PlanStopped(why)
    for sentence in late_backups(project.loaded, request.plan):
        project.warn(sentence)
    _say_risk(project, request.plan)
    _may_begin(project, request)
    restarts = strategy_of(request.plan).restarts_stable and not request.emergency_reason
    check_startable(project, request.plan.environment, request.plan.version, restarts=restarts)


def _may_execute(plan: Plan, loaded: Loaded) -> None:
    if plan.stopped_by:
        raise PlanStopped(
            f"{plan.version} is not deployed: {'; '.join(f'{c.name}: {c.explanation}' for c in plan.stopped_by)}. "
            f"Change what collides ({'; '.join(c.relaxation for c in plan.stopped_by)}), or accept with "
            f'{" ".join(f"--accept {c.name}" for c in plan.stopped_by)} --reason "…"'
        )
    section = loaded.configuration.environments[plan.environment]
    strategy = strategy_of(plan)
    if missing := strategy.requires(_configured(loaded, plan.environment, strategy)):
        raise PlanStopped(f"{loaded.place('environments', plan.environment)}: {missing[0]}")
    kept = describe(section, loaded.folder).files
    for name in files_of(section):
        if name not in kept:
            where = loaded.place("environments", plan.environment, "router", "maintenance_page")
            raise PlanStopped(
                f"{where}: {name} cannot be read, or is larger than 1 MiB. Create it, or remove the setting"
            )
    known = [*_checks_of(plan, frozenset(section.checks)), *strategy.more_checks]
    named = plan.answers.deployment_strategy
    for name in section.checks:
        if name not in known:
            where = loaded.place("environments", plan.environment, "checks", name)
            raise PlanStopped(f"{where}: {named} has no check {name!r}; it has {', '.join(known) or 'none'}")


def _checks_of(plan: Plan, configured: frozenset[str]) -> Iterator[str]:
    """Names of the strategy's checks. A first deployment makes only some of them, and the releases after it all."""
    steps = plan.steps
    if plan.first:
        numbers = Numbers({one.path: one for one in plan.settings})
        steps = steps_of(plan.answers.deployment_strategy, numbers, plan.instances, configured)
    return (step.id for step in steps if step.kind is StepKind.CHECK)


def _configured(loaded: Loaded, environment: str, strategy: Strategy) -> Configured:
    """What the environment has for the strategy; its flag is looked up only where the strategy takes one."""
    section = loaded.configuration.environments[environment]
    checks = configured_checks(loaded, environment)
    if section.flag is None or not strategy.takes_flag:
        return Configured(checks=checks)
    return Configured(checks=checks, flag=section.flag.key, ramp=_ramp_now(loaded, section.flag))


def _ramp_now(loaded: Loaded, section: FlagSection) -> Ramp:
    """Whom a flag reaches now."""
    from pilotage.adapters.context import Context
    from pilotage.adapters.fence import Fence

    folder = loaded.folder
    unused = folder / "unused"
    context = Context(
        directory=unused, fence=Fence(unused, 0), service=loaded.configuration.service, environment="", folder=folder
    )
    return open_flags(section, context).read()


def _say_risk(project: Project, plan: Plan) -> None:
    """A high or critical risk, also of a release whose strategy is careful enough: its weights may not be."""
    risk = plan.risk
    if risk is None or risk.level.rank < RiskLevel.HIGH.rank:
        return
    found = [f"{one.sentence} ({one.place})" for one in risk.findings if one.level is risk.level and one.place]
    shown = f"`pilotage plan {plan.version} -e {plan.environment} --section risk` recommends how to release it"
    project.warn(f"risk {risk.level.upper()}: {found[0] if found else risk.lead}; {shown}")


def _say_when(project: Project, calendar: Calendar) -> None:
    """The one factor of the risk that is not in the plan: whether now is a good time. A freeze has its own refusal."""
    from pilotage.risk.timing import findings_of

    for finding in findings_of(project.moment, calendar):
        if finding.level is RiskLevel.HIGH:
            project.warn(f"risk of the time: {finding.sentence}; {finding.mitigation}")


def _may_begin(project: Project, request: DeployRequest) -> None:
    """No rollout starts in a freeze, except in an emergency, whose reason is recorded with the start."""
    from pilotage.config.calendars import calendar_of

    plan, store, loaded = request.plan, project.store, project.loaded
    now = store.clock.now()
    calendar = calendar_of(loaded, day_of(now, loaded.configuration.calendar.timezone))
    _say_when(project, calendar)
    freeze = reigning((*calendar.freezes, *store.freezes.of(plan.service, plan.environment, now)), now)
    if freeze is not None and not request.emergency_reason:
        raise StoreConflict(
            f"{plan.version} is not deployed: {in_words(freeze, calendar.zone)} ({freeze.source or 'calendar'}). "
            'Wait, or --break-glass --reason "…"'
        )
