"""A release's flag: who has it, the kill switch, and flags whose code should be removed."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from pilotage.app.permissions import Permission
from pilotage.app.project import Project, Unclear
from pilotage.model.errors import Conflict
from pilotage.model.flag import OFF, FlagPurpose, Ramp
from pilotage.model.json import JsonObject, find, text_at
from pilotage.model.wording import counted

if TYPE_CHECKING:
    from pilotage.adapters.ports import Flags
    from pilotage.config.kinds import FlagSection
    from pilotage.config.loading import Loaded
    from pilotage.engine.records.store import Store
    from pilotage.model.live import SeenExperiment


class NotOff(Conflict):
    """Pilotage turned the flag off, but it is still on: something else writes it as well."""

    exit_status = 5


@dataclass(frozen=True, kw_only=True)
class StaleFlag:
    """A flag that should be gone. days: for which everyone has had it, or since it expired · version: the one that
    brought it, empty of one that no release has turned on yet · expired: its day, as YYYY-MM-DD; empty without one."""

    flag: str
    days: float
    version: str
    expired: str = ""

    @property
    def sentence(self) -> str:
        if self.expired:
            return f"{self.flag}: expired on {self.expired}, {counted(round(self.days), 'day')} ago"
        return f"{self.flag}: on for everyone for {counted(round(self.days), 'day')}, since {self.version}"


def read(project: Project, environment: str | None) -> tuple[str, Ramp]:
    """The flag's key, and who has it now, as services evaluate it. Raises Unclear, AdapterError."""
    section, flags = opened_flag(project, project.environment(environment))
    return section.key, flags.read()


def kill(project: Project, actor: str, environment: str | None, reason: str) -> tuple[str, float]:
    """Off for everyone, now: one write, read back, without worker, gate or freeze. A rollout under way is rolled back,
    also where the provider fails or wants an approval.
    Returns the flag's key and the seconds until it was read back. Raises NotOff, Unclear, AdapterError."""
    from pilotage.adapters.ports import AdapterError

    name = project.environment(environment)
    project.require(actor, Permission.KILL_FLAG, name)
    section, flags = opened_flag(project, name)
    key = section.key
    began = time.monotonic()
    try:
        flags.apply(OFF)
    finally:
        # Also where the provider did not take it: the rollout turns the flag off as soon as the provider does.
        _undo(project, actor, name, reason)
    for again in (False, True):
        if again:
            # The worker may have written its step just before it read the order.
            flags.apply(OFF)
        try:
            ramp = flags.read()
        except AdapterError as error:
            raise AdapterError(f"{key} was turned off, and reading it back failed: {error}") from error
        if ramp == OFF:
            return key, time.monotonic() - began
    raise NotOff(f"{key} is still on: another program also writes it")


def _undo(project: Project, actor: str, environment: str, reason: str) -> None:
    """Order the rollout under way to be rolled back."""
    from pilotage.engine.records.store import StoreConflict
    from pilotage.model.rollout import CommandKind

    latest = project.store.latest(project.loaded.configuration.service, environment)
    if latest is not None and not latest.state.status.final:
        words = f"the flag was turned off{': ' + reason if reason else ''}"
        with suppress(StoreConflict):  # it has ended
            project.store.command(latest.id, CommandKind.ABORT, actor, words)


def stale(project: Project, environment: str | None) -> tuple[StaleFlag, ...]:
    """Flags that everyone has had for longer than `feature_toggle.flag_removal_delay`, and the configured one after its
    day. A kill switch and a permission never expire."""
    name = project.environment(environment)
    return stale_of(project.store, project.loaded, name, warn=project.warn)


def stale_of(
    store: Store, loaded: Loaded, environment: str, *, warn: Callable[[str], object] = lambda _: None
) -> tuple[StaleFlag, ...]:
    """As `stale`, of an environment by its name. warn: hears of a rollout whose flag cannot be read."""
    from pilotage.model.clock import day_of
    from pilotage.model.record import Unreadable
    from pilotage.model.rollout import Status
    from pilotage.rollout.strategies import STRATEGIES

    toggles = {name for name, strategy in STRATEGIES.items() if strategy.takes_flag}
    now, newest = store.clock.now(), dict[str, StaleFlag]()
    configured = loaded.configuration.environments[environment].flag
    today = day_of(now, loaded.configuration.calendar.timezone)
    if configured and configured.expires and configured.expires < today.isoformat():
        late = float((today - date.fromisoformat(configured.expires)).days)
        newest[configured.key] = StaleFlag(flag=configured.key, days=late, version="", expired=configured.expires)
    for rollout in store.history(loaded.configuration.service, environment, limit=500):
        ended = rollout.finished_at
        if rollout.strategy not in toggles or not ended or rollout.status is not Status.COMPLETED:
            continue
        try:
            whole = store.get(rollout.id)
        except Unreadable as error:
            warn(f"{error}: its flag is not checked")
            continue
        section = whole.snapshot.section("flag")
        if not _expires(section):
            continue
        if now - ended > whole.plan.number("feature_toggle.flag_removal_delay"):
            days = (now - ended) / 86400
            key = text_at(section, "key")
            newest.setdefault(key, StaleFlag(flag=key, days=days, version=rollout.version))
    return tuple(newest.values())


def experiment(project: Project, environment: str | None) -> tuple[str, str, SeenExperiment]:
    """The newest experiment's rollout, the version, and what is known of it. Raises Unclear."""
    from pilotage.model.record import Unreadable

    name = project.environment(environment)
    for one in project.store.history(project.loaded.configuration.service, name, limit=50):
        with suppress(Unreadable):
            found = project.store.get(one.id).live.experiment
            if found is not None:
                return one.id, one.version, found
    raise Unclear(
        f"no experiment has run in {name}: set flag.purpose: experiment, and deploy with deployment_strategy: "
        "feature-toggle"
    )


def _expires(section: JsonObject) -> bool:
    """Whether the flag that a rollout kept is one whose code goes; an older one says nothing of it."""
    purpose = find(section, "purpose") or FlagPurpose.RELEASE.value
    return bool(section) and purpose in [one.value for one in FlagPurpose if one.expires]


def opened_flag(project: Project, environment: str) -> tuple[FlagSection, Flags]:
    """The flag's section and its adapter. The kill switch may not wait for a lease: it writes with the highest token.
    Raises Unclear."""
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
    return section, open_flags(section, context)
