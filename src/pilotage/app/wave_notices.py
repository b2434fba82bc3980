"""Tells the tenants of each wave when a release comes to them, reaches them, has proven itself, or is taken back.

What is due follows from the recorded events alone, and each notice has a key, so a worker that dies in the middle sends
nothing twice. Contacts are read from the list of tenants when a notice is sent; no plan and no record has them.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pilotage.adapters.ports import AdapterError
from pilotage.app.after_rollouts import project_here
from pilotage.app.project import Project
from pilotage.app.snapshot import channels_of
from pilotage.app.waves import tenants_of
from pilotage.engine.records import outbox
from pilotage.engine.records.store import Store
from pilotage.model.channel import channel_of
from pilotage.model.errors import PilotageError
from pilotage.model.json import JsonObject
from pilotage.model.message import TENANTS_OF_A_WAVE, Message, Personal, Severity
from pilotage.model.plan import Plan
from pilotage.model.record import Rollout, RolloutSummary
from pilotage.model.tenant import Tenant
from pilotage.model.wave import Wave
from pilotage.plan.tenant_waves import first_names
from pilotage.report.wave_telling import WaveNotice, ahead, notices, subject, subject_ahead, text

_log = logging.getLogger(__name__)
_RECENT = 86400.0
"""Seconds after its end in which what is still owed of a rollout is told."""
_MOST = 5
"""Rollouts of an environment that are looked at, the newest."""


class WaveNotices:
    """The worker's job; of one folder."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._settled: dict[str, int] = {}
        """By rollout: how many of its events were told."""
        self._bare: set[str] = set()
        """Rollouts without waves."""

    def look(self, store: Store) -> None:
        """Post what is due and was not posted before."""
        now = store.clock.now()
        for service, environment in store.places():
            for one in store.history(service, environment, limit=_MOST):
                fresh = one.finished_at is None or now - one.finished_at < _RECENT
                if fresh and one.id not in self._bare and self._settled.get(one.id, -1) < one.events:
                    self._follow(store, one)

    def _follow(self, store: Store, one: RolloutSummary) -> None:
        try:
            rollout = store.get(one.id)
            if not rollout.plan.waves:
                self._bare.add(one.id)
            elif not self._tell(store, rollout):
                return
        except (PilotageError, AdapterError, OSError) as error:
            # Told once for each change of the rollout; until it works, every look tries again.
            if self._settled.get(one.id) != -one.events:
                _log.warning("%s: its tenants are not told yet: %s", one.id, error)
            self._settled[one.id] = -one.events
            return
        self._settled[one.id] = one.events

    def _tell(self, store: Store, rollout: Rollout) -> bool:
        """False where another folder does it, or nothing says how."""
        project = project_here(self._directory, store, rollout.service, rollout.environment)
        if project is None:
            return False
        due = notices(rollout.plan, [event.what for event in store.events(rollout.id)])
        receivers = _receivers(project, rollout.plan) if due else []
        if not receivers:
            return True
        tenants = tenants_of(project.loaded, rollout.environment)
        for notice in due:
            _post(store, _message(rollout, notice, tenants, store.clock.now()), receivers)
        return True


def _receivers(project: Project, plan: Plan) -> list[JsonObject]:
    """The channels that lead to the tenants of a wave."""
    return [
        section
        for section in channels_of(project.loaded)
        if TENANTS_OF_A_WAVE in (channel := channel_of(section)).audiences
        and plan.environment in (channel.environments or (plan.environment,))
    ]


def _message(rollout: Rollout, notice: WaveNotice, tenants: Mapping[str, Tenant], now: float) -> Message:
    plan = rollout.plan
    wave = next(one for one in plan.waves if one.name == notice.wave)
    title, words = subject(plan, notice.news), text(plan, notice.news, rollout.old or "")
    key = f"wave/{rollout.id}/{notice.key}"
    return Message(
        key, f"wave/{rollout.id}/{notice.wave}", "announcement", Severity.INFO, title, words, now, plan.service,
        plan.environment, plan.version, facts=(("wave", wave.name), ("tenants", first_names(wave))),
        audience=TENANTS_OF_A_WAVE,
        personal=(Personal(to=contacts(plan, wave, tenants), title=title, text=words),),
    )  # fmt: skip


def _post(store: Store, message: Message, receivers: list[JsonObject]) -> None:
    """Once, whatever became of an earlier look. A channel of mails gets nothing for a wave without contacts."""
    reachable = any(part.to for part in message.personal)
    sections = [one for one in receivers if reachable or not channel_of(one).tenants]
    outbox.post_to_once(store.engine, message, sections, store.clock.now())


def contacts(plan: Plan, wave: Wave, tenants: Mapping[str, Tenant]) -> tuple[str, ...]:
    """Where the tenants of a wave are reached: those of the plan, as far as the list still has them. The rest is
    everybody in the list who is in no other wave."""
    others = {member for one in plan.waves for member in one.members}
    names = [name for name in tenants if name not in others] if wave.rest else wave.members
    found = (tenants[name].contact for name in names if name in tenants)
    return tuple(dict.fromkeys(contact for contact in found if contact))


def with_waves(project: Project, plan: Plan, message: Message) -> Message:
    """The notice before the release, for each wave in its own words. Raises BadTenants, AdapterError."""
    if not plan.waves:
        return message
    tenants = tenants_of(project.loaded, plan.environment)
    parts = (
        Personal(to=contacts(plan, wave, tenants), title=subject_ahead(plan, wave), text=ahead(plan, wave))
        for wave in plan.waves
    )
    return replace(message, personal=tuple(part for part in parts if part.to))
