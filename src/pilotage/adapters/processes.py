"""Processes that outlive the controller: started detached, recorded before they start, found again afterwards by
process id *and* start time (a process id alone is used again for somebody else)."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from pilotage.adapters.files import read_json, write_json
from pilotage.adapters.ports import AdapterError

_MARK = "PILOTAGE_PROCESS"
"""In the environment of every process started here: the path of its record, so that one started just before a
crash, and not yet recorded, is found."""


@dataclass(frozen=True)
class Record:
    """What is written down of a process: `pid` is None between the intent and the start; `facts` is the owner's."""

    path: Path
    facts: Mapping[str, Any]
    pid: int | None = None
    started: float | None = None
    stopping_since: float | None = None

    def save(self) -> None:
        data = asdict(self)
        data.pop("path")
        write_json(self.path, {**data, "facts": dict(self.facts)})

    def forget(self) -> None:
        self.path.unlink(missing_ok=True)

    def process(self) -> psutil.Process | None:
        """The living process of this record, or None."""
        if self.pid is None or self.started is None:
            return None
        try:
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.started) > 0.05 or process.status() == psutil.STATUS_ZOMBIE:
                _reap(self.pid)
                return None
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return None
        return process


def load(path: Path) -> Record | None:
    """The record at `path`; None when there is none. A start that was cut off is completed or forgotten here."""
    data = read_json(path)
    if data is None:
        return None
    record = Record(path, data["facts"], data["pid"], data["started"], data["stopping_since"])
    if record.pid is not None:
        return record
    found = _marked(path)
    if found is None:
        record.forget()
        return None
    record = replace(record, pid=found.pid, started=found.create_time())
    record.save()
    return record


def start(path: Path, command: Sequence[str], facts: Mapping[str, Any], log: Path, cwd: Path | None = None) -> Record:
    """Start `command` detached, its output appended to `log`. Raises AdapterError when it cannot be started."""
    record = Record(path, facts)
    record.save()
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        try:
            process = subprocess.Popen(
                list(command),
                cwd=cwd,
                env={**os.environ, _MARK: str(path.resolve())},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            record.forget()
            raise AdapterError(f"cannot start {command[0]!r}: {error.strerror}") from error
    try:
        started = psutil.Process(process.pid).create_time()
    except psutil.NoSuchProcess:
        started = time.time()
    record = replace(record, pid=process.pid, started=started)
    record.save()
    return record


def stop(record: Record, deadline: float) -> Record | None:
    """Ask the process to end, force it once `deadline` seconds have passed; returns None when it is gone.

    Never waits: call it again until it returns None.
    """
    process = record.process()
    if process is None:
        record.forget()
        return None
    if record.stopping_since is None:
        record = replace(record, stopping_since=time.time())
        record.save()
        _signal(record, signal.SIGTERM)
    elif time.time() - record.stopping_since >= deadline:
        _signal(record, signal.SIGKILL)
    return record


def end_tree(record: Record) -> None:
    """End the process and everything it started, whatever sessions those made, at once."""
    process = record.process()
    if process is None:
        return
    family = [process]
    with contextlib.suppress(psutil.Error):
        family += process.children(recursive=True)
    for member in family:
        with contextlib.suppress(psutil.Error):
            member.kill()


def last_lines(log: Path, count: int = 3) -> str:
    """The end of a log, for the sentence that explains a death."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 4096))
            lines = file.read().decode(errors="replace").strip().splitlines()
    except FileNotFoundError:
        return ""
    return " / ".join(line.strip() for line in lines[-count:])[-300:]


def _signal(record: Record, number: int) -> None:
    """To the whole group: a server's own children must not outlive it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if record.pid:
            os.killpg(record.pid, number)


def _reap(pid: int) -> None:
    with contextlib.suppress(ChildProcessError, OSError):
        os.waitpid(pid, os.WNOHANG)


def _marked(path: Path) -> psutil.Process | None:
    mark = str(path.resolve())
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(_MARK) == mark and process.pid == os.getsid(process.pid):
                return process
    return None
