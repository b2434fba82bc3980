"""What a cold start of each command costs, in processor time, against a Python that does nothing.

`python benchmarks/cold.py [--runs 9]`. Every command is a process of its own, piped: in a fresh project without a
rollout, and in one whose store has four, one of them under way. The least of several runs counts, because a busy
machine only adds to it. `pip --version` stands beside it as a command line that people know.
"""

from __future__ import annotations

import argparse
import gzip
import os
import platform
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

_AIMS = {"--help": 5, "plan 1.0.0": 15, "status": 10, "history": 10}
"""Times the cost of a bare Python that a command may take."""

_COMMANDS = ("--version", "--help", "validate", "docs", "plan 1.0.0", "status", "history")
_RECORDED = ("status", "status --json", "history", "events", "explain")
_STORE = Path(__file__).parents[1] / "tests" / "stores" / "9482f63.sqlite.gz"


def cost(command: Sequence[str], folder: Path, runs: int) -> float:
    """Seconds of processor of the cheapest run; user and system."""
    found = []
    for _ in range(runs):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, cwd=folder, capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=9)
    runs = parser.parse_args().runs
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}, ", end="")
    print(f"pilotage {version('pilotage')}, the least of {runs} runs\n")
    print("| command | ms of processor | times a bare Python | aim |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        pilotage = [sys.executable, "-m", "pilotage.cli.main"]
        subprocess.run([*pilotage, "init", "--service", "shop"], cwd=folder, capture_output=True, check=True)
        bare = cost([sys.executable, "-c", "pass"], folder, runs)
        print(f"| `python -c pass` | {1000 * bare:.0f} | 1 | |")
        peer = cost([sys.executable, "-m", "pip", "--version"], folder, runs)
        print(f"| `pip --version` | {1000 * peer:.0f} | {peer / bare:.1f} | |")
        _rows(pilotage, folder, runs, bare, _COMMANDS, "")
        # Of an earlier version: the first command brings it up to date.
        (folder / ".pilotage" / "pilotage.sqlite").write_bytes(gzip.decompress(_STORE.read_bytes()))
        subprocess.run([*pilotage, "status"], cwd=folder, capture_output=True, check=True)
        _rows(pilotage, folder, runs, bare, _RECORDED, ", rollouts recorded")


def _rows(pilotage: Sequence[str], folder: Path, runs: int, bare: float, commands: Sequence[str], where: str) -> None:
    for words in commands:
        took = cost([*pilotage, *words.split()], folder, runs)
        aim = _AIMS.get(words) if not where else None
        verdict = f"≤ {aim}: {'met' if took / bare <= aim else 'missed'}" if aim else ""
        print(f"| `pilotage {words}`{where} | {1000 * took:.0f} | {took / bare:.1f} | {verdict} |", flush=True)


if __name__ == "__main__":
    main()
