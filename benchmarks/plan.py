"""How fast plans are made: all 6,400 of them with their JSON, and one from the shell.

    python benchmarks/plan.py

No peer makes a plan of answers, so the shell command's peers are the floor below it: Python's own start, and
`pilotage --help`. Times are the median and the range of several runs.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from importlib.metadata import version
from pathlib import Path

MAKE = "--make"
_COMBINATIONS = 6400


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5, help="how often each is repeated")
    parser.add_argument(MAKE, choices=["undated", "dated", "zones"], help="one run, in this process, as JSON")
    given = parser.parse_args()
    if given.make:
        print(json.dumps(_every_plan(given.make)))
        return
    print(f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}, ")
    print(f"pilotage {version('pilotage')}, msgspec {version('msgspec')}, pydantic {version('pydantic')}\n")
    _table(
        "6,400 plans with JSON, one process", ("", "seconds", "plans/s", "bytes a plan", "peak MiB"), _bulk(given.runs)
    )
    _table("from the shell, process start included", ("", "median ms", "range ms"), _shell(2 * given.runs + 1))


def _every_plan(kind: str) -> dict[str, float]:
    from pilotage import Answers, Calendar, Service, make_plan
    from pilotage.model import answers as a

    calendar = {
        "undated": Calendar(),
        "dated": Calendar("Europe/Berlin"),
        "zones": Calendar("Europe/Berlin", ("Europe/Berlin", "America/New_York", "Asia/Tokyo")),
    }[kind]
    release = None if kind == "undated" else date(2027, 6, 18)
    questions = (
        a.ReleaseType, a.DeploymentStrategy, a.TeamSize, a.ReleaseFrequency, a.RiskTolerance, a.Stakeholder,
    )  # fmt: skip
    began, made, size = time.perf_counter(), 0, 0
    for combination in itertools.product(*questions):
        plan = make_plan(
            Answers(*combination), version="2.4.0", service=Service(instances=4), calendar=calendar,
            release_date=release,
        )  # fmt: skip
        size += len(plan.to_json().encode())
        made += 1
    assert made == _COMBINATIONS
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "size": size / made, "peak": peak}


def _bulk(runs: int) -> list[tuple[str, ...]]:
    rows = []
    names = {"undated": "without a date", "dated": "with a date, one zone", "zones": "with a date, three zones"}
    for kind, name in names.items():
        found = [
            json.loads(subprocess.run([sys.executable, __file__, MAKE, kind], capture_output=True, check=True).stdout)
            for _ in range(runs)
        ]
        seconds = sorted(run["seconds"] for run in found)
        middle = statistics.median(seconds)
        rows.append(
            (
                name, f"{middle:.1f} ({seconds[0]:.1f}–{seconds[-1]:.1f})", f"{_COMBINATIONS / middle:,.0f}",
                f"{found[0]['size']:,.0f}", f"{max(run['peak'] for run in found):.0f}",
            )
        )  # fmt: skip
    return rows


def _shell(runs: int) -> list[tuple[str, ...]]:
    program = str(Path(sys.executable).parent / "pilotage")
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run([program, "init", "--service", "shop"], cwd=directory, check=True, capture_output=True)
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "pilotage --help": [program, "--help"],
            "pilotage plan 2.4.0 --json": [program, "plan", "2.4.0", "--json"],
            "pilotage plan 2.4.0": [program, "plan", "2.4.0"],
            "pilotage plan 2.4.0 --date …": [program, "plan", "2.4.0", "--date", "2030-06-14"],
            "pilotage plan 2.4.0 --format html": [program, "plan", "2.4.0", "--format", "html"],
        }
        return [(name, *_timed(command, directory, runs)) for name, command in commands.items()]


def _timed(command: list[str], directory: str, runs: int) -> tuple[str, str]:
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        subprocess.run(command, cwd=directory, check=True, capture_output=True)
        times.append((time.perf_counter() - began) * 1000)
    return f"{statistics.median(times):.0f}", f"{min(times):.0f}–{max(times):.0f}"


def _table(title: str, headers: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[index]) for row in (headers, *rows)) for index in range(len(headers))]
    print(title)
    for row in (headers, *rows):
        cells = (
            cell.ljust(width) if not index else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print("  " + "  ".join(cells))
    print()


if __name__ == "__main__":
    main()
