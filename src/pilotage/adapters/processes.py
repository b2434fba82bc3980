"""Processes that outlive the controller: started detached, and ended with all that they started.

`process_records` says how they are found again.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import psutil

from pilotage.adapters.environment import inherited
from pilotage.adapters.files import open_log
from pilotage.adapters.identity import boot_id, start_ticks
from pilotage.adapters.logs import last_words
from pilotage.adapters.marks import MARK, mark_of, marked_as
from pilotage.adapters.ports import AdapterError, NeverStarts
from pilotage.adapters.process_records import FACTS, Record
from pilotage.model.json import JsonObject

STOP_SIGNAL = "stop_signal"
"""The fact of a record that names the signal by which its process is asked to stop, such as `INT`; TERM without it."""
_NEVER_STARTS = (errno.ENOENT, errno.EACCES, errno.ENOEXEC, errno.ENOTDIR, errno.ELOOP)


def start(
    path: Path,
    command: Sequence[str],
    facts: JsonObject,
    log: Path,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Record:
    """Start `command` detached, its output appended to `log`. Raises AdapterError when it cannot be started.

    environment: all that it sees next to its mark; left out, what every program gets.
    """
    record = Record(path, facts, boot=boot_id(), began=time.monotonic())
    record.save()
    given = dict(inherited() if environment is None else environment)
    try:
        with open_log(log) as output:
            process = subprocess.Popen(
                list(command),
                cwd=cwd,
                env={**given, MARK: mark_of(path), FACTS: json.dumps(dict(facts))},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    except (OSError, ValueError) as error:
        record.forget()
        kind = NeverStarts if getattr(error, "errno", None) in _NEVER_STARTS else AdapterError
        raise kind(f"cannot start {command[0]!r}: {_why_not(cwd, error)}") from error
    record = replace(record, pid=process.pid, start=start_ticks(process.pid), boot=boot_id(), began=time.monotonic())
    record.save()
    return record


def _why_not(cwd: Path | None, error: Exception) -> str:
    if cwd is not None and not cwd.is_dir():
        return f"the folder {cwd} does not exist"
    return str(getattr(error, "strerror", None) or error)


def stop(record: Record, deadline: float) -> Record | None:
    """Ask the process to stop, and kill it after `deadline` seconds. Returns None when it is gone together with
    everything that it started, in any session.

    Never waits: call it again until it returns None.
    """
    process = record.process()
    left = [] if process else marked_as(record.path)
    if process is None and not left:
        record.forget()
        return None
    asked = record.stopping_since is not None
    if not asked:
        record = replace(record, stopping_since=time.monotonic())
        record.save()
    forced = time.monotonic() - (record.stopping_since or 0.0) >= deadline
    number = signal.SIGKILL if forced else _asks(record)
    if process and (forced or not asked):
        _signal(record, number)
    for other in left:
        with contextlib.suppress(psutil.Error):
            other.send_signal(number)
    return record


def _asks(record: Record) -> signal.Signals:
    """The signal that asks its process to stop. It is in the record, so whoever stops it needs no configuration."""
    name = record.facts.get(STOP_SIGNAL)
    return getattr(signal, f"SIG{name}", signal.SIGTERM) if isinstance(name, str) else signal.SIGTERM


def end_tree(record: Record) -> None:
    """Kill the process and everything that it started, in any session."""
    process = record.process()
    if process is None:
        return
    family = [process, *marked_as(record.path)]
    with contextlib.suppress(psutil.Error):
        family += process.children(recursive=True)
    for member in family:
        with contextlib.suppress(psutil.Error):
            member.kill()


def end_all(found: Sequence[psutil.Process], deadline: float) -> None:
    """Ask them to end, force them after `deadline` seconds, and return when they are gone."""
    for process in found:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    _, left = psutil.wait_procs(found, timeout=deadline)
    for process in left:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(left, timeout=deadline)


def last_lines(log: Path, count: int = 3, *, public: Callable[[str], str] = str) -> str:
    """The end of a log, for the sentence that explains a death. public: leaves out what nobody may read."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 4096))
            return last_words(public(file.read(4096).decode(errors="replace")).splitlines(), count)
    except OSError:
        return ""


# ── signals ────────────────────────────────────────────────────────────────────────────────────────────────


def _signal(record: Record, number: int) -> None:
    """To the whole group: a server's own children must not outlive it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if record.pid:
            os.killpg(record.pid, number)
