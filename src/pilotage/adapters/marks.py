"""Finds processes by the mark that each has in its environment: the path of its record."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import psutil

from pilotage.adapters.identity import start_ticks

MARK = "PILOTAGE_PROCESS"
"""In the environment of every process started here: the path of its record."""

_MARKED = f"{MARK}=".encode()
_HAS_PROC = Path("/proc/self/environ").exists()


def folders_now(place: Path, record: str) -> list[Path]:
    """Where those run by now that were started for a record of this name under `place`, which may have been moved. Goes
    by the mark, so that a copy of a folder never speaks for the original."""
    under = mark_of(place) + os.sep
    found = [process for process, mark in marked() if mark.startswith(under) and Path(mark).name == record]
    folders = [runs_in(process) for process in found if is_leader(process)]
    return [folder for folder in folders if folder is not None]


def runs_in(process: psutil.Process) -> Path | None:
    """The folder that is its own, under the name that it has now; None where that was deleted or cannot be seen."""
    with contextlib.suppress(psutil.Error, OSError):
        found = Path(process.cwd())
        return found if found.is_dir() else None
    return None


def left_in(folder: Path) -> list[psutil.Process]:
    """Every living process that was started for something in this folder, and what those started in turn."""
    place = mark_of(folder) + os.sep
    return [process for process, mark in marked() if mark.startswith(place)]


def end_others_of_mine() -> None:
    """Stop every other process that carries this process's mark: everything it started, in any session."""
    mine = os.environ.get(MARK)
    for process, mark in marked() if mine else ():
        if mark == mine:
            with contextlib.suppress(psutil.Error):
                process.kill()


def own_mark() -> dict[str, str]:
    """The variable that marks what this process starts as its own."""
    return {MARK: os.environ[MARK]} if MARK in os.environ else {}


def mark_of(path: Path) -> str:
    return str(path.resolve())


def marked() -> Iterator[tuple[psutil.Process, str]]:
    """Every living process but this one that carries a mark, and the mark."""
    for pid in psutil.pids():
        if pid == os.getpid() or not _may_carry_one(pid):
            continue
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            mark = process.environ().get(MARK)
            if mark and process.status() != psutil.STATUS_ZOMBIE:
                yield process, mark


def _may_carry_one(pid: int) -> bool:
    """A first look that costs a tenth of psutil's: a machine has many processes, and few are ours."""
    try:
        return _MARKED in Path(f"/proc/{pid}/environ").read_bytes()
    except FileNotFoundError:
        return not _HAS_PROC
    except OSError:
        return False


def marked_as(path: Path) -> list[psutil.Process]:
    wanted = mark_of(path)
    return [process for process, mark in marked() if mark == wanted]


def leader_of(path: Path) -> psutil.Process | None:
    """The process that was started for the record at `path`; not one that it started."""
    leaders = [process for process in marked_as(path) if is_leader(process)]
    return min(leaders, key=lambda process: start_ticks(process.pid) or 0, default=None)


def is_leader(process: psutil.Process) -> bool:
    with contextlib.suppress(OSError):
        return process.pid == os.getsid(process.pid)
    return False
