"""From an environment's configuration to its adapters. One explicit table a port, imported when needed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pilotage.adapters.ports import Fleet, Metrics, Router
from pilotage.config.models import EnvironmentSection


@dataclass(frozen=True)
class Target:
    """The three ports of one environment, for a holder of its lease with `token`."""

    router: Router
    fleet: Fleet
    metrics: Metrics


def open_target(directory: Path, target: dict[str, Any], service: str, environment: str, token: int) -> Target:
    """`directory` is the store's; `target` is what `describe` gave when the rollout began."""
    from pilotage.adapters.fence import Fence

    section = EnvironmentSection.model_validate(target["environment"])
    place = directory / "run" / f"{service}-{environment}"
    fence = Fence(place / "fence.json", token)
    return Target(
        router=_envoy_router(place / "router", fence, section),
        fleet=_process_fleet(place / "fleet", fence, section, Path(target["cwd"])),
        metrics=_envoy_metrics(place / "router", section),
    )


def describe(section: EnvironmentSection, cwd: Path) -> dict[str, Any]:
    """An environment's configuration as plain JSON, to be kept with a rollout."""
    return {"environment": section.model_dump(mode="json"), "cwd": str(cwd)}


def _envoy_router(place: Path, fence: Any, section: EnvironmentSection) -> Router:
    from pilotage.adapters.routers.envoy import EnvoyRouter, Sticky

    router = section.router
    host, _, port = router.listen.rpartition(":")
    sticky = Sticky(router.sticky.cookie or "", router.sticky.header or "") if router.sticky else None
    return EnvoyRouter(
        place,
        fence,
        listen=(host, int(port)),
        sticky=sticky,
        request_timeout=router.request_timeout,
        version_header=router.version_header or "",
    )


def _process_fleet(place: Path, fence: Any, section: EnvironmentSection, cwd: Path) -> Fleet:
    from pilotage.adapters.fleets.process import ProcessFleet

    fleet = section.fleet
    return ProcessFleet(
        place, fence, command=fleet.command, health=fleet.health, stop_deadline=fleet.stop_deadline, cwd=cwd
    )


def _envoy_metrics(place: Path, section: EnvironmentSection) -> Metrics:
    from pilotage.adapters.envoy_admin import admin_address
    from pilotage.adapters.metrics.envoy import EnvoyMetrics

    admin = section.metrics.admin
    return EnvoyMetrics(lambda: admin or admin_address(place))
