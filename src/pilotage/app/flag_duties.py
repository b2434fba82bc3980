"""The duties of a release's flag (R16): that of a release or an experiment goes one day, and a kill switch is tested.

Both are follow-ups with an owner and a day, so they are reminded of as every follow-up is.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date, timedelta

from pilotage.app.flags import opened_flag
from pilotage.app.permissions import Permission
from pilotage.app.project import Project, Unclear
from pilotage.app.snapshot import channels_of
from pilotage.config.calendars import calendar_of
from pilotage.engine.records import followups, outbox
from pilotage.model.clock import day_of
from pilotage.model.flag import FlagPurpose
from pilotage.model.followup import FollowUp
from pilotage.model.json import JsonObject, find, text_at
from pilotage.model.message import Message, Severity
from pilotage.model.record import Rollout
from pilotage.model.schedule import Role
from pilotage.rollout.strategies import strategy_of

_DRILL_EVERY = 30 * 86400.0
"""Seconds; where nothing is said of drills."""


@dataclass(frozen=True, kw_only=True)
class FlagDrilled:
    """The kill switch worked. seconds: to turn the flag on and off for a test user · next: the day of the next drill,
    as YYYY-MM-DD; empty for a flag that does not stay."""

    flag: str
    environment: str
    seconds: float
    next: str = ""


def after_release(project: Project, rollout: Rollout, day: date) -> None:
    """What a completed feature toggle leaves to do. day: of its end. Again is harmless."""
    section = rollout.snapshot.section("flag")
    if not strategy_of(rollout.plan).takes_flag or not section:
        return
    key, purpose = text_at(section, "key"), find(section, "purpose") or FlagPurpose.RELEASE
    if purpose == FlagPurpose.KILL_SWITCH:
        _plan_drill(project, rollout.environment, section, day, rollout.version)
    elif purpose in [one for one in FlagPurpose if one.expires]:
        after = day + timedelta(seconds=rollout.plan.number("feature_toggle.flag_removal_delay"))
        removal = FollowUp(
            0, f"Remove the flag {key}, and the code for users without it", _owner(project, section),
            str(find(section, "expires") or _working_day(project, after).isoformat()),
            "the code does not read the flag any more, and the provider does not have it", "medium", rollout.version,
        )  # fmt: skip
        _add(project, removal, f"{rollout.id}/flag-removal")
    if purpose == FlagPurpose.EXPERIMENT and rollout.live.experiment is not None:
        _tell(project, rollout, key, rollout.live.experiment.sentence)


def drill_flag(project: Project, actor: str, key: str, environment: str | None) -> FlagDrilled:
    """Test the kill switch on a copy of the flag. Raises Unclear, and AdapterError if it does not work."""
    from pilotage.adapters import registry
    from pilotage.model.capabilities import Port

    name = project.environment(environment)
    project.require(actor, Permission.KILL_FLAG, name)
    section, flags = opened_flag(project, name)
    if key and key != section.key:
        raise Unclear(f"the flag of {name} is {section.key}, not {key}")
    if not registry.of(Port.FLAGS, section).can(section).rehearse:
        raise Unclear(f"flag provider {section.kind} cannot test a kill switch on a copy of the flag")
    began = time.monotonic()
    flags.rehearse()
    took, today = time.monotonic() - began, _today(project)
    if section.purpose is not FlagPurpose.KILL_SWITCH:
        return FlagDrilled(flag=section.key, environment=name, seconds=took)
    kept = section.model_dump(mode="json")
    service, engine = project.loaded.configuration.service, project.store.engine
    for one in followups.actions_of(engine, service, open_only=True):
        if one.description == _words(section.key, name):
            followups.done(engine, service, one.id, f"it worked within {took:.3f} s", actor, project.clock.now())
    return FlagDrilled(
        flag=section.key, environment=name, seconds=took, next=_plan_drill(project, name, kept, today, "")
    )  # fmt: skip


def _tell(project: Project, rollout: Rollout, key: str, result: str) -> None:
    message = Message(
        f"experiment/{rollout.id}", rollout.id, "experiment-ended", Severity.INFO,
        f"{rollout.service} {rollout.version} → {rollout.environment}: result of the experiment {key}", result,
        project.clock.now(), rollout.service, rollout.environment, rollout.version,
    )  # fmt: skip
    outbox.post_once(project.store.engine, message, channels_of(project.loaded), project.clock.now())


def _plan_drill(project: Project, environment: str, section: JsonObject, day: date, version: str) -> str:
    """The day of the next drill after `day`, kept as a follow-up."""
    key = text_at(section, "key")
    readiness = project.loaded.configuration.readiness
    every = readiness.max_drill_age if readiness else _DRILL_EVERY
    due = _working_day(project, day + timedelta(seconds=every)).isoformat()
    drill = FollowUp(
        0, _words(key, environment), _owner(project, section), due, "the drill succeeds", "medium", version
    )  # fmt: skip
    _add(project, drill, f"flag-drill/{environment}/{key}/{due}")
    return due


def _words(key: str, environment: str) -> str:
    return f"Test the kill switch {key}: `pilotage flag drill {key} -e {environment}`"


def _owner(project: Project, section: JsonObject) -> str:
    from pilotage.app.aftermath import owner_of

    return str(find(section, "owner") or owner_of(project, Role.ENGINEERING_LEAD))


def _add(project: Project, action: FollowUp, origin: str) -> None:
    service, now = project.loaded.configuration.service, project.clock.now()
    channels = channels_of(project.loaded)
    followups.add_once(project.store.engine, service, action, channels, now, f"{service}/{origin}")


def _working_day(project: Project, day: date) -> date:
    return calendar_of(project.loaded, day).working_day_after(day - timedelta(days=1), 1)


def _today(project: Project) -> date:
    return day_of(project.clock.now(), project.loaded.configuration.calendar.timezone)
