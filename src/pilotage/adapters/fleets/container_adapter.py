"""`fleet: {kind: container}`: instances are containers of podman or docker on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from pilotage.adapters.context import Context
from pilotage.adapters.ports import Fleet
from pilotage.adapters.registry import Adapter, Machine
from pilotage.config.containers import ContainerSection
from pilotage.config.fields import Duration, UrlPath
from pilotage.config.kinds import FleetSection
from pilotage.model.capabilities import FleetCapabilities
from pilotage.model.finding import Finding

if TYPE_CHECKING:
    from pilotage.adapters.hosts.containers import ContainerRunner
    from pilotage.adapters.hosts.local import LocalHost


class ContainerFleetSection(ContainerSection, FleetSection):
    """Instances are containers on this machine."""

    kind: Literal["container"]
    health_check_path: UrlPath = Field("/healthz", description="Path that returns 2xx when an instance is healthy.")
    stop_timeout: Duration = Field(10.0, description="How long an instance may take to stop before it is killed.")


def _here(section: ContainerFleetSection, context: Context) -> tuple[LocalHost, ContainerRunner]:
    from pilotage.adapters.hosts.container_owner import Owner, scope_of
    from pilotage.adapters.hosts.containers import ContainerRunner
    from pilotage.adapters.hosts.images import Pins
    from pilotage.adapters.hosts.local import LocalHost

    host, pins = LocalHost(context.directory), Pins(context.directory / "images.json")
    owner = Owner(service=context.service, environment=context.environment, scope=scope_of(context.directory))
    return host, ContainerRunner(
        host, section, owner=owner, folder=context.folder, pins=pins, stop_timeout=section.stop_timeout,
        built=context.built,
    )  # fmt: skip


def _open(section: ContainerFleetSection, context: Context) -> Fleet:
    from pilotage.adapters.fleets.over_hosts import HostsFleet
    from pilotage.adapters.hosts.containers import environment_of

    return HostsFleet(
        context.directory,
        context.fence,
        {"": _here(section, context)},
        health=section.health_check_path,
        stop_timeout=section.stop_timeout,
        environment=environment_of(section, context.folder),
    )


def _machines(section: ContainerFleetSection, context: Context) -> Mapping[str, Machine]:
    host, runner = _here(section, context)
    return {"": Machine(host=host, runner=runner)}


def _lacks(section: ContainerFleetSection, context: Context, version: str) -> str:
    """What is not there to start a version: the runtime, or its image here and in the registry."""
    _, runner = _here(section, context)
    return runner.lacks(version)


def _examine(section: ContainerFleetSection, context: Context) -> Iterator[Finding]:
    from pilotage.adapters.hosts.container_runtime import ContainerRuntime
    from pilotage.adapters.hosts.local import LocalHost
    from pilotage.adapters.ports import AdapterError

    runtime = ContainerRuntime(LocalHost(context.directory), section.runtime or "", section.runtime_args)
    try:
        runtime.expect("ps", "--quiet")
    except AdapterError as error:
        yield Finding("FAIL", "fleet", str(error))
        return
    ready = f"{runtime.program} runs containers; `pilotage doctor --version VERSION` tries to start one"
    yield Finding("PASS", "fleet", ready)


ADAPTER = Adapter(
    section=ContainerFleetSection,
    capabilities=FleetCapabilities(provides=("memory_utilization", "cpu_utilization"), most=256, prepares=True),
    open=_open,
    examine=_examine,
    lacks_there=_lacks,
    starts_aside=True,
    machines=_machines,
)
