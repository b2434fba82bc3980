"""What groups of processes use, from the kernel's control groups: the same for podman and docker, and one command for
any number of containers, where `docker stats` takes two seconds and tells no processor time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pilotage.adapters.hosts.host import Host

_ROOT = "/sys/fs/cgroup"
_RESIDENT = {"anon": 1, "file_mapped": 1, "total_rss": 1, "total_mapped_file": 1}
"""Lines of memory.stat that together are resident memory, in version 2 and in version 1."""


@dataclass(frozen=True, kw_only=True)
class Usage:
    """memory: resident bytes · cpu: seconds of processor time; None where the kernel does not tell."""

    memory: int | None = None
    cpu: float | None = None


class Cgroups:
    """Of one host. Where a process is does not change, so that is asked once."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._files: dict[int, tuple[str, ...]] = {}

    def usage(self, pids: Iterable[int]) -> Mapping[int, Usage]:
        """Of the groups of these processes; without those that ended meanwhile. Raises Unreachable."""
        wanted = set(pids)
        if new := sorted(wanted - self._files.keys()):
            self._files = {pid: files for pid, files in self._files.items() if pid in wanted}
            told = self._lines([f"/proc/{pid}/cgroup" for pid in new])
            self._files |= {pid: _files(told.get(f"/proc/{pid}/cgroup", ())) for pid in new}
        told = self._lines([file for pid in wanted for file in self._files[pid]])
        return {pid: _usage([line for file in self._files[pid] for line in told.get(file, ())]) for pid in wanted}

    def _lines(self, files: list[str]) -> Mapping[str, list[str]]:
        """The lines of each file; a file that is not there has none."""
        found: dict[str, list[str]] = defaultdict(list)
        if files:
            done = self._host.run(["grep", "-sH", "", "/dev/null", *files])
            for row in done.out.decode(errors="replace").splitlines():
                file, colon, line = row.partition(":")
                if colon:
                    found[file].append(line)
        return found


def _files(groups: Iterable[str]) -> tuple[str, ...]:
    """Where the kernel tells the usage of a process's group, by the lines of its /proc/PID/cgroup."""
    found = []
    for row in groups:
        _, _, rest = row.partition(":")
        controllers, _, path = rest.partition(":")
        if path in ("", "/") or ".." in path:
            continue
        names = controllers.split(",")
        if "memory" in names:
            found.append(f"{_ROOT}/memory{path}/memory.stat")
        if "cpuacct" in names:
            found.append(f"{_ROOT}/cpuacct{path}/cpuacct.usage")
        if controllers == "":
            found += [f"{_ROOT}{path}/memory.stat", f"{_ROOT}{path}/cpu.stat"]
    return tuple(found)


def _usage(lines: Iterable[str]) -> Usage:
    memory: int | None = None
    cpu: float | None = None
    for line in lines:
        name, _, value = line.rpartition(" ")
        if not value.isdigit():
            continue
        if name in _RESIDENT:
            memory = (memory or 0) + int(value)
        elif name == "usage_usec":
            cpu = int(value) / 1e6
        elif name == "":
            cpu = int(value) / 1e9
    return Usage(memory=memory, cpu=cpu)
