"""What containers wrote, and how they ended."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence

from pilotage.adapters.hosts.container_runtime import Container, ContainerRuntime
from pilotage.adapters.logs import LAST_WORDS, last_words
from pilotage.adapters.ports import AdapterError
from pilotage.model.text import line

LOG_OPTIONS: Mapping[str, Sequence[str]] = {
    "podman": ("--log-driver", "k8s-file", "--log-opt", "max-size=16mb"),
    "docker": ("--log-driver", "json-file", "--log-opt", "max-size=16m", "--log-opt", "max-file=2"),
}
"""A log never fills the disk. Both drivers can be read by `logs`."""
_SAID = 300
_KILLED = 128 + signal.SIGKILL


def lines_of(runtime: ContainerRuntime, container: str, lines: int) -> list[str]:
    """The last lines of both of its outputs, in the order in which it wrote them; empty if it does not exist."""
    if lines <= 0:
        return []
    done = runtime.call("logs", "--timestamps", "--tail", str(lines), container, within=5.0)
    if done.status:
        return []
    rows = [row for part in (done.out, done.err) for row in part.decode(errors="replace").split("\n") if row]
    # Each line begins with its time, `2026-11-26T15:23:40.150058116Z `; the sort keeps the order of equal times.
    stamped = sorted((row.partition(" ") for row in rows), key=lambda parts: parts[0])
    return [text for _, _, text in stamped[-lines:]]


def ending(runtime: ContainerRuntime, one: Container, *, killed_by_us: bool) -> str:
    """How a container ended, and the end of its log."""
    how = _how(one, killed_by_us=killed_by_us)
    try:
        said = line(last_words(lines_of(runtime, one.id, LAST_WORDS)), _SAID)
    except AdapterError:
        said = ""
    return f"{how}; end of its log: {said}" if said else how


def _how(one: Container, *, killed_by_us: bool) -> str:
    limit = f"its memory limit of {one.memory_limit >> 20} MiB"
    if one.killed_for_memory:
        return f"killed because it used more than {limit if one.memory_limit else 'the memory that is there'}"
    if one.error:
        return f"did not start: {line(one.error, _SAID)}"
    if one.exit_status == _KILLED and one.memory_limit and not killed_by_us:
        # podman does not see it under version 1 of the kernel's control groups.
        return f"killed, as the kernel does to what uses more than {limit}"
    if 128 < one.exit_status < 128 + signal.NSIG:
        return f"ended by {_signal(one.exit_status - 128)}"
    return f"exited with status {one.exit_status}"


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
