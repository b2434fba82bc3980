"""Identifies a process independently of the wall clock: by boot id, namespace of process ids, process id, and start
time on the kernel's clock.

psutil's `create_time()` is the start since boot *plus* the time of boot, and the kernel derives that from the wall
clock. When the clock is corrected, every process seems to be a different one. Field 22 of `/proc/PID/stat` never
changes.
"""

from __future__ import annotations

import contextlib
from functools import cache
from pathlib import Path

_AFTER_NAME = 19
"""Place of the start time among the fields behind the process's name (proc_pid_stat(5) counts it as field 22)."""
_TICKS = 100
"""A second in ticks where the kernel names none."""


@cache
def boot_id() -> str:
    """Names this boot of this machine; empty where the system has no such name."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    import subprocess

    with contextlib.suppress(OSError, subprocess.SubprocessError):
        command = ["sysctl", "-n", "kern.bootsessionuuid"]
        return subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout.strip()
    return ""


@cache
def pid_namespace() -> str:
    """Names the namespace in which these process ids are valid; empty where there is only one."""
    with contextlib.suppress(OSError):
        return str(Path("/proc/self/ns/pid").readlink())
    return ""


def start_ticks(pid: int) -> int | None:
    """When a process of this namespace started: ticks since boot, the same for as long as it lives, and with its id
    never the same for another process of this boot. None when there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None if Path("/proc/self/stat").exists() else _start_elsewhere(pid)
    # The name is in parentheses and may hold blanks and parentheses itself.
    fields = stat[stat.rfind(b")") + 1 :].split()
    return int(fields[_AFTER_NAME]) if len(fields) > _AFTER_NAME else None


def is_zombie(pid: int) -> bool:
    """Whether it has exited and only waits for its parent, as far as /proc shows."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    return stat[stat.rfind(b")") + 2 :][:1] == b"Z"


def _start_elsewhere(pid: int) -> int | None:
    """Without /proc: psutil's own identity of a process, which does not depend on changes of the clock."""
    import psutil

    try:
        process = psutil.Process(pid)
        started = getattr(process, "_ident", (pid, None))[1] or process.create_time()
    except psutil.Error:
        return None
    return round(float(started) * _TICKS)
