"""Records of processes that outlive the controller: written before they start, found again afterwards.

A process is known by its id and its start time on the kernel's clock in this boot (an id alone is reused, and the wall
clock may be corrected). Every process carries the path of its record in its environment. If the record is lost, that
mark finds the process, and its facts rebuild the record.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import psutil

from pilotage.adapters.files import read_json, read_leniently, set_aside, write_json
from pilotage.adapters.identity import boot_id, start_ticks
from pilotage.adapters.marks import MARK, leader_of, mark_of, marked
from pilotage.model.json import Json, JsonObject, WrongJson, number_at, object_at, optional

_log = logging.getLogger(__name__)
FACTS = "PILOTAGE_PROCESS_FACTS"
"""The variable of a process with the content of its record, as JSON, next to its mark."""

_STARTING = 10.0
"""Seconds that a start takes at most, however busy the machine is."""

_unwritten: dict[str, Record] = {}
"""Records that the disk has not taken, by their marks."""

Needs = Mapping[str, type]
"""What an owner's facts must hold, by name, or the record is none."""


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

    @property
    def is_starting(self) -> bool:
        """Whether it is an intent of just now. Whoever else reads it must not take it away: the process may be about to
        start, and its record with it."""
        return self.pid is None and self.boot == boot_id() and self.age < _STARTING

    def save(self) -> None:
        """Save the record. If the disk rejects it, keep it in memory until it can be saved. The process carries its
        mark and facts, so it can be found without file or memory."""
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
    """The record at `path`; None if there is none. An interrupted start is completed or forgotten here. An unreadable
    record is rebuilt if its process is running."""
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
        if record is not None and not record.is_starting:
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
    """Like `load`, but without a record it searches by mark: before starting something that may already be running."""
    if (record := load(path, needs)) is not None:
        return record
    found = leader_of(path)
    return None if found is None else _taken_over(path, found, None, needs)


def adopt(folder: Path, needs: Needs | None = None) -> list[Record]:
    """Rebuilt records of processes that run for this folder without one."""
    paths = {Path(mark) for _, mark in marked() if Path(mark).parent == folder.resolve()}
    found = [find(path, needs) for path in sorted(paths) if not path.exists()]
    return [record for record in found if record is not None]


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
        # An earlier Pilotage stored wall-clock time, so the timeout starts again.
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
    """The rebuilt record of a process that carries its mark; None if it is gone or cannot be identified."""
    lost = facts is None
    try:
        if facts is None:
            facts = _checked(object_at(json.loads(process.environ().get(FACTS, "{}"))), needs)
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


def _reap(pid: int) -> None:
    with contextlib.suppress(ChildProcessError, OSError):
        os.waitpid(pid, os.WNOHANG)
