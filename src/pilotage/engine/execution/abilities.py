"""What the adapters of an environment can do, without opening them: all that a plan needs to know of its target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pilotage.adapters import registry
from pilotage.model.capabilities import Capabilities, FlagsCapabilities, Port, together

if TYPE_CHECKING:
    from pilotage.config.environment import EnvironmentSection


def capabilities_of(section: EnvironmentSection) -> Capabilities:
    """What the adapters of an environment can do as configured. Raises NoAdapter."""
    flags = registry.of(Port.FLAGS, section.flag).can(section.flag) if section.flag else FlagsCapabilities()
    routers = tuple(registry.of(Port.ROUTER, one).can(one) for one in section.every_router.values())
    return Capabilities(
        router=routers[0] if len(routers) == 1 else together(routers),
        fleet=registry.of(Port.FLEET, section.fleet).can(section.fleet),
        metrics=registry.of(Port.METRICS, section.metrics).can(section.metrics),
        flags=flags,
        router_name=" and ".join(dict.fromkeys(one.kind for one in section.every_router.values())),
        fleet_name=section.fleet.kind,
        metrics_name=section.metrics.kind,
        flags_name=section.flag.kind if section.flag else "",
    )
