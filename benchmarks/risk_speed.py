"""How long an assessment takes: `python benchmarks/risk_speed.py CLONE…`, beside the `git log` that it has to read.

A range of 200 changes as a user runs it (a new process each time, the file cache warm, nothing kept from before), and
the measures of up to 10,000 changes as `pilotage risk train` takes them. Seconds are of the processor, user and system,
git's among them: a busy machine changes them less than it changes the time.
"""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from statistics import median

from pilotage.adapters.git import Git
from pilotage.adapters.ports import AdapterError
from pilotage.risk.labels import label

RUNS = 5
CHANGES, MANY = 200, 10_000


def timed(run: Callable[[], object]) -> list[float]:
    return sorted(spent(run) for _ in range(RUNS))


def spent(run: Callable[[], object]) -> float:
    """Seconds of the processor, of this process and of those that it started and that have ended."""
    began = _used()
    run()
    return _used() - began


def _used() -> float:
    each = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in each)


def _newest(git: Git) -> Iterator[str]:
    """The revisions that name the newest MANY changes."""
    found = git.run("rev-list", "--first-parent", f"--max-count={MANY + 1}", "HEAD").split()
    return iter([f"{found[-1]}..HEAD"] if len(found) > MANY else ["HEAD"])


def main() -> None:
    print(f"{platform.platform()}, Python {platform.python_version()}, {Git(Path()).run('--version').strip()}\n")
    print(
        f"| repository | commits | {CHANGES} changes: median (least–most), s | memory, MB | `git log -p` of them, s | "
        "changes measured | s | `git log -p` of them, s |"
    )
    print("|---" * 8 + "|")
    for path in map(Path, sys.argv[1:]):
        git = Git(path)
        count = git.run("rev-list", "--count", "HEAD").strip()
        span = f"HEAD~{CHANGES}..HEAD"
        memory: list[float] = []
        ours = timed(lambda span=span, path=path, memory=memory: memory.append(_ours(path, span)))  # type: ignore[misc]
        peer = timed(lambda span=span, path=path: _log(path, span))  # type: ignore[misc]
        name = path.parent.name if path.name == "repo" else path.name
        print(
            f"| {name} | {count} | {median(ours):.2f} ({ours[0]:.2f}–{ours[-1]:.2f}) | {max(memory):.0f} | "
            f"{median(peer):.2f} | {' | '.join(_many(git))} |",
            flush=True,
        )


def _many(git: Git) -> tuple[str, str, str]:
    """How many changes are measured, and the seconds of both; of a clone without all of its history nothing."""
    revisions, found = list(_newest(git)), list[int]()
    try:
        took = spent(lambda: found.append(len(label(islice(git.changes(revisions), MANY)))))
    except AdapterError:
        return "–", "–", "–"
    return str(found[0]), f"{took:.1f}", f"{spent(lambda: _log(git.path, *revisions)):.1f}"


def _ours(path: Path, span: str) -> float:
    """Megabytes that it took at most, its own git processes looked at, too."""
    arguments = [sys.executable, "-m", "pilotage.cli.main", "risk", span, "--repository", str(path), "--json"]
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0
    return usage.ru_maxrss / 1024


def _log(path: Path, *revisions: str) -> None:
    arguments = ["git", "-C", str(path), "log", "-p", "-U0", "-M", "--first-parent", "--diff-merges=first-parent"]
    subprocess.run([*arguments, *revisions], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
