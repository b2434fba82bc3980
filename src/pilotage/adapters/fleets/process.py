"""A fleet of local processes: each instance a detached process of the configured command on a port of its own."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

from pilotage.adapters import processes
from pilotage.adapters.fence import Fence
from pilotage.adapters.free_port import free_port
from pilotage.adapters.http import get_status
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.processes import Record
from pilotage.model.observation import Health, Instance
from pilotage.model.text import clean, line
from pilotage.model.traffic import artifact_of

_TAIL = 64 * 1024
"""Bytes at the end of a log in which its last lines are looked for."""

_LINE = 200

_YOUNG = 60.0
"""Seconds after its start in which an instance that ended may have found its port taken."""


class ProcessFleet:
    """The Fleet port over processes.

    command: argument list with `{version}` and `{port}` · health: path that answers 2xx when the instance is well ·
    stop_deadline: seconds between asking an instance to end and forcing it.
    """

    def __init__(
        self,
        directory: Path,
        fence: Fence,
        *,
        command: Sequence[str],
        health: str,
        stop_deadline: float,
        cwd: Path,
    ) -> None:
        self._directory, self._fence, self._cwd = directory, fence, cwd
        self._command, self._health, self._stop_deadline = tuple(command), health, stop_deadline

    def ensure(self, version: str, count: int) -> None:
        self._fence.check()
        mine = [r for r in self._records() if r.facts["version"] == version]
        alive, young_dead = [], 0
        for record in mine:
            if record.process() is None:
                young_dead += not self._removed(record, count)
            elif record.stopping_since is None:
                alive.append(record)
            else:
                processes.stop(record, self._stop_deadline)
        for record in sorted(alive, key=_number)[count:]:
            processes.stop(record, self._stop_deadline)
        for _ in range(count - len(alive) - young_dead):
            self._start(version)

    def replace(self, version: str, instance: str) -> None:
        self._fence.check()
        for record in self._records():
            if record.facts["version"] != version or _address(record) != instance:
                continue
            # What died by itself is `ensure`'s to replace, with its pause between two starts.
            if record.stopping_since is not None or record.process() is not None:
                processes.stop(record, self._stop_deadline)

    def log_tail(self, instance: str, lines: int = 3) -> tuple[str, ...]:
        # The newest instance at an address is the one meant.
        named = next((r.path.stem for r in reversed(self._records()) if _address(r) == instance), instance)
        if Path(named).name != named:
            return ()
        try:
            with (self._directory / "logs" / f"{named}.log").open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
                text = file.read(_TAIL).decode(errors="replace")
        except FileNotFoundError:
            return ()
        shown = [line(row, _LINE) for row in clean(text).split("\n") if row.strip()]
        return tuple(shown[-lines:]) if lines > 0 else ()

    def instances(self) -> tuple[Instance, ...]:
        records = self._records()
        if not records:
            return ()
        with ThreadPoolExecutor(max_workers=min(16, len(records))) as pool:
            return tuple(pool.map(self._instance, records))

    def stop(self) -> None:
        self._fence.check()
        left = self._records()
        while left:
            left = [r for r in left if processes.stop(r, self._stop_deadline) is not None]
            left = [r for r in map(processes.load, (r.path for r in left)) if r is not None]
            time.sleep(0.05)

    def _start(self, version: str) -> None:
        number = 1 + max((_number(r) for r in self._records()), default=0)
        port = free_port()
        slug = re.sub(r"[^A-Za-z0-9.-]", "-", version)
        named = artifact_of(version)
        command = [part.replace("{version}", named).replace("{port}", str(port)) for part in self._command]
        facts = {"version": version, "port": port, "number": number}
        name = f"{slug}-{number}"
        processes.start(
            self._directory / f"{name}.json",
            command,
            facts,
            self._directory / "logs" / f"{name}.log",
            self._cwd,
        )

    def _removed(self, record: Record, count: int) -> bool:
        """What dies right after its start is started again no more than every two seconds."""
        age = time.time() - (record.started or 0)
        if count and record.stopping_since is None and age < 2:
            return False
        record.forget()
        return True

    def _records(self) -> list[Record]:
        found = [processes.load(path) for path in sorted(self._directory.glob("*.json"))]
        return sorted((r for r in found if r is not None), key=_number)

    def _instance(self, record: Record) -> Instance:
        health, detail = self._health_of(record)
        memory = cpu = None
        if process := record.process():
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                memory, cpu = process.memory_info().rss, times.user + times.system
        return Instance(
            record.path.stem,
            record.facts["version"],
            "127.0.0.1",
            record.facts["port"],
            health,
            memory,
            detail,
            cpu,
        )

    def _lost_its_port(self, record: Record) -> bool:
        """Whether it ended right after its start and somebody else listens on its port: between the choice of a free
        port and its use another program took it. That is no fault of the version, and `ensure` starts another."""
        if time.time() - (record.started or 0) > _YOUNG:
            return False
        with contextlib.closing(socket.socket()) as probe:
            probe.settimeout(0.5)
            return probe.connect_ex(("127.0.0.1", record.facts["port"])) == 0

    def _health_of(self, record: Record) -> tuple[Health, str]:
        process = record.process()
        if process is None:
            log = self._directory / "logs" / f"{record.path.stem}.log"
            lines = processes.last_lines(log)
            gone = record.stopping_since is not None or self._lost_its_port(record)
            return (Health.STOPPING if gone else Health.EXITED), f"its log ends: {lines}" if lines else ""
        if record.stopping_since is not None:
            return Health.STOPPING, ""
        try:
            status, _ = get_status(f"http://127.0.0.1:{record.facts['port']}{self._health}", timeout=1.0)
        except AdapterError as error:
            young = time.time() - process.create_time() < 5
            return (Health.STARTING if young else Health.UNHEALTHY), str(error)
        if 200 <= status < 300:
            return Health.HEALTHY, ""
        return Health.UNHEALTHY, f"{self._health} answers {status}"


def _number(record: Record) -> int:
    return int(record.facts["number"])


def _address(record: Record) -> str:
    return f"127.0.0.1:{record.facts['port']}"
