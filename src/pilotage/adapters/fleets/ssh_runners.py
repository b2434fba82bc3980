"""Makes the runner of each host of a fleet, from its section. Connects to nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pilotage.adapters.context import Context
from pilotage.adapters.environment import Environment
from pilotage.adapters.hosts.artifacts import Artifacts
from pilotage.adapters.hosts.host import Host
from pilotage.adapters.hosts.hosted_program import HostedProgram
from pilotage.adapters.hosts.releases import Releases
from pilotage.adapters.hosts.remote_processes import RemoteProcesses
from pilotage.adapters.hosts.runner import Runner
from pilotage.adapters.hosts.ssh import SshHost
from pilotage.adapters.hosts.systemd import SystemdUnits
from pilotage.config.host_fleets import ArtifactSection, FleetHostSection

if TYPE_CHECKING:
    from pilotage.adapters.fleets.ssh_adapter import SshFleetSection
    from pilotage.adapters.hosts.images import Pins


def runners_of(
    section: SshFleetSection, hosts: Mapping[str, FleetHostSection], context: Context
) -> Mapping[str, tuple[Host, Runner]]:
    """Each host, and what runs instances there."""
    made = _Runners(section, context)
    found: dict[str, tuple[Host, Runner]] = {}
    for name, one in hosts.items():
        host = SshHost(name, one, context.folder)
        found[name] = (host, made.of(one.runner or section.runner, host, one.vars))
    return found


def environment_of(section: SshFleetSection, context: Context) -> Environment:
    """What instances see next to what every program gets."""
    given, files = dict(section.env), [context.folder / name for name in section.env_files]
    if section.container is not None:
        given |= section.container.env
        files += [context.folder / name for name in section.container.env_files]
    return Environment(given=given, passed=section.pass_env, files=tuple(files))


class _Runners:
    """Of one fleet: what its hosts share."""

    def __init__(self, section: SshFleetSection, context: Context) -> None:
        self._section, self._context = section, context
        self._artifacts = _artifacts(section.artifact, context) if section.artifact else None
        self._pins: Pins | None = None

    def of(self, kind: str, host: Host, facts: Mapping[str, str]) -> Runner:
        if kind == "container":
            return self._containers(host, facts)
        section, context = self._section, self._context
        files = tuple(context.folder / name for name in section.env_files)
        program = HostedProgram(
            command=tuple(section.command),
            cwd=section.cwd,
            environment=Environment(given=section.env, passed=section.pass_env, files=files),
            user=section.user,
            limits=section.limits.given if section.limits else {},
            stop_signal=section.stop_signal,
            stop_timeout=section.stop_timeout,
            facts=facts,
        )
        keep = section.artifact.keep if section.artifact else 0
        releases = Releases(host, program, self._artifacts, section.prepare, section.prepare_timeout, keep)
        service, environment = context.service, context.environment
        if kind == "systemd":
            by_user = section.systemd_manager == "user"
            return SystemdUnits(
                host, program, service=service, environment=environment, user_manager=by_user, releases=releases
            )  # fmt: skip
        return RemoteProcesses(host, program, service=service, environment=environment, releases=releases)

    def _containers(self, host: Host, facts: Mapping[str, str]) -> Runner:
        from pilotage.adapters.hosts.container_owner import Owner
        from pilotage.adapters.hosts.containers import ContainerRunner
        from pilotage.adapters.hosts.images import Pins

        section, context = self._section, self._context
        assert section.container is not None, "the section is checked"
        self._pins = self._pins or Pins(context.directory / "images.json")
        owner = Owner(service=context.service, environment=context.environment)
        # What the fleet gives every instance, containers get, too.
        shared = {
            "env": {**section.env, **section.container.env},
            "env_file": [*section.env_files, *section.container.env_files],
            "pass_env": list(dict.fromkeys([*section.pass_env, *section.container.pass_env])),
        }
        return ContainerRunner(
            host,
            section.container.model_copy(update=shared),
            owner=owner,
            folder=context.folder,
            pins=self._pins,
            stop_timeout=section.stop_timeout,
            facts=facts,
            built=context.built,
        )


def _artifacts(section: ArtifactSection, context: Context) -> Artifacts:
    return Artifacts(
        context.directory / "artifacts",
        context.folder,
        source=section.source,
        checksums=section.checksums,
        digests=section.sha256,
        most=section.max_size,
        strip=section.strip,
        built=context.built,
    )
