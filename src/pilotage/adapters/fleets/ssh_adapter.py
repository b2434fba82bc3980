"""`fleet: {kind: ssh}`: instances on hosts that SSH reaches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field, model_validator

from pilotage.adapters.context import Context
from pilotage.adapters.ports import Fleet
from pilotage.adapters.registry import Adapter, Machine
from pilotage.config.containers import ContainerSection
from pilotage.config.fields import Duration, UrlPath
from pilotage.config.host_fleets import (
    ArtifactSection,
    FleetHostSection,
    Hosts,
    PortSpan,
    RunnerKind,
    ports_of,
    with_defaults,
)
from pilotage.config.hosts import SshSection, UserName
from pilotage.config.inventories import InventorySection
from pilotage.config.kinds import FleetSection
from pilotage.config.launching import FilePath, LimitsSection, StopSignal
from pilotage.config.programs import ProgramSection
from pilotage.model.capabilities import FleetCapabilities
from pilotage.model.finding import Finding


class SshFleetSection(ProgramSection, FleetSection):
    """Instances run on hosts that SSH reaches."""

    kind: Literal["ssh"]
    hosts: Hosts = Field(
        default_factory=dict,
        description="Hosts by name, each with what differs from `ssh`, or a list of names. A name without an address "
        "is looked up in ssh_config and DNS.",
    )
    inventory: InventorySection | None = Field(
        None, description="Where more hosts are listed: a file, such as an Ansible inventory, or a command."
    )
    ssh: SshSection = Field(
        default_factory=lambda: SshSection.model_validate({}), description="How to reach every host."
    )
    runner: RunnerKind = Field(
        "process",
        description="What runs instances on each host: detached processes, units of "
        "systemd, or containers of podman or docker. A host may have another one.",
    )
    systemd_manager: Literal["system", "user"] = Field(
        "system",
        description="Which systemd runs the units: that of the system, which only root may ask, or that of the user "
        "who logs in, which needs `loginctl enable-linger`.",
    )
    container: ContainerSection | None = Field(
        None, description="What the runner `container` starts: an image on the hosts that have podman or docker."
    )
    command: list[str] = Field(
        default_factory=list,
        description="Arguments of a command that serves HTTP, no shell. `{version}`, `{port}`, `{host}` (the address "
        "of the host) and the host's `vars` are filled in, here and in `cwd` and `env`.",
    )
    cwd: str = Field(
        "",
        description="Folder in which an instance starts; a relative one is below Pilotage's own folder on the host. "
        "Default: the folder of the unpacked artifact, if there is one.",
    )
    artifact: ArtifactSection | None = Field(
        None,
        description="Where the files of a version come from. Default: they lie on the hosts already.",
    )
    prepare: list[Annotated[list[str], Field(min_length=1)]] = Field(
        default_factory=list,
        description="Commands that make a version ready on each host, such as an installation, in its folder. They run "
        "at the start of a rollout, before anything is started or stopped. `{version}` is filled in.",
    )
    prepare_timeout: Duration = Field(600.0, gt=0, le=86400, description="Time limit of each of these commands.")
    health_check_path: UrlPath = Field("/healthz", description="Path that returns 2xx when an instance is healthy.")
    stop_signal: StopSignal = Field("TERM", description="Signal that asks an instance to stop.")
    user: UserName | Literal[""] = Field(
        "", description="User that instances run as. Default: the user who logs in. Requires root there."
    )
    limits: LimitsSection | None = Field(None, description="Limits of an instance.")
    env_file: FilePath | list[FilePath] = Field(
        default_factory=list,
        description="Files with more variables, as NAME=value lines, from this file's folder. `env` takes precedence. "
        "They are read when an instance starts, and their values are hidden in logs that Pilotage shows.",
    )
    stop_timeout: Duration = Field(10.0, description="How long an instance may take to stop before it is killed.")
    ports: PortSpan = Field(
        "20000-29999",
        description="Ports that instances may get on a host. Load balancers and Pilotage must be able to reach them.",
    )
    host_timeout: Duration = Field(
        15.0,
        gt=0,
        description="How long a host that cannot be reached may also be silent on its health checks before the other "
        "hosts take over its instances. They never do while more than half of the hosts are silent.",
    )

    @model_validator(mode="after")
    def _somewhere(self) -> SshFleetSection:
        if not self.hosts and self.inventory is None:
            raise ValueError("hosts: name at least one host, or an inventory that lists them")
        return self

    @property
    def env_files(self) -> list[str]:
        return [self.env_file] if isinstance(self.env_file, str) else self.env_file

    @property
    def runners(self) -> frozenset[str]:
        """Kinds that the hosts of this file have; an inventory's hosts have `runner`, unless it says otherwise."""
        named = {host.runner or self.runner for host in self.hosts.values()}
        return frozenset(named if self.inventory is None else named | {self.runner})

    @model_validator(mode="after")
    def _fills_in(self) -> SshFleetSection:
        texts = (*self.command, *self.env.values(), self.cwd, *(part for one in self.prepare for part in one))
        if any("{artifact" in text for text in texts):
            raise ValueError("command: {artifact} is on this machine: send it with artifact: {source: '{artifact}'}")
        if "container" in self.runners and self.container is None:
            raise ValueError("container: name the image that the runner `container` starts")
        if self.runners == {"container"}:
            return self
        if not self.command:
            raise ValueError("command: name the program that the instances run")
        for needed in ("{port}", "{version}"):
            of_version = ("{version}" if self.artifact else "", self.cwd)
            places = (*self.command, *self.env.values(), *(of_version if needed == "{version}" else ()))
            if not any(needed in place for place in places):
                raise ValueError(f"command: add {needed} to it, to cwd or to env: two versions run side by side")
        return self


def hosts_of(section: SshFleetSection, context: Context) -> Mapping[str, FleetHostSection]:
    """Those of the inventory, then those of pilotage.yaml, which override them. Raises AdapterError for an inventory
    that cannot be read."""
    listed: dict[str, FleetHostSection] = {}
    if section.inventory is not None:
        from pilotage.adapters.hosts.inventory import hosts_listed

        listed |= {
            name: FleetHostSection.model_validate(one.model_dump(exclude_unset=True))
            for name, one in hosts_listed(section.inventory, context).items()
        }
    return {name: with_defaults(one, section.ssh) for name, one in (listed | dict(section.hosts)).items()}


def _open(section: SshFleetSection, context: Context) -> Fleet:
    from pilotage.adapters.fleets.over_hosts import HostsFleet
    from pilotage.adapters.fleets.ssh_runners import environment_of, runners_of

    return HostsFleet(
        context.directory,
        context.fence,
        runners_of(section, hosts_of(section, context), context),
        health=section.health_check_path,
        stop_timeout=section.stop_timeout,
        ports=ports_of(section.ports),
        lost_after=section.host_timeout,
        environment=environment_of(section, context),
    )


def _machines(section: SshFleetSection, context: Context) -> Mapping[str, Machine]:
    from pilotage.adapters.fleets.ssh_runners import runners_of

    found = runners_of(section, hosts_of(section, context), context)
    return {name: Machine(host=host, runner=runner) for name, (host, runner) in found.items()}


def _lacks(section: SshFleetSection, context: Context, version: str) -> str:
    from pilotage.adapters.fleets.lacking import lacking
    from pilotage.adapters.fleets.ssh_runners import runners_of

    return lacking(runners_of(section, hosts_of(section, context), context), version)


def _examine(section: SshFleetSection, context: Context) -> Iterator[Finding]:
    from pilotage.adapters.fleets.lacking import examined
    from pilotage.adapters.fleets.ssh_runners import runners_of

    yield from examined(runners_of(section, hosts_of(section, context), context))


def _can(section: SshFleetSection) -> FleetCapabilities:
    return replace(_CAN, prepares=bool(section.artifact or section.prepare or section.container))


def _asides(section: SshFleetSection, context: Context) -> Mapping[str, SshFleetSection]:
    """The first host of each kind of runner."""
    found: dict[str, SshFleetSection] = {}
    seen: set[str] = set()
    for name, host in hosts_of(section, context).items():
        runner = host.runner or section.runner
        if runner not in seen:
            seen.add(runner)
            found[f"on {name}"] = section.model_copy(update={"hosts": {name: host}, "inventory": None, "count": 1})
    return found


_CAN = FleetCapabilities(provides=("memory_utilization", "cpu_utilization"), prepares=True)

ADAPTER = Adapter(
    section=SshFleetSection,
    capabilities=_CAN,
    configured=_can,
    open=_open,
    examine=_examine,
    lacks_there=_lacks,
    machines=_machines,
    prepared=lambda section: section.model_copy(update={"prepare": []}),
    starts_aside=True,
    elsewhere=True,
    asides=_asides,
    files=lambda section: [section.inventory.file] if section.inventory and section.inventory.file else [],
)
