"""From an environment's configuration to its adapters, by the table in `adapters/registry.py`.

A rollback uses this module, so nothing that a person or a newer version can break may stop it: the configuration comes
from the rollout's snapshot, is read leniently, and needs no file of the project.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pilotage.adapters import registry
from pilotage.adapters.context import Context, Peers
from pilotage.adapters.ports import Checks, Flags, Fleet, Metrics, Probes, Queries, Router
from pilotage.adapters.secrets import resolve
from pilotage.config.environment import EnvironmentSection
from pilotage.config.flag_verification import FlagVerification
from pilotage.config.kinds import AdapterSection, FlagSection, can_count
from pilotage.config.stored import read_kind, read_routers, read_section
from pilotage.engine.execution.abilities import capabilities_of
from pilotage.engine.execution.instruments import (
    checks_of,
    probes_of,
    queries_of,
    strata_of,
    synthetic_of,
    variants_of,
)
from pilotage.engine.placement.location import folder_of_router, place_of
from pilotage.model.capabilities import (
    Capabilities,
    FleetCapabilities,
    MetricsCapabilities,
    Port,
    RouterCapabilities,
    together,
)
from pilotage.model.finding import Finding
from pilotage.model.snapshot import Snapshot

if TYPE_CHECKING:
    from pilotage.adapters.synthetic import SyntheticRequests

_log = logging.getLogger(__name__)

SWITCH_DEADLINE = 30.0
"""Seconds for which one of several routers may be ahead of another, where no plan says it."""

_OF_INSTANCES = ("memory_utilization", "cpu_utilization")


@dataclass(frozen=True)
class Target:
    """The ports of one environment, for a holder of its lease with `token`.

    queries: where rules and signals ask, by the name of the source · checks: of the current rollout · flags: and the
    figures of its variants, if the strategy is a feature toggle · synthetic: synthetic requests, if configured ·
    probes: of the environment's critical functions, if any are configured · trouble: guards of the configuration that
    are unreadable, a sentence each; a rollout without them does not go forward by itself · can: what the adapters can
    do.
    """

    router: Router
    fleet: Fleet
    metrics: Metrics
    queries: Mapping[str, Queries] = field(default_factory=dict)
    checks: Checks | None = None
    flags: Flags | None = None
    variants: Metrics | None = None
    synthetic: SyntheticRequests | None = None
    probes: Probes | None = None
    trouble: tuple[str, ...] = ()
    can: Capabilities = field(default_factory=Capabilities)


def open_target(
    directory: Path,
    snapshot: Snapshot,
    service: str,
    environment: str,
    token: int,
    rollout: str = "",
    by: str = "",
    switch_timeout: float = SWITCH_DEADLINE,
) -> Target:
    """`directory` is the store's; `snapshot` is the rollout's configuration; `rollout` its id; `by` the holder of the
    lease with `token`; `switch_timeout`: seconds for which one of several routers may be ahead.

    Raises UnreadableSection if the snapshot has no fleet or router; any other fault of it is in the target's `trouble`.
    """
    from pilotage.adapters.fence import Fence

    stored = read_section(snapshot.environment)
    section = stored.section
    place = place_of(directory, service, environment)
    fence = Fence(place / "fence.json", token, by)
    cwd = _folder(snapshot, directory)
    for sentence in (trouble := (*snapshot.trouble, *stored.trouble)):
        _log.warning("%s: %s", rollout or f"{service}/{environment}", sentence)
    context = Context(
        directory=place, fence=fence, service=service, environment=environment, rollout=rollout, folder=cwd,
        files=snapshot.files, artifacts=directory / "artifacts", digests=snapshot.built,
    )  # fmt: skip
    fleet: Fleet = registry.of(Port.FLEET, section.fleet).open(
        section.fleet, replace(context, directory=place / "fleet")
    )
    peers = _peers_of(fleet, section, place)
    context = replace(context, peers=peers)
    router = _router(section, context, switch_timeout)
    return Target(
        router=router,
        fleet=fleet,
        metrics=registry.of(Port.METRICS, section.metrics).open(
            section.metrics, replace(context, directory=place / "metrics")
        ),
        can=capabilities_of(section),
        queries=queries_of(section, replace(context, directory=place / "queries")),
        checks=checks_of(replace(context, directory=place / "checks" / (rollout or "none")), stored, snapshot),
        flags=open_flags(section.flag, replace(context, directory=place / "flags")) if section.flag else None,
        variants=variants_of(fleet, section),
        synthetic=synthetic_of(router, peers.router, section),
        probes=probes_of(section, cwd),
        trouble=trouble,
    )


def _peers_of(fleet: Fleet, section: EnvironmentSection, place: Path) -> Peers:
    return Peers(
        health_path=fleet.health_path,
        strata=strata_of(section),
        synthetic=section.synthetic is not None,
        router=router_folder(place, section),
        routers=_folders_of_routers(place, section),
        instances=fleet.instances,
    )


def _router(section: EnvironmentSection, context: Context, switch_timeout: float) -> Router:
    """The router, or several as one."""
    place = context.directory
    opened: dict[str, Router] = {
        name: registry.of(Port.ROUTER, one).open(one, replace(context, directory=place / folder_of_router(name)))
        for name, one in section.every_router.items()
    }
    if len(opened) == 1:
        return next(iter(opened.values()))
    from pilotage.adapters.routers.several import Several
    from pilotage.engine.rescue import take_back as rescue

    return Several(opened, stable=lambda: rescue.stable_at(place), switch_timeout=switch_timeout)


def router_folder(place: Path, section: EnvironmentSection) -> Path:
    """The folder of the router whose figures the metrics read; where it does not matter, of the first one."""
    return next(iter(_folders_of_routers(place, section).values()))


def _folders_of_routers(place: Path, section: EnvironmentSection) -> dict[str, Path]:
    """The folder of every router whose figures the metrics may read; where it does not matter, of every one."""
    wanted = can_count(section.metrics).of_router
    names = [name for name, one in section.every_router.items() if one.kind == wanted] or list(section.every_router)
    return {name: place / folder_of_router(name) for name in names}


def open_flags(section: FlagSection, context: Context) -> Flags:
    """The one place where a release flag is opened."""
    flags: Flags = registry.of(Port.FLAGS, section).open(section, context)
    verify = section.verify
    if not isinstance(verify, FlagVerification):  # a stored section that another version wrote may have anything here
        return flags
    from pilotage.adapters.flags.verified import VerifiedFlags

    return VerifiedFlags(flags, section, verify, context)


def kept_capabilities(snapshot: Snapshot) -> Capabilities:
    """The same of the configuration that a rollout kept: of what cannot be read, that users do not stick."""
    routers, metrics = read_routers(snapshot.environment), read_kind("metrics", snapshot.environment)
    fleet = read_kind("fleet", snapshot.environment)
    able = tuple(registry.of(Port.ROUTER, one).can(one) for one in routers)
    return Capabilities(
        router=together(able) if able else RouterCapabilities(sticky=False),
        fleet=registry.of(Port.FLEET, fleet).can(fleet) if fleet else FleetCapabilities(provides=_OF_INSTANCES),
        metrics=registry.of(Port.METRICS, metrics).can(metrics)
        if metrics
        else MetricsCapabilities(users=True, routes=True),
    )


def examine_adapters(
    directory: Path, section: EnvironmentSection, service: str, environment: str, folder: Path
) -> Iterator[Finding]:
    """What each adapter of an environment says of what it needs. Changes nothing. Raises NoAdapter."""
    from pilotage.adapters.fence import Fence

    place = place_of(directory, service, environment)
    parts: list[tuple[Port, AdapterSection | None]] = [
        *((Port.ROUTER, router) for router in section.every_router.values()),
        (Port.FLEET, section.fleet),
        (Port.METRICS, section.metrics),
        (Port.FLAGS, section.flag),
        *((Port.QUERIES, source) for source in (section.analysis.every_source if section.analysis else {}).values()),
    ]
    for port, part in parts:
        adapter = registry.of(port, part) if part else None
        if adapter and adapter.examine:
            yield from adapter.examine(
                part,
                Context(
                    directory=place / port,
                    fence=Fence(place / "fence.json", 0),
                    service=service,
                    environment=environment,
                    folder=folder,
                ),
            )
    if section.flag and section.flag.verify:
        from pilotage.adapters.flags.verified import Services

        yield Services(section.flag.key, section.flag.verify, resolve).examined()


def _folder(snapshot: Snapshot, directory: Path) -> Path:
    """Where programs start: the project's folder at the time of the deployment. On a machine without such a folder,
    that of the worker."""
    asked = Path(snapshot.cwd)
    return asked if asked.is_dir() else directory.resolve().parent
