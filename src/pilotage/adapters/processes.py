"""Processes that outlive the controller: started detached, recorded before they start, found again afterwards.

A process is known by its id and its start on the kernel's clock in this boot (an id alone is used again for somebody
else, and the wall clock may be put right). Every one carries the path of its record in its environment: where the
record is lost, that mark finds the process, and what it was started for makes the record anew.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import psutil

from pilotage.adapters.environment import inherited
from pilotage.adapters.files import open_log, read_json, read_leniently, set_aside, write_json
from pilotage.adapters.identity import boot_id, start_ticks
from pilotage.adapters.marks import MARK, leader_of, mark_of, marked, marked_as
from pilotage.adapters.ports import AdapterError
from pilotage.model.json import Json, JsonObject, WrongJson, number_at, object_at, optional

_log = logging.getLogger(__name__)
_FACTS = "PILOTAGE_PROCESS_FACTS"
"""And what the record says of it, as JSON."""

_unwritten: dict[str, Record] = {}
"""Records that the disk has not taken, by their marks."""

_NEVER_STARTS = (errno.ENOENT, errno.EACCES, errno.ENOEXEC, errno.ENOTDIR, errno.ELOOP)

Needs = Mapping[str, type]
"""What an owner's facts must hold, by name, or the record is none."""


class NeverStarts(AdapterError):
    """The program does not exist, or it cannot be executed. Trying again does not help."""


@dataclass(frozen=True)
class Record:
    """What is written down of a process: `pid` is None between the intent and the start; `facts` is the owner's.

    start: ticks since boot · boot: names the boot · began, stopping_since: seconds of the monotonic clock of that boot
    · created: the start by the wall clock, all that an earlier Pilotage wrote.
    """

    path: Path
    facts: JsonObject
    pid: int | None = None
    start: int | None = None
    boot: str = ""
    began: float | None = None
    stopping_since: float | None = None
    created: float | None = None

    @property
    def age(self) -> float:
        """Seconds since it was started; endless where nobody wrote it down."""
        return float("inf") if self.began is None else time.monotonic() - self.began

    def save(self) -> None:
        """Write it down; where the disk does not take it, it is kept in memory until it does. The process carries its
        mark and its facts, so that whoever has neither file nor memory finds it all the same."""
        data = asdict(self)
        data.pop("path")
        try:
            write_json(self.path, {**data, "facts": dict(self.facts)})
            _unwritten.pop(mark_of(self.path), None)
        except OSError as error:
            if _unwritten.setdefault(mark_of(self.path), self).pid is None:
                _log.warning("cannot write %s: %s", self.path, error.strerror)
            _unwritten[mark_of(self.path)] = self

    def forget(self) -> None:
        _unwritten.pop(mark_of(self.path), None)
        self.path.unlink(missing_ok=True)

    def process(self) -> psutil.Process | None:
        """The living process of this record, or None."""
        if self.pid is None:
            return None
        try:
            process = psutil.Process(self.pid)
            if not self._is(process) or process.status() == psutil.STATUS_ZOMBIE:
                _reap(self.pid)
                return None
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return None
        return process

    def _is(self, process: psutil.Process) -> bool:
        if self.start is not None:
            return self.boot == boot_id() and start_ticks(process.pid) == self.start
        # An earlier Pilotage wrote the wall clock's time, which may have been put right meanwhile.
        try:
            return process.environ().get(MARK) == mark_of(self.path)
        except psutil.AccessDenied:
            return self.created is not None and abs(process.create_time() - self.created) <= 0.05


def load(path: Path, needs: Needs | None = None) -> Record | None:
    """The record at `path`; None when there is none. A start that was cut off is completed or forgotten here; a record
    that cannot be read is made anew where its process lives."""
    if _unwritten and (kept := _unwritten.get(mark_of(path))) is not None and kept.pid is not None:
        kept.save()
        return kept
    if not path.exists():
        return None
    record = _read(path, needs)
    if record is not None and record.pid is not None:
        return record
    found = leader_of(path)
    if found is None:
        if record is not None:
            record.forget()
        return None
    return _taken_over(path, found, record.facts if record else None, needs)


def paths_in(folder: Path) -> frozenset[Path]:
    """Where the records of this folder are, or would be if the disk took them."""
    place = mark_of(folder)
    return frozenset(folder.glob("*.json")) | {
        folder / Path(mark).name for mark in tuple(_unwritten) if str(Path(mark).parent) == place
    }


def runs(path: Path) -> bool:
    """Whether the process of the record at `path` lives. For who only looks: whatever the file is, it stays."""
    with contextlib.suppress(ValueError):
        record = _parsed(path, read_leniently(path), None)
        if record.pid is not None:
            return record.process() is not None
    return leader_of(path) is not None


def find(path: Path, needs: Needs | None = None) -> Record | None:
    """As `load`, and where no record lies, by the mark: before something is started that may be running."""
    if (record := load(path, needs)) is not None:
        return record
    found = leader_of(path)
    return None if found is None else _taken_over(path, found, None, needs)


def adopt(folder: Path, needs: Needs | None = None) -> list[Record]:
    """Records made anew of what runs for this folder without one."""
    paths = {Path(mark) for _, mark in marked() if Path(mark).parent == folder.resolve()}
    found = [find(path, needs) for path in sorted(paths) if not path.exists()]
    return [record for record in found if record is not None]


def start(
    path: Path,
    command: Sequence[str],
    facts: JsonObject,
    log: Path,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Record:
    """Start `command` detached, its output appended to `log`. Raises AdapterError when it cannot be started.

    environment: all that it sees beside its mark; left out, what every program gets.
    """
    record = Record(path, facts)
    record.save()
    given = dict(inherited() if environment is None else environment)
    try:
        with open_log(log) as output:
            process = subprocess.Popen(
                list(command),
                cwd=cwd,
                env={**given, MARK: mark_of(path), _FACTS: json.dumps(dict(facts))},
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
    """Ask the process to end, force it once `deadline` seconds have passed; returns None when it is gone, and what it
    started with it, whatever sessions those made.

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
    if process and (forced or not asked):
        _signal(record, signal.SIGKILL if forced else signal.SIGTERM)
    for other in left:
        with contextlib.suppress(psutil.Error):
            other.send_signal(signal.SIGKILL if forced else signal.SIGTERM)
    return record


def end_tree(record: Record) -> None:
    """End the process and everything it started, whatever sessions those made, at once."""
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


def last_lines(log: Path, count: int = 3) -> str:
    """The end of a log, for the sentence that explains a death."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 4096))
            lines = file.read(4096).decode(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return " / ".join(line.strip() for line in lines[-count:])[-300:]


# ── records ────────────────────────────────────────────────────────────────────────────────────────────────


def _read(path: Path, needs: Needs | None) -> Record | None:
    """What the file says; None when that is no record, and then it is set aside."""
    data = read_json(path)
    if data is None:
        return None
    try:
        record = _parsed(path, data, needs)
    except ValueError as error:
        set_aside(path, f"not a process record: {error!r}")
        return None
    if record.start is None and record.stopping_since is not None:
        # By the wall clock of an earlier Pilotage: the deadline begins anew.
        record = replace(record, stopping_since=time.monotonic())
    return record


def _parsed(path: Path, data: Json, needs: Needs | None) -> Record:
    """Raises WrongJson for what is no record."""
    if missing := {"pid", "stopping_since"} - object_at(data).keys():
        raise WrongJson(f"{', '.join(sorted(missing))} is missing")
    return Record(
        path,
        _checked(object_at(data, "facts"), needs),
        _whole(data, "pid"),
        _whole(data, "start"),
        str(object_at(data).get("boot") or ""),
        optional(number_at, data, "began"),
        optional(number_at, data, "stopping_since"),
        optional(number_at, data, "created" if "created" in object_at(data) else "started"),
    )


def _whole(data: Json, name: str) -> int | None:
    found = optional(number_at, data, name)
    return None if found is None else int(found)


def _checked(facts: JsonObject, needs: Needs | None) -> JsonObject:
    """Raises WrongJson when they are not what the owner needs."""
    for name, kind in (needs or {}).items():
        if not isinstance(facts.get(name), kind):
            raise WrongJson(f"{name} is {facts.get(name)!r}")
    return facts


def _taken_over(path: Path, process: psutil.Process, facts: JsonObject | None, needs: Needs | None) -> Record | None:
    """The record made anew of a process that carries its mark; None when it is gone, or nobody knows what it is."""
    lost = facts is None
    try:
        if facts is None:
            facts = _checked(object_at(json.loads(process.environ().get(_FACTS, "{}"))), needs)
        started = start_ticks(process.pid)
    except psutil.Error:
        return None
    except ValueError:
        _log.warning("process %s carries the mark of %s, but has no record", process.pid, path)
        return None
    level = logging.WARNING if lost else logging.INFO
    _log.log(level, "%s was lost; found its process %s by its mark", path, process.pid)
    record = Record(path, facts, process.pid, started, boot_id(), time.monotonic())
    record.save()
    return record


# ── signals ────────────────────────────────────────────────────────────────────────────────────────────────


def _signal(record: Record, number: int) -> None:
    """To the whole group: a server's own children must not outlive it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if record.pid:
            os.killpg(record.pid, number)


def _reap(pid: int) -> None:
    with contextlib.suppress(ChildProcessError, OSError):
        os.waitpid(pid, os.WNOHANG)
