"""A fleet of local processes: each instance is a detached process of the configured command on a port of its own."""

from __future__ import annotations

import contextlib
import math
import re
import socket
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import psutil

from pilotage.adapters import marks, process_records, processes
from pilotage.adapters.environment import Environment
from pilotage.adapters.fence import Fence
from pilotage.adapters.fleets.preparing import Preparations, Preparing
from pilotage.adapters.free_port import free_port
from pilotage.adapters.health import Answer, ask_all
from pilotage.adapters.launch import Launch
from pilotage.adapters.log_sizes import Rotation
from pilotage.adapters.logs import end_of, for_people, for_sentences
from pilotage.adapters.placeholders import filled
from pilotage.adapters.ports import AdapterError, NeverStarts
from pilotage.adapters.process_records import Record
from pilotage.adapters.stages.built import Built
from pilotage.model.json import Json, text_at, whole_at
from pilotage.model.observation import Health, Instance, Preparation
from pilotage.model.traffic import artifact_of

_MOST = 256
"""Instances of an environment, including those that are stopping. A program that exits repeatedly and ignores signals
to stop must not fill the machine."""

_NEEDS: process_records.Needs = {"version": str, "port": int, "number": int}

_FOR_NOW = (408, 425, 429)
"""Statuses below 500 by which a server says that it may answer otherwise later."""
_REFUSES_AFTER = 0.8
"""Seconds for which an instance answers like that until it is believed."""
_WRONG_PATH = "Set fleet.health_check_path to a path that returns 2xx without a login"

_SETTLED = 1.5
"""Seconds after which a program that listens has found its port."""
_SLOW_START = 5.0
_YOUNG = 60.0
"""Seconds after its start in which an instance that ended may have found its port taken."""


class ProcessFleet:
    """The Fleet port over processes.

    command: argument list; `{version}` and `{port}` are filled in, there and in `home` and `environment` · health: path
    that answers 2xx when the instance is healthy · stop_timeout: seconds between asking an instance to end and forcing
    it · home: an instance's folder, relative to `cwd` · environment: what instances see next to what every program
    gets · launch: user and limits · stop_signal: that asks an instance to end, such as `INT` · logs: where its logs are
    and how they are limited, if not as usual · preparing: what makes a version ready · built: what
    `{artifact}` and `{artifacts}` mean.
    """

    def __init__(
        self,
        directory: Path,
        fence: Fence,
        *,
        command: Sequence[str],
        health: str,
        stop_timeout: float,
        cwd: Path,
        home: str = "",
        environment: Environment | None = None,
        launch: Launch | None = None,
        stop_signal: str = "TERM",
        logs: Rotation | None = None,
        preparing: Preparing | None = None,
        built: Built | None = None,
    ) -> None:
        self._directory, self._fence, self._cwd, self._home = directory, fence, cwd, home
        self._environment = environment or Environment()
        self._launch, self._stop_signal = launch or Launch(), stop_signal
        self._logs, self._rotation = directory / "logs", logs
        self._preparations = (
            Preparations(directory, fence, preparing, self._environment, self._launch) if preparing else None
        )
        self._built = built
        self._known: frozenset[Path] | None = None
        self._command, self._health, self._stop_timeout = tuple(command), health, stop_timeout
        self._unstartable: dict[str, Instance] = {}
        self._refusing: dict[Path, float] = {}

    @property
    def health_path(self) -> str:
        return self._health

    def ensure(self, version: str, count: int) -> None:
        self._fence.check()
        if count == 0:
            self._unstartable.pop(version, None)
        mine = [r for r in self._records() if r.facts["version"] == version]
        alive, young_dead = [], 0
        for record in mine:
            if record.process() is None:
                young_dead += not self._removed(record, count)
            elif record.stopping_since is None:
                alive.append(record)
            else:
                processes.stop(record, self._stop_timeout)
        for record in sorted(alive, key=_number)[count:]:
            processes.stop(record, self._stop_timeout)
        for _ in range(count - len(alive) - young_dead):
            self._start(version)

    def prepare(self, version: str) -> None:
        self._fence.check()
        if self._preparations:
            self._preparations.begin(version)

    def prepared(self, version: str) -> Preparation | None:
        return self._preparations.state(version) if self._preparations else None

    def replace(self, version: str, instance: str) -> None:
        self._fence.check()
        for record in self._records():
            if record.facts["version"] != version or _address(record) != instance:
                continue
            # What died by itself is `ensure`'s to replace, with its pause between two starts.
            if record.stopping_since is not None or record.process() is not None:
                processes.stop(record, self._stop_timeout)

    def log_tail(self, instance: str, lines: int = 3) -> tuple[str, ...]:
        return for_sentences(self._environment.without_secrets(self._written(instance, lines)), lines)

    def log(self, instance: str, lines: int) -> tuple[str, ...]:
        return for_people(self._written(instance, lines), lines, self._environment.without_secrets)

    def _written(self, instance: str, lines: int) -> str:
        # The newest instance at an address counts.
        named = next((r.path.stem for r in reversed(self._records()) if _address(r) == instance), instance)
        return end_of(self._log(named), lines) if Path(named).name == named else ""

    def instances(self) -> tuple[Instance, ...]:
        records = self._records()
        living = {r.path: p for r in records if (p := r.process()) is not None}
        asked = [r for r in records if r.path in living and r.stopping_since is None]
        answers = ask_all([("127.0.0.1", _port(r)) for r in asked], self._health)
        answered = {r.path: answer for r, answer in zip(asked, answers, strict=True)}
        found = tuple(self._instance(r, living.get(r.path), answered.get(r.path)) for r in records)
        return (*found, *self._unstartable.values())

    def stop(self) -> None:
        self._fence.check()
        left = self._records()
        while left:
            left = [r for r in left if processes.stop(r, self._stop_timeout) is not None]
            left = [r for r in (process_records.load(r.path, _NEEDS) for r in left) if r is not None]
            time.sleep(0.05)
        # What carries the mark of a record that is lost, or was started by what has ended.
        processes.end_all(marks.left_in(self._directory), self._stop_timeout)

    def _start(self, version: str) -> None:
        records = self._records()
        if len(records) >= _MOST:
            raise AdapterError(f"{len(records)} instances are running or stopping here: not starting more")
        number = 1 + max((_number(r) for r in records), default=0)
        port = free_port({_port(r) for r in records})
        places = {"version": artifact_of(version), "port": str(port), **self._artifacts(version)}
        command = self._launch.command([filled(part, places) for part in self._command])
        given = {name: filled(value, places) for name, value in self._environment.given.items()}
        facts: dict[str, Json] = {"version": version, "port": port, "number": number}
        if self._stop_signal != "TERM":
            facts[processes.STOP_SIGNAL] = self._stop_signal
        name = f"{_slug(version)}-{number}"
        environment = replace(self._environment, given=self._launch.environment() | given)
        if self._rotation:
            with contextlib.suppress(OSError):
                self._rotation.save(self._logs)
        try:
            processes.start(
                self._directory / f"{name}.json",
                command,
                facts,
                self._log(name),
                self._cwd / filled(self._home, places),
                environment.resolved(),
            )
        except NeverStarts as error:
            # A retry would not help, so it is reported as an instance that exited, with the reason.
            self._unstartable[version] = Instance(name, version, "127.0.0.1", port, Health.EXITED, None, str(error))
            raise
        self._unstartable.pop(version, None)

    def _artifacts(self, version: str) -> dict[str, str]:
        """Verified before every start. Raises NeverStarts, which people see as an instance that exited."""
        if self._built is None:
            return {}
        try:
            return self._built.among((*self._command, *self._environment.given.values(), self._home), version)
        except NeverStarts as error:
            self._unstartable[version] = Instance(version, version, "127.0.0.1", 0, Health.EXITED, None, str(error))
            raise

    def _log(self, name: str) -> Path:
        return (Path(self._rotation.folder) if self._rotation else self._logs) / f"{name}.log"

    def _removed(self, record: Record, count: int) -> bool:
        """What dies right after its start is started again no more than every two seconds."""
        if count and record.stopping_since is None and record.age < 2:
            return False
        processes.stop(record, self._stop_timeout)
        return True

    def _records(self) -> list[Record]:
        """Every record. One that went away without our doing is looked for by the mark of its process: when this fleet
        is first asked about, and whenever fewer are there than before."""
        paths = process_records.paths_in(self._directory)
        if self._known is None or self._known - paths:
            process_records.adopt(self._directory, _NEEDS)
            paths = process_records.paths_in(self._directory)
        found = [process_records.load(path, _NEEDS) for path in sorted(paths)]
        records = sorted((r for r in found if r is not None), key=_number)
        self._known = frozenset(record.path for record in records)
        return records

    def _instance(self, record: Record, process: psutil.Process | None, answer: Answer | None) -> Instance:
        health, detail = self._health_of(record, process, answer)
        memory = cpu = None
        if process is not None:
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                memory, cpu = process.memory_info().rss, times.user + times.system
        version = text_at(record.facts, "version")
        refuses = process is not None and self._refuses(record, answer)
        return Instance(
            record.path.stem, version, "127.0.0.1", _port(record), health, memory, detail, cpu, refuses,
            process.pid if process is not None else None,
        )  # fmt: skip

    def _refuses(self, record: Record, answer: Answer | None) -> bool:
        """Whether its health check has answered for a while as no starting program does: with a client error (4xx),
        such as 404, or a redirect (3xx)."""
        if answer is not None and answer.status is not None and 200 <= answer.status < 300:
            self._refusing[record.path] = math.inf  # it knows its path, so any later answer is a temporary one
        if answer is None or answer.status is None or not 300 <= answer.status < 500 or answer.status in _FOR_NOW:
            return False
        return time.monotonic() - self._refusing.setdefault(record.path, time.monotonic()) >= _REFUSES_AFTER

    def _lost_its_port(self, record: Record) -> bool:
        """Whether it ended right after its start and someone else listens on its port: between the choice of a free
        port and its use another program took it. That is no fault of the version, and `ensure` starts another."""
        if record.age > _YOUNG:
            return False
        with contextlib.closing(socket.socket()) as probe:
            probe.settimeout(0.5)
            return probe.connect_ex(("127.0.0.1", _port(record))) == 0

    def _health_of(self, record: Record, process: psutil.Process | None, answer: Answer | None) -> tuple[Health, str]:
        if process is None:
            log = self._log(record.path.stem)
            lines = processes.last_lines(log, public=self._environment.without_secrets)
            gone = record.stopping_since is not None or self._lost_its_port(record)
            return (Health.STOPPING if gone else Health.EXITED), f"end of its log: {lines}" if lines else ""
        if answer is None:
            return Health.STOPPING, ""
        if answer.status is None:
            elsewhere = _listens_elsewhere(process, _port(record)) if record.age > _SETTLED else ""
            health = Health.STARTING if record.age < _SLOW_START else Health.UNHEALTHY
            return health, f"{answer.detail}{elsewhere}"
        if 200 <= answer.status < 300:
            return Health.HEALTHY, ""
        cure = f". {_WRONG_PATH}" if 300 <= answer.status < 500 and answer.status not in _FOR_NOW else ""
        return Health.UNHEALTHY, f"{self._health} returns {answer.status}{cure}"


def _listens_elsewhere(process: psutil.Process, port: int) -> str:
    """That it listens on another port than the one it was given, and what to do about it; empty otherwise."""
    with contextlib.suppress(psutil.Error, OSError):
        family = [process, *process.children(recursive=True)]
        ports = {c.laddr.port for one in family for c in one.net_connections("tcp") if c.status == psutil.CONN_LISTEN}
        if ports and port not in ports:
            shown = ", ".join(map(str, sorted(ports)[:3]))
            return f"; it listens on {shown} instead. Pass it {{port}}, in fleet.command or in fleet.env"
    return ""


def _slug(version: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]", "-", version)


def _number(record: Record) -> int:
    return whole_at(record.facts, "number")


def _address(record: Record) -> str:
    return f"127.0.0.1:{_port(record)}"


def _port(record: Record) -> int:
    return whole_at(record.facts, "port")
