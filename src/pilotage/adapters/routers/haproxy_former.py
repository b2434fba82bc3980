"""HAProxy's processes from before a reload: somebody reloads it, and the old process keeps the connections that it has.

It takes no command any more. A further request on one of its connections goes by the split that it had, to the servers
that it had. So what the new process says holds for all users only once the old one has ended.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pilotage.adapters.files import read_leniently, write_json
from pilotage.adapters.haproxy_runtime import Process, Runtime
from pilotage.adapters.hosts.host import Host
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.routers.haproxy_record import PROCESSES
from pilotage.model.json import read_as
from pilotage.model.traffic import Split

LINGERS = 30.0
"""Seconds that an old process is waited for. Downloads and WebSockets can keep one for hours."""
Instances = Mapping[str, tuple[tuple[str, int], ...]]


@dataclass(frozen=True, kw_only=True)
class Told:
    """A process, and what it was told last. replaced_at: Unix seconds, 0 while it is the present one."""

    pid: int
    split: Split
    instances: Instances
    replaced_at: float = 0.0


@dataclass(frozen=True, kw_only=True)
class _Known:
    present: Told | None = None
    former: tuple[Told, ...] = ()


class Processes:
    """directory: of the router on this machine · host, runtime: HAProxy's."""

    def __init__(self, directory: Path, host: Host, runtime: Runtime) -> None:
        self._file, self._host, self._runtime = directory / PROCESSES, host, runtime

    def told(self, split: Split, instances: Instances) -> None:
        """The present process has taken up a split with these instances. Raises AdapterError."""
        process, before = self._runtime.process(), self._read()
        present = Told(pid=process.pid, split=_plain(split), instances=instances)
        self._write(replace(self._with(process, before, present), present=present), before)

    def lagging(self, split: Split | None) -> tuple[Told, ...]:
        """Processes that have not ended since another one took their place. split: what the present one shows. Raises
        AdapterError."""
        if split is None:
            return ()
        process, before = self._runtime.process(), self._read()
        instances = before.present.instances if before.present else {}
        known = self._with(process, before, Told(pid=process.pid, split=_plain(split), instances=instances))
        left = tuple(one for one in known.former if self._lives(one, process))
        self._write(replace(known, former=left), before)
        return left

    def _with(self, process: Process, known: _Known, new: Told) -> _Known:
        """What is known with this process as the present one; new: of a process that was not seen before."""
        if known.present is None:
            return replace(known, present=new)
        if known.present.pid == process.pid:
            return known
        gone = replace(known.present, replaced_at=time.time() - process.uptime)
        return _Known(present=new, former=(*known.former, gone))

    def _lives(self, former: Told, present: Process) -> bool:
        """Whether it may still answer users. It is taken to where not even the present process is seen, as in a
        container of its own."""
        if not 0 <= time.time() - former.replaced_at < LINGERS:
            return False
        try:
            name = self._name_of(present.pid)
            return not name or self._name_of(former.pid) == name
        except AdapterError:
            return True

    def _name_of(self, pid: int) -> bytes:
        """The name of a living process (proc(5), `stat`); empty where there is none."""
        name, _, state = (self._host.read(f"/proc/{pid}/stat") or b"").rpartition(b")")
        return b"" if state.strip()[:1] in (b"Z", b"X", b"") else name.partition(b"(")[2]

    def _read(self) -> _Known:
        try:
            return read_as(_Known, read_leniently(self._file))
        except ValueError:
            return _Known()

    def _write(self, known: _Known, before: _Known) -> None:
        """A disk without room keeps nobody from being led."""
        if known != before:
            with contextlib.suppress(OSError):
                write_json(self._file, asdict(known))


def _plain(split: Split) -> Split:
    """Without the members of a cohort, who may be many: its version has its weight."""
    return replace(split, cohort=None)


def of_users(split: Split, lagging: Iterable[Told]) -> Split:
    """What users get: the split, or that of an old process which still reaches a version that it does not reach."""
    for former in (one.split for one in lagging):
        reached = {*(version for version, _ in former.weights), *(route.version for route in former.header_routes)}
        if any(former.reaches(version) and not split.reaches(version) for version in reached):
            return former
    return split


def with_instances(
    found: Mapping[str, Iterable[tuple[str, int]]], lagging: Iterable[Told]
) -> dict[str, frozenset[tuple[str, int]]]:
    """Where requests are sent: what the present process says, and what old ones had."""
    every = {version: frozenset(there) for version, there in found.items()}
    for former in lagging:
        for version, there in former.instances.items():
            every[version] = every.get(version, frozenset()) | frozenset(there)
    return {version: there for version, there in every.items() if there}
