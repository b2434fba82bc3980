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
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

_AIMS = {"--help": 5, "plan 1.0.0": 15, "status": 10, "history": 10}
"""Times the cost of a bare Python that a command may take."""

_BARE = "python -c pass"
_COMMANDS = ("--version", "--help", "validate", "docs", "plan 1.0.0", "status", "history")
_RECORDED = ("status", "status --json", "history", "events", "explain")
_STORE = Path(__file__).parents[1] / "tests" / "stores" / "9482f63.sqlite.gz"


def costs(commands: Mapping[str, Sequence[str]], folder: Path, runs: int) -> dict[str, float]:
    """Seconds of processor, user and system, of the cheapest run of each. The commands take turns, so that a machine
    that slows down slows all of them."""
    found: dict[str, float] = {}
    for _ in range(runs):
        for name, command in commands.items():
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run(command, cwd=folder, capture_output=True, check=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            took = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            found[name] = min(took, found.get(name, took))
    return found


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
        # Makes the store, which no other command has to do again.
        subprocess.run([*pilotage, "status"], cwd=folder, capture_output=True, check=True)
        peers = {_BARE: [sys.executable, "-c", "pass"], "pip --version": [sys.executable, "-m", "pip", "--version"]}
        _show(costs({**peers, **_asked(pilotage, _COMMANDS)}, folder, runs))
        # Of an earlier version: the first command brings it up to date.
        (folder / ".pilotage" / "pilotage.sqlite").write_bytes(gzip.decompress(_STORE.read_bytes()))
        subprocess.run([*pilotage, "status"], cwd=folder, capture_output=True, check=True)
        recorded = costs({_BARE: peers[_BARE], **_asked(pilotage, _RECORDED)}, folder, runs)
        print(
            "\nWith rollouts recorded:\n\n| command | ms of processor | times a bare Python | aim |\n|---|---|---|---|"
        )
        _show(recorded)


def _asked(pilotage: Sequence[str], commands: Sequence[str]) -> dict[str, Sequence[str]]:
    return {f"pilotage {words}": [*pilotage, *words.split()] for words in commands}


def _show(found: Mapping[str, float]) -> None:
    for name, took in found.items():
        times, aim = took / found[_BARE], _AIMS.get(name.removeprefix("pilotage "))
        verdict = f"≤ {aim}: {'met' if times <= aim else 'missed'}" if aim else ""
        print(f"| `{name}` | {1000 * took:.0f} | {times:.1f} | {verdict} |")


if __name__ == "__main__":
    main()
