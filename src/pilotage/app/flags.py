"""A release's flag: who has it, the kill switch, and flags whose code should be removed."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pilotage.app.permissions import Permission
from pilotage.app.project import Project, Unclear
from pilotage.model.errors import Conflict
from pilotage.model.flag import OFF, Ramp
from pilotage.model.json import text_at

if TYPE_CHECKING:
    from pilotage.adapters.ports import Flags


class NotOff(Conflict):
    """Pilotage turned the flag off, but it is still on: something else writes it as well."""

    exit_status = 5


@dataclass(frozen=True, kw_only=True)
class StaleFlag:
    """A flag that everyone has. days: since when · version: the one that brought it."""

    flag: str
    days: float
    version: str


def read(project: Project, environment: str | None) -> tuple[str, Ramp]:
    """The flag's key, and who has it now, as services evaluate it. Raises Unclear, AdapterError."""
    key, flags = _flag(project, project.environment(environment))
    return key, flags.read()


def kill(project: Project, actor: str, environment: str | None, reason: str) -> tuple[str, float]:
    """Off for everyone, now: one write, read back, without worker, gate or freeze. A rollout under way is rolled back.
    Returns the flag's key and the seconds until it was read back. Raises NotOff, Unclear, AdapterError."""
    from pilotage.engine.records.store import StoreConflict
    from pilotage.model.rollout import CommandKind

    name = project.environment(environment)
    project.require(actor, Permission.KILL_FLAG, name)
    key, flags = _flag(project, name)
    began = time.monotonic()
    flags.apply(OFF)
    if flags.read() != OFF:
        raise NotOff(f"{key} is still on: another program also writes it")
    took = time.monotonic() - began
    latest = project.store.latest(project.loaded.configuration.service, name)
    if latest is not None and not latest.state.status.final:
        words = f"the flag was turned off{': ' + reason if reason else ''}"
        with suppress(StoreConflict):  # it has ended
            project.store.command(latest.id, CommandKind.ABORT, actor, words)
    return key, took


def stale(project: Project, environment: str | None) -> tuple[StaleFlag, ...]:
    """Flags that everyone has had for longer than `feature_toggle.flag_removal_delay`."""
    from pilotage.model.record import Unreadable
    from pilotage.model.rollout import Status
    from pilotage.rollout.strategies import STRATEGIES

    toggles = {name for name, strategy in STRATEGIES.items() if strategy.takes_flag}
    now, newest = project.clock.now(), dict[str, StaleFlag]()
    for rollout in project.store.history(
        project.loaded.configuration.service, project.environment(environment), limit=500
    ):
        ended = rollout.finished_at
        if rollout.strategy not in toggles or not ended or rollout.status is not Status.COMPLETED:
            continue
        try:
            whole = project.store.get(rollout.id)
        except Unreadable as error:
            project.warn(f"{error}: its flag is not checked")
            continue
        section = whole.snapshot.section("flag")
        if section and now - ended > whole.plan.number("feature_toggle.flag_removal_delay"):
            days = (now - ended) / 86400
            key = text_at(section, "key")
            newest.setdefault(key, StaleFlag(flag=key, days=days, version=rollout.version))
    return tuple(newest.values())


def _flag(project: Project, environment: str) -> tuple[str, Flags]:
    """The flag's key and its adapter. The kill switch may not wait for a lease: it writes with the highest token."""
    from pilotage.adapters.context import Context
    from pilotage.adapters.fence import Fence, last_seen
    from pilotage.engine.execution.targets import open_flags

    section = project.loaded.configuration.environments[environment].flag
    if section is None:
        raise Unclear(f"{project.loaded.place('environments', environment)}: no `flag:` is configured")
    service = project.loaded.configuration.service
    place = project.directory / "run" / f"{service}-{environment}"
    token, _ = last_seen(place / "fence.json")
    context = Context(
        directory=place / "flags",
        fence=Fence(place / "fence.json", token),
        service=service,
        environment=environment,
        folder=project.folder,
    )
    return section.key, open_flags(section, context)
