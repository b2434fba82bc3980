"""Release notes beside git-cliff's, on the same ranges: how long they take, and what each makes of every commit.

    python benchmarks/notes.py CLONE A..B [CLONE A..B …]

CLONE is a clone of any public repository. git-cliff (the `git-cliff` wheel) runs with its default configuration, which
groups Conventional Commits. Ours is `pilotage notes` for developers. Both are timed as whole commands, the median of
five; *told* are the commits of the range (merges left out) that stand in the notes, by their own line or by the merge
that speaks for them.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from pilotage.adapters.git import Git
from pilotage.report.commits import SURE
from pilotage.report.range import changes_of

RUNS = 5


def timed(command: list[str], cwd: Path) -> tuple[float, str]:
    """Median seconds, and what it printed."""
    times, said = [], ""
    for _ in range(RUNS):
        began = time.perf_counter()
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=True)
        times.append(time.perf_counter() - began)
        said = done.stdout
    return statistics.median(times), said


def compared(clone: Path, range_: str) -> list[str]:
    git = Git(clone)
    commits = git.told([range_])
    plain = [commit for commit in commits if len(commit.parents) < 2]
    with tempfile.TemporaryDirectory() as folder:
        ours, _ = timed(
            [sys.executable, "-m", "pilotage.cli.main", "notes", range_, "--repository", str(clone),
             "--version", "next", "--format", "markdown"], Path(folder),
        )  # fmt: skip
        cliff = shutil.which("git-cliff", path=str(Path(sys.executable).parent)) or "git-cliff"
        theirs, said = timed([cliff, "--repository", str(clone), "--context", range_], Path(folder))
    told = {c["id"] for release in json.loads(said) for c in release["commits"]}
    changes = changes_of(commits)
    mine = {change.id for change in changes} | {identity for change in changes for identity in change.covers}
    dropped = len([c for c in plain if re.match(r'Revert "', c.subject)])
    return [
        clone.parent.name if clone.name in ("repo", ".git") else clone.name, range_, f"{len(commits):,}",
        f"{len(changes):,}", f"{sum(c.id in mine for c in plain) / len(plain):.0%}",
        f"{sum(c.sure >= SURE for c in changes) / len(changes):.0%}", f"{dropped}",
        f"{sum(len(release['commits']) for release in json.loads(said)):,}",
        f"{sum(c.id in told for c in plain) / len(plain):.0%}", f"{ours:.2f}", f"{theirs:.2f}",
    ]  # fmt: skip


def main() -> None:
    given = sys.argv[1:]
    if not given or len(given) % 2:
        sys.exit(__doc__)
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}, ", end="")
    print(f"pilotage {version('pilotage')}, git-cliff {version('git-cliff')}\n")
    headers = (
        "repository", "range", "commits", "our lines", "commits told", "kind known", "reverts", "git-cliff's lines",
        "commits told", "ours, s", "git-cliff, s",
    )  # fmt: skip
    print(f"| {' | '.join(headers)} |\n|{'---|' * len(headers)}")
    for clone, range_ in zip(given[::2], given[1::2], strict=True):
        print(f"| {' | '.join(compared(Path(clone).resolve(), range_))} |", flush=True)


if __name__ == "__main__":
    main()
