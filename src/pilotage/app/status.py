"""What serves and what rolls out now, and why some of that may be unknown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pilotage.app.outages import Facts, Outage, Spelled, outage_of, spelled
from pilotage.app.project import Project, Unclear
from pilotage.app.setbacks import setback_of
from pilotage.app.warm import Warm, clock_here, warm_of
from pilotage.model.wording import counted

if TYPE_CHECKING:
    from pilotage.engine.placement.sighting import Sighting
    from pilotage.engine.records.at_once import AtOnce
    from pilotage.engine.records.reader import Reader
    from pilotage.engine.records.store import Store
    from pilotage.model.live import LiveView
    from pilotage.model.record import RolloutSummary
    from pilotage.model.traffic import Split


_FEW = 5
"""Places whose records are read one by one."""

LEFT_OUT = "checks-left-out"
"""Type of the event `ChecksLeftOut`, whose module `status` does not load."""


@dataclass(frozen=True, kw_only=True)
class Home:
    """Another place at which the environment runs. heard: seconds since its worker's last sign · heard_at: Unix
    seconds of it · words: where it is
    and when it was heard of · silent: its worker gives no sign."""

    name: str
    heard: float | None
    heard_at: float | None
    words: str
    silent: bool


@dataclass(frozen=True, kw_only=True)
class EnvironmentStatus:
    """serving: versions, the current one first · newest: the rollout that started last · routed: what its version gets
    of all requests, per mille, as the router was last seen; None where nobody saw · worker: process id of the one here
    · home: None where the environment is at home here · sighting: who answers users, as of now, and None where that is
    at another place · looked: Unix seconds of the last look at the newest rollout, None without one · split: what the
    router was last told, where no rollout has completed · troubles: a sentence for everything that was not told or not
    signed."""

    service: str
    environment: str
    serving: tuple[str, ...]
    newest: RolloutSummary | None
    routed: int | None
    queued: tuple[RolloutSummary, ...]
    worker: int | None
    home: Home | None
    sighting: Sighting | None
    looked: float | None
    split: Split | None
    troubles: tuple[str, ...]
    frozen: tuple[str, ...] = ()
    """A sentence for every declared freeze that holds now."""
    skipped: tuple[str, ...] = ()
    """What the newest rollout goes out, or went out, without: a sentence of its checks that nobody configured."""
    phases: tuple[str, ...] = ()
    """A sentence for each scheduled release that people work on: its forecast, and what is overdue."""
    warm: Warm | None = None
    """The version that stays ready for a rollback."""
    live: LiveView | None = None
    """The last look at the newest rollout."""
    setback: str = ""
    """That Pilotage leaves the environment alone, because the records are older than what was done there."""
    outage: Outage | None = None
    """What a page leads with: that nothing serves users, or that nobody has looked."""
    spelled: Spelled = field(default_factory=Spelled)
    """How a command names it."""

    @property
    def headline(self) -> str:
        """What serves: what is known, not what was so when someone last looked."""
        present = self.serving[0] if self.serving else "nothing"
        if self.home:
            if not self.home.silent:
                return f"{present} serves"
            heard = f" since {clock_here(self.home.heard_at)}" if self.home.heard_at else ""
            return f"not seen{heard}; the last version was {present}"
        under_way = self.newest if self.newest and not self.newest.status.final else None
        if self.sighting and not self.sighting.serves:
            return self._down(present, under_way)
        if self.setback and self.sighting:
            return f"{self._sends}; by its records {present} serves, but they are older than what was done"
        if under_way and self.routed and self.serving and self.sighting:
            return self._rolling_out(under_way.version, present, self.routed) + self._unwatched
        if self.worker and self.outage and not under_way:
            seen = f" at {clock_here(self.outage.since)}" if self.outage.since else ""
            return f"{present} served when last seen{seen}; {self.outage.why}"
        if self.serving or not self.sighting:
            return f"{present} serves{self._fewer}{self._unwatched}"
        return f"{self._sends}, but no rollout has completed{self._unwatched}"

    @property
    def _sends(self) -> str:
        weights = self.split.weights if self.split else ()
        shown = ", ".join(f"{version} ({weight / 10:g} %)" for version, weight in weights if weight) or "nobody"
        return f"its router sends traffic to {shown}"

    def _down(self, present: str, under_way: RolloutSummary | None) -> str:
        """Nothing answers users: since when, why, and who brings it back."""
        assert self.sighting is not None
        if not self.serving and not under_way:
            return "nothing serves"
        since = self.sighting.down_since
        down = f"down since {clock_here(since)}" if since else "down"
        why = ""
        if self.sighting.router_up and self.sighting.running:
            why = f": none of its {self.sighting.instances or self.sighting.running} instances is healthy"
        elif self.sighting.router_up:
            why = f": no instance of {present} is running"
        if self.setback and not under_way:
            return f"{down}{why}, and Pilotage does not start it: its records are older than what was done"
        if self.worker:
            return f"{down}{why}; the worker is starting it again" if not under_way else f"{down}{why}"
        if under_way:
            again = self.spelled.command("watch")
            return f"{down}{why}, while {under_way.version} is {under_way.status}; start it again with {again}"
        again = self.spelled.command(f"deploy {present}")
        return f"{down}{why}; the last version was {present}. Start it again with {again}"

    @property
    def _fewer(self) -> str:
        """How many of its instances are healthy, where some are not."""
        found = self.sighting
        if not found or found.healthy is None or found.instances is None or found.healthy == found.instances:
            return ""
        return f", {found.healthy} of {counted(found.instances, 'instance')} healthy"

    @property
    def _unwatched(self) -> str:
        """That no worker observes it, and since when."""
        if self.worker:
            return ""
        last = max((at for at in (self.sighting.at if self.sighting else None, self.looked) if at), default=None)
        return f" (no worker is running{f'; last seen {clock_here(last)}' if last else ''})"

    def _rolling_out(self, new: str, present: str, routed: int) -> str:
        from pilotage.model.quantity import format_share
        from pilotage.model.traffic import WHOLE

        if routed < WHOLE:
            return f"{present} serves; {new} gets {format_share(routed / WHOLE)} of requests"
        return f"{new} gets all requests, but its rollout has not completed; the earlier version is {present}"


def status_of(
    project: Project, environment: str | None, records: Reader | Store | AtOnce | None = None
) -> EnvironmentStatus:
    """Of an environment; None for the only one. records: where they were read already. Raises Unclear, ConfigError."""
    service, name = project.place(environment)  # before the slow imports, so that a mistake is reported immediately
    from pilotage.engine.placement.lock import worker_pid
    from pilotage.engine.placement.sighting import sighting

    records = records or project.records
    serving, home = records.serving(service, name), records.home(project.directory, service, name)
    home = None if home and home.is_here else home
    newest, now = records.newest(service, name), project.clock.now()
    live = records.live_views([newest.id])[newest.id] if newest else None
    seen = sighting(project.directory, service, name, now) if home is None else None
    setback = setback_of(project, newest, records=records)
    looked, worker = live.at if live and live.at else None, worker_pid(project.directory)
    named = spelled(project, service, name)
    facts = Facts(
        service=service, environment=name, version=serving[0] if serving else "", newest=newest, looked=looked,
        sighting=seen, home=home, worker=worker is not None, setback=setback, spelled=named,
    )  # fmt: skip
    return EnvironmentStatus(
        service=service,
        environment=name,
        serving=serving,
        newest=newest,
        routed=live.routed if live else None,
        queued=tuple(records.queued(service, name)),
        worker=worker,
        home=Home(
            name=home.place.name,
            heard=home.heard,
            heard_at=None if home.heard is None else now - home.heard,
            words=home.in_words,
            silent=home.is_silent,
        )
        if home
        else None,
        sighting=seen,
        looked=looked,
        live=live,
        split=_split_here(project, service, name) if seen and seen.router_up and (setback or not serving) else None,
        skipped=records.told(newest.id, LEFT_OUT) if newest else (),
        troubles=(*filter(None, [setback]), *_untold(records), *_unsigned(records)),
        setback=setback,
        outage=outage_of(facts, now),
        spelled=named,
        phases=_phases(project, records, name),
        warm=warm_of(records, newest, now) if home is None else None,
        frozen=tuple(
            f"no rollout starts in {name} until {clock_here(ends)}: freeze {called!r}, {why}"
            for called, ends, why in records.frozen(service, name, now)
        ),
    )


def _phases(project: Project, records: Reader | Store | AtOnce, environment: str) -> tuple[str, ...]:
    """Where nothing is tracked, neither the calendar nor the configuration is read."""
    if not records.tracks(project.service_name, environment):
        return ()
    from pilotage.app.activities import standing_of

    return standing_of(project, environment)


def everywhere(project: Project, environment: str | None) -> tuple[EnvironmentStatus, ...]:
    """The status of every service and environment meant: all of the configuration if neither is named; only the one
    that `status_of` finds if it cannot be read. Raises Unclear, ConfigError."""
    from pilotage.config.yaml_reader import ConfigError

    try:
        names = project.names
    except ConfigError:
        return (status_of(project, environment),)
    chosen = list(names.environments) if names.several and project.service is None else [None]
    meant: list[tuple[Project, str]] = []
    for service in chosen:
        one = project.for_service(service) if service else project
        known = names.environments[one.service_name]
        named = len(chosen) == 1 and environment is not None
        found = [environment] if named and environment else [one for one in known if environment in (None, one)]
        meant += [(one, name) for name in found]
    if not meant:
        raise Unclear(f"no service of {project.config} has an environment {environment!r}")
    records = _records(project, len(meant))
    return tuple(status_of(one, name, records) for one, name in meant)


def _records(project: Project, places: int) -> Reader | Store | AtOnce:
    """Of many places the answers are read together, but from a file, which answers at once."""
    records = project.records
    if places < _FEW or "store" not in vars(project):
        return records
    from pilotage.engine.records.at_once import AtOnce

    return AtOnce(project.store, project.clock.now(), LEFT_OUT)


def _split_here(project: Project, service: str, environment: str) -> Split | None:
    from pilotage.adapters.routers.found import found_routers
    from pilotage.engine.placement.location import place_of, router_folders

    routers = found_routers(router_folders(place_of(project.directory, service, environment)))
    return next((split for router in routers if (split := router.split())), None)


def _unsigned(records: Reader | Store | AtOnce) -> list[str]:
    """Heads of event chains that could not be signed or anchored, in words."""
    count, why = records.unsigned()
    return [f"{count} heads of event chains are not signed or anchored: {why}"] if count else []


def _untold(records: Reader | Store | AtOnce) -> list[str]:
    """Channels with messages that could not be delivered, in words."""
    found = records.untold()
    return [f"{name}: {count} messages not delivered: {why} (`pilotage notify list`)" for name, count, why in found]
