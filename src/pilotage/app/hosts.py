"""The machines of an environment: how they are, and commands on them."""

from __future__ import annotations

import re
import shlex
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from pilotage.adapters import registry
from pilotage.adapters.context import Context
from pilotage.adapters.environment import Environment
from pilotage.adapters.fence import Fence
from pilotage.adapters.hosts.facts import HostFacts, look_at
from pilotage.adapters.hosts.host import Sink
from pilotage.adapters.hosts.local import LocalHost
from pilotage.adapters.hosts.runner import Enterable, Found
from pilotage.adapters.hosts.ssh import SshHost
from pilotage.adapters.hosts.together import Errand, wait_for
from pilotage.adapters.registry import Machine
from pilotage.app.permissions import Permission
from pilotage.app.project import Project, Unclear
from pilotage.config.hosts import HostSection
from pilotage.engine.placement.location import folder_of_router, place_of
from pilotage.engine.records.store import StoreConflict
from pilotage.model.capabilities import Port
from pilotage.model.errors import NotReady
from pilotage.model.events.people import CommandRun

if TYPE_CHECKING:
    from pilotage.config.kinds import AdapterSection

_WITHIN = 90.0
_AT_ONCE = 16
"""Hosts that are looked at together: a login takes processor time here, and more at once would make each look slow."""
_TRIES = 5
_TELLTALE = re.compile(r"pass(word|wd|phrase)?$|secret|token|api-?_?key|credential", re.IGNORECASE)
"""Names of options and variables whose values are shown to nobody."""


class NotRecorded(NotReady):
    """Nothing was deployed to the environment yet, so there is no chain of events to record in."""


def examine_hosts(project: Project, named: str | None) -> tuple[HostFacts, ...]:
    """How each host is, asked in parallel. Raises Unclear."""
    machines = machines_of(project, project.environment(named))
    gate = threading.BoundedSemaphore(_AT_ONCE)

    def look(name: str, one: Machine) -> HostFacts:
        with gate:
            return look_at(name, one.host, one.runner)

    errands = {name: Errand(partial(look, name, one)) for name, one in machines.items()}
    wait_for(errands.values(), _WITHIN)
    return tuple(
        errand.result() if errand.is_done else HostFacts(name=name, problem=f"does not answer within {_WITHIN:g} s")
        for name, errand in errands.items()
    )


def machines_of(project: Project, environment: str) -> Mapping[str, Machine]:
    """Those of its fleet, then those of its routers, by name; this machine alone where neither has others. Connects to
    nothing."""
    loaded = project.loaded
    section = loaded.configuration.environments[environment]
    place = place_of(project.directory, loaded.configuration.service, environment)
    context = Context(
        directory=place / "fleet",
        fence=Fence(place / "fence.json", 0),
        service=loaded.configuration.service,
        environment=environment,
        folder=loaded.folder,
    )
    found = dict(_of(Port.FLEET, section.fleet, context))
    for name, router in section.every_router.items():
        for host, one in _of(Port.ROUTER, router, replace(context, directory=place / folder_of_router(name))).items():
            found.setdefault(host, one)
    return found or {"": Machine(host=LocalHost(place))}


def _of(port: Port, section: AdapterSection, context: Context) -> Mapping[str, Machine]:
    asked = registry.of(port, section).machines
    if asked is not None:
        return asked(section, context)
    where = getattr(section, "host", None)  # of a router that runs elsewhere
    if not isinstance(where, HostSection) or where.address is None:
        return {}
    return {where.address: Machine(host=SshHost(where.address, where, context.folder))}


@dataclass(frozen=True, kw_only=True)
class Place:
    """What to run, and where. prefix: what makes it run inside of the instance."""

    host: str
    machine: Machine
    instance: str = ""
    prefix: tuple[str, ...] = ()


def where_to_run(project: Project, environment: str, host: str | None, instance: str | None) -> Place:
    """Raises Unclear, AdapterError."""
    machines = machines_of(project, environment)
    if host is not None and host not in machines:
        raise Unclear(f"{environment} has no host {host!r}; it has {_few(_names(machines))}")
    wanted = {host: machines[host]} if host is not None else machines
    if instance is not None:
        return _instance(wanted, environment, instance)
    if len(wanted) > 1:
        raise Unclear(f"name the host with --host, or an instance with -i: {_few(_names(wanted))}")
    ((name, machine),) = wanted.items()
    return Place(host=name, machine=machine)


def _instance(machines: Mapping[str, Machine], environment: str, wanted: str) -> Place:
    errands = {name: Errand(one.runner.found) for name, one in machines.items() if one.runner is not None}
    wait_for(errands.values(), _WITHIN)
    seen: list[str] = []
    silent: list[str] = []
    for name, errand in errands.items():
        try:
            found: tuple[Found, ...] = errand.result() if errand.is_done else ()
        except Exception:
            silent.append(name)
            continue
        machine = machines[name]
        for one in found:
            known = (one.name, _shown(name, one), f"{one.name}@{name}", f"{name}:{one.port}")
            if wanted in (*known, f"{machine.host.address}:{one.port}"):
                prefix = tuple(machine.runner.inside(one.name)) if isinstance(machine.runner, Enterable) else ()
                return Place(host=name, machine=machine, instance=one.name, prefix=prefix)
            seen.append(_shown(name, one))
    lost = f"; no answer from {_few(silent)}" if silent else ""
    raise Unclear(f"{environment} has no instance {wanted!r}; it has {_few(seen) or 'none'}{lost}")


def _shown(host: str, one: Found) -> str:
    """As people type it."""
    return f"{host}/{one.name}" if host else one.name


def run_there(
    project: Project,
    actor: str,
    environment: str,
    where: Place,
    command: Sequence[str],
    *,
    out: Sink,
    err: Sink,
    within: float,
) -> int:
    """Record who runs what where, then run it. Returns its exit status. Raises Forbidden, NotRecorded, AdapterError."""
    by = project.require(actor, Permission.EXECUTE, environment)
    event = CommandRun(
        actor=by.name, host=where.host, instance=where.instance, command=_concealed(project, environment, command)
    )
    _record(project, environment, event)
    return where.machine.host.follow((*where.prefix, *command), out=out, err=err, within=within)


def _record(project: Project, environment: str, event: CommandRun) -> None:
    """With the environment's newest rollout. Where a worker records at the same moment, again."""
    latest = project.store.latest(project.loaded.configuration.service, environment)
    if latest is None:
        raise NotRecorded(
            f"nothing was deployed to {environment} yet, so no record can say who ran what: use ssh instead"
        )
    for left in reversed(range(_TRIES)):
        try:
            project.store.note_after(project.store.get(latest.id), event.record(), project.clock.now())
            return
        except StoreConflict:
            if not left:
                raise


def _concealed(project: Project, environment: str, command: Sequence[str]) -> str:
    """The command as one line, without values of secrets."""
    fleet = project.loaded.configuration.environments[environment].fleet
    given = Environment(given=getattr(fleet, "env", {}), passed=getattr(fleet, "pass_env", ()))
    shown: list[str] = []
    hide = False
    for word in command:
        name, equals, _ = word.partition("=")
        telling = bool(_TELLTALE.search(name))
        shown.append("(secret)" if hide else f"{name}=(secret)" if telling and equals else given.without_secrets(word))
        hide = telling and not equals and word.startswith("-")
    return shlex.join(shown)


def _names(machines: Mapping[str, Machine]) -> list[str]:
    return [name or "this machine" for name in machines]


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
